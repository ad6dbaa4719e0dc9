//! Where instances are made ahead of need: one thread, started when it is first needed.

use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// Ends its thread when dropped: the channel closes. It is not waited for, because a job may hold the last plugin, and
/// with it the host, and so be the one who drops this.
#[derive(Debug, Default)]
pub(crate) struct Nursery {
    /// `None` when no thread could be had.
    jobs: OnceLock<Option<Sender<Job>>>,
}

impl Nursery {
    /// Has `job` done soon, on the other thread; or never, when there is none.
    pub(crate) fn order(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = self.jobs.get_or_init(start) {
            // The receiver lives as long as the sender.
            let _ = jobs.send(Box::new(job));
        }
    }
}

fn start() -> Option<Sender<Job>> {
    let (sender, receiver) = mpsc::channel::<Job>();
    let run = move || receiver.into_iter().for_each(|job| job());
    thread::Builder::new().name("plugin-nursery".into()).spawn(run).ok().map(|_| sender)
}
