//! Writes down what scaling groups do, on a thread of its own: the control path waits for no disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use equipoise_scale::{Activity, GroupState, Transition};
use equipoise_target::{AlarmName, ScalingGroupName};
use tokio::sync::oneshot;

use crate::metrics::lock;

use super::store::{Change, Store, StoreError, Table, decode, encode};

/// Changes that wait while the disk takes none; beyond it the oldest are lost.
const MOST_WAITING: usize = 100_000;

/// Changes of an alarm's state that are kept.
const TRANSITIONS: usize = 1000;

type Records = Result<Vec<(String, Vec<u8>)>, StoreError>;

/// What the thread is asked to do.
enum Job {
    Write(Change),
    /// Of the records of a table that begin with this, only so many of the last ones stay.
    Trim {
        table: Table,
        prefix: String,
        most: usize,
    },
    Last {
        table: Table,
        prefix: String,
        limit: usize,
        answer: oneshot::Sender<Records>,
    },
}

/// Where everything that is to be remembered goes.
#[derive(Debug)]
pub(crate) struct Keeper {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Begins to write into `store`.
    pub(crate) fn new(store: Box<dyn Store>) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new().name("scaling-state".to_owned()).spawn(move || {
            Desk { store, waiting: VecDeque::new(), counts: BTreeMap::new(), failing: false }.work(&queue);
        })?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    pub(crate) fn group(&self, name: &ScalingGroupName, state: Option<&GroupState>) {
        self.put(Table::Groups, name.to_string(), state.map(encode));
    }

    /// Keeps an activity, and of its group's only the last `most`.
    pub(crate) fn activity(&self, activity: &Activity, most: usize) {
        let prefix = prefix(&activity.group);
        self.put(Table::Activities, format!("{prefix}{:020}", activity.id), Some(encode(activity)));
        self.send(Job::Trim { table: Table::Activities, prefix, most });
    }

    pub(crate) fn transition(&self, transition: &Transition) {
        let prefix = prefix(&transition.alarm);
        self.put(Table::Transitions, format!("{prefix}{:020}", transition.at.millis()), Some(encode(transition)));
        self.send(Job::Trim { table: Table::Transitions, prefix, most: TRANSITIONS });
    }

    pub(crate) fn put(&self, table: Table, key: String, value: Option<Vec<u8>>) {
        self.send(Job::Write(Change { table, key, value }));
    }

    /// The latest activities of a group, the newest first.
    pub(crate) async fn activities(&self, group: &ScalingGroupName, limit: usize) -> Result<Vec<Activity>, StoreError> {
        self.last(Table::Activities, prefix(group), limit).await
    }

    /// The latest changes of an alarm's state, the newest first.
    pub(crate) async fn transitions(&self, alarm: &AlarmName, limit: usize) -> Result<Vec<Transition>, StoreError> {
        self.last(Table::Transitions, prefix(alarm), limit).await
    }

    async fn last<T: serde::de::DeserializeOwned>(
        &self,
        table: Table,
        prefix: String,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Last { table, prefix, limit, answer });
        let records = answered.await.unwrap_or(Err(StoreError::Closed))?;
        Ok(records.iter().filter_map(|(key, value)| decode(table, key, value)).collect())
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = lock(&self.jobs).as_ref() {
            // Without a receiver the thread has died, of which the panic hook told.
            let _ = jobs.send(job);
        }
    }

    /// Writes what is still to be written and closes the file; nothing is taken from then on. Blocks.
    pub(crate) fn close(&self) {
        lock(&self.jobs).take();
        if let Some(thread) = lock(&self.thread).take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

/// What is remembered is written before the program ends.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the keys of everything of one name begin with. Names have no slash.
fn prefix(name: &impl std::fmt::Display) -> String {
    format!("{name}/")
}

/// The thread's side.
struct Desk {
    store: Box<dyn Store>,
    waiting: VecDeque<Change>,
    /// How many records there are at most of what is trimmed.
    counts: BTreeMap<(Table, String), usize>,
    failing: bool,
}

impl Desk {
    fn work(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            // Everything that waits goes into one write, which costs the disk as much as the smallest.
            for job in std::iter::once(first).chain(std::iter::from_fn(|| queue.try_recv().ok())) {
                self.take(job);
            }
            self.flush();
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Write(change) => {
                if self.waiting.len() >= MOST_WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(change);
            }
            Job::Trim { table, prefix, most } => {
                if let Err(error) = self.trim(table, &prefix, most) {
                    self.complain(&error);
                }
            }
            Job::Last { table, prefix, limit, answer } => {
                self.flush();
                // Who asked may have gone.
                let _ = answer.send(self.store.last(table, &prefix, limit));
            }
        }
    }

    /// Trims a tenth more than needed, so that not every record costs a look at all.
    fn trim(&mut self, table: Table, prefix: &str, most: usize) -> Result<(), StoreError> {
        let count = self.counts.entry((table, prefix.to_owned())).or_insert(usize::MAX);
        *count = count.saturating_add(1);
        if *count <= most + most / 10 {
            return Ok(());
        }
        self.flush();
        let all = self.store.last(table, prefix, usize::MAX)?;
        self.counts.insert((table, prefix.to_owned()), all.len().min(most));
        let gone = all.into_iter().skip(most);
        self.waiting.extend(gone.map(|(key, _)| Change { table, key, value: None }));
        Ok(())
    }

    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match self.store.write(self.waiting.make_contiguous()) {
            Ok(()) => {
                self.waiting.clear();
                if std::mem::take(&mut self.failing) {
                    tracing::info!("what scaling groups do is written down again");
                }
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Once until it works again.
    fn complain(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(
                error = crate::error::chain(error),
                "what scaling groups do is not written down for now; scaling goes on"
            );
        }
    }
}

#[cfg(test)]
mod tests;
