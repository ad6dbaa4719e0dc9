//! The process that was started for an instance: known for certain by a pidfd, whoever started it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::str::FromStr;
use std::sync::LazyLock;

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::unix::AsyncFd;

use super::census::Stat;

/// Names a boot of this machine: process ids start anew with each.
static BOOT: LazyLock<String> = LazyLock::new(|| {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.chars().take(8).collect()
});

/// Names a process for ever: ids are used again, but not with the same start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) pid: Pid,
    /// In clock ticks since the machine's start.
    pub(super) start: u64,
}

/// Why a text names no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOfThisBoot;

impl Identity {
    /// Of the process that has this id now.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        let stat = Stat::of(pid)?;
        Some(Self { pid, start: stat.start })
    }

    /// Whether the process is there and is no zombie.
    pub(super) fn lives(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.start == self.start && !stat.zombie)
    }

    /// Sends a signal to this process, and to none that came after it.
    pub(super) fn signal(self, signal: Signal) {
        let Ok(descriptor) = rustix::process::pidfd_open(self.pid, PidfdFlags::empty()) else { return };
        if self.lives() {
            let _ = rustix::process::pidfd_send_signal(descriptor, signal);
        }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.pid.as_raw_nonzero(), self.start, *BOOT)
    }
}

impl FromStr for Identity {
    type Err = NotOfThisBoot;
    fn from_str(text: &str) -> Result<Self, NotOfThisBoot> {
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or(NotOfThisBoot);
        let (pid, start, boot) = (next()?, next()?, next()?);
        let pid = pid.parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw).ok_or(NotOfThisBoot)?;
        let start = start.parse().map_err(|_| NotOfThisBoot)?;
        if boot == *BOOT { Ok(Self { pid, start }) } else { Err(NotOfThisBoot) }
    }
}

/// A process that is watched.
#[derive(Debug)]
pub(super) struct Leader {
    identity: Identity,
    descriptor: AsyncFd<OwnedFd>,
}

impl Leader {
    /// Watches a process; it may be any, but one that ended before is an error. In a runtime only.
    pub(super) fn watch(identity: Identity) -> io::Result<Self> {
        let descriptor = rustix::process::pidfd_open(identity.pid, PidfdFlags::empty())?;
        let same = Stat::of(identity.pid).is_some_and(|stat| stat.start == identity.start);
        if !same {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        #[allow(deprecated, reason = "unsound for types whose descriptor changes; that of an `OwnedFd` does not")]
        let descriptor = AsyncFd::with_interest(descriptor, tokio::io::Interest::READABLE)?;
        Ok(Self { identity, descriptor })
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Completes when the process has ended. It stays a zombie, so that its id is nobody else's, until it is reaped.
    pub(super) async fn ended(&self) {
        // A pidfd is readable once its process has ended, and for ever then.
        let _ = self.descriptor.readable().await;
    }

    /// Sends a signal to the process and to every other of its process group.
    pub(super) fn signal_group(&self, signal: Signal) {
        // A child of ours is not reaped before its group is gone, so that the id cannot be another's. One that was adopted
        // is reaped by others: its group is then left alone.
        if Identity::of(self.identity.pid) == Some(self.identity) {
            let _ = rustix::process::kill_process_group(self.identity.pid, signal);
        }
    }

    /// How the process ended, in one line; for a child of ours only.
    pub(super) fn outcome(&self) -> Option<String> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = self.wait(options)?;
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Some(format!("exited with code {code}")),
            (None, Some(signal)) => Some(format!("killed by signal {}", named(signal))),
            (None, None) => None,
        }
    }

    /// Lets go of what is left of the process. Who is not its parent has nothing to let go of.
    pub(super) fn reap(&self) {
        let _ = self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }

    fn wait(&self, options: WaitIdOptions) -> Option<WaitIdStatus> {
        rustix::process::waitid(WaitId::PidFd(self.descriptor.get_ref().as_fd()), options).ok().flatten()
    }
}

/// Lets go of what is left of another child of this program that has ended.
pub(super) fn reap(pid: Pid) {
    let _ = rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
}

/// The signal that a launch template names.
pub(super) fn signal(name: &str) -> Option<Signal> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal)
}

fn named(number: i32) -> String {
    match NAMES.iter().find(|(_, signal)| signal.as_raw() == number) {
        Some((name, _)) => format!("{number} ({name})"),
        None => number.to_string(),
    }
}

const NAMES: [(&str, Signal); 14] = [
    ("TERM", Signal::TERM),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("HUP", Signal::HUP),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("KILL", Signal::KILL),
    ("SEGV", Signal::SEGV),
    ("ABRT", Signal::ABORT),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("ILL", Signal::ILL),
    ("PIPE", Signal::PIPE),
    ("XCPU", Signal::XCPU),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_and_read_and_is_of_one_boot() {
        let ours = Identity::of(rustix::process::getpid()).unwrap();
        assert!(ours.lives());
        assert_eq!(ours.to_string().parse(), Ok(ours));
        for text in ["", "1", "1:2", "0:1:x", "-5:1:x", "1:2:another-boot", "x:y:z"] {
            assert_eq!(text.parse::<Identity>(), Err(NotOfThisBoot), "{text}");
        }
        assert!(!Identity { start: ours.start + 1, ..ours }.lives());
    }

    #[test]
    fn signals_have_the_names_that_templates_use() {
        assert_eq!(signal("TERM"), Some(Signal::TERM));
        assert_eq!(signal("SIGTERM"), None);
        assert_eq!(named(9), "9 (KILL)");
        assert_eq!(named(63), "63");
    }
}
