//! A new process in the place of the old one.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use equipoise_tests::{Load, Program, TestTarget, eventually, free_port, get};
use rustix::process::{Pid, Signal, kill_process};

use crate::text::{group, listener};

const SOON: Duration = Duration::from_secs(20);

/// A process that is not our child; ended when dropped.
pub(crate) struct Other(pub(crate) u32);

impl Other {
    /// The process that the log says has taken over, after `before` others did.
    pub(crate) fn of(program: &Program, before: usize) -> Self {
        let pid = |log: &str| {
            let line = log.lines().filter(|line| line.contains("the new process serves")).nth(before)?.to_owned();
            let pid: String = line.rsplit_once("pid=")?.1.chars().take_while(char::is_ascii_digit).collect();
            pid.parse().ok()
        };
        Self(eventually("another process takes over", || pid(&plain(&program.log()))))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.try_into().expect("a process id")).expect("a process id");
        kill_process(pid, signal).expect("the process lives");
    }

    /// Whether it has ended. Nobody may be there to collect its status.
    pub(crate) fn is_gone(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if !self.is_gone() {
            self.signal(Signal::KILL);
        }
    }
}

/// A log without colours.
fn plain(log: &str) -> String {
    let mut pieces = log.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or("", |(_, rest)| rest))
}

fn over_unix(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).expect("somebody listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").expect("writable");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn answered(load: &Load, more: u64) {
    let goal = load.tally().succeeded() + more;
    eventually("requests are answered", || (load.tally().succeeded() >= goal).then_some(()));
}

#[test]
fn two_upgrades_under_load_lose_no_request() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("local.sock");
    let local = format!("[listener.local]\nbind = \"unix:{}\"\ndefault = {{ forward = \"g\" }}\n", path.display());
    // A new process that did not know its targets would have none to send requests to.
    let check = "[target-group.g.health-check.http]\ninitial = \"unhealthy\"\nhealthy-threshold = 1\n";
    let mut program = Program::start(&(listener(port, "g") + &local + &group("g", &[target.port()]) + check));
    eventually("the target passes", || get(port, "/").is_ok_and(|answer| answer.status == 200).then_some(()));
    let load = Load::start(port, "/", 16);
    answered(&load, 500);
    program.signal(Signal::USR2);
    let second = Other::of(&program, 0);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
    answered(&load, 500);
    assert!(over_unix(&path).starts_with("HTTP/1.1 200"));
    assert_eq!(get(program.admin, "/readyz").expect("the admin address answers").status, 200);
    second.signal(Signal::USR2);
    let third = Other::of(&program, 1);
    eventually("the second process ends", || second.is_gone().then_some(()));
    answered(&load, 500);
    let tally = load.stop();
    assert_eq!((tally.failed(), &tally.errors), (0, &Default::default()));
    assert!(over_unix(&path).starts_with("HTTP/1.1 200"));
    third.signal(Signal::TERM);
    eventually("the third process ends", || third.is_gone().then_some(()));
    assert!(!path.exists(), "the last one takes the socket's file away");
}

#[test]
fn an_upgrade_that_fails_says_why_and_changes_nothing() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let mut program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    program.replace("equipoise.toml", b"[listener.web]\nbind = \"nowhere\"\n");
    program.signal(Signal::USR2);
    let failed = || plain(&program.log()).lines().find(|line| line.contains("upgrade failed")).map(str::to_owned);
    let line = eventually("the upgrade fails", failed);
    assert!(line.contains("this process serves on") && line.contains("is refused"), "{line}");
    assert_eq!(get(port, "/").expect("an answer").body, "a");
    assert_eq!(get(program.admin, "/readyz").expect("the admin address answers").status, 200);
    program.signal(Signal::TERM);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
}
