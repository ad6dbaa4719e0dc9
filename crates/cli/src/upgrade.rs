//! Another process of the same program in the place of this one, and no request lost on the way.
//!
//! ```text
//! this: starts the other ─▶ hands sockets over ─▶ waits ─┬─ it serves: lets it steer the scaling groups, drains, ends
//!                                                        └─ it does not: serves on
//! ```
//!
//! Both listen on the same sockets meanwhile, so there is no moment at which nobody does, and no queue that is lost.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use equipoise::Handle;

use crate::handover::{Channel, Estate, STDIN, VARIABLE};

/// Variables that speak of this process alone.
const OURS: [&str; 5] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "WATCHDOG_PID"];

/// Starts the program anew, with the same arguments, and returns its process id once it serves on our sockets and steers the
/// scaling groups. When it does not come to that, or this future is dropped before, it is ended.
pub(crate) async fn upgrade(handle: Handle) -> anyhow::Result<u32> {
    let sockets = handle.sockets().context("duplicating the sockets")?;
    let estate = Estate { sockets, health: handle.health(), ..Estate::default() };
    let (ours, theirs) = Channel::pair().context("making a way for the sockets")?;
    let mut successor = Successor::start(theirs)?;
    tracing::info!(pid = successor.id(), "upgrade: starting the program anew");
    let waiting = tokio::task::spawn_blocking(move || {
        ours.give(estate).context("handing the sockets over")?;
        ours.wait_until_ready().context("the new process does not serve")?;
        anyhow::Ok(ours)
    });
    let ours = waiting.await??;
    // It serves: whatever comes now, it is not ended any more.
    let pid = successor.release();
    handle.hand_scaling_over().await;
    ours.released();
    Ok(pid)
}

/// The new process, which does not survive this unless it is released.
struct Successor(Option<Child>);

impl Successor {
    fn start(stdin: OwnedFd) -> anyhow::Result<Self> {
        let mut arguments = std::env::args_os();
        // What is called the same may be another file by now: that is the point.
        let name = arguments.next().context("the program does not know its own name")?;
        let mut command = Command::new(&name);
        command.arg0(&name).args(arguments).env(VARIABLE, STDIN).stdin(Stdio::from(stdin));
        for variable in OURS {
            command.env_remove(variable);
        }
        let child = command.spawn().with_context(|| format!("starting {}", name.display()))?;
        Ok(Self(Some(child)))
    }

    fn id(&self) -> Option<u32> {
        self.0.as_ref().map(Child::id)
    }

    fn release(&mut self) -> u32 {
        // It is there until it is released, and that is done once.
        self.0.take().map_or(0, |child| child.id())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
