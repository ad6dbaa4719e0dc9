//! Signals, as operators and orchestrators send them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use equipoise_tests::{Load, Program, TestTarget, eventually, free_port, get};
use http_body_util::Full;
use hyper::Response;
use rustix::process::Signal;

use crate::text::{group, listener};

const SOON: Duration = Duration::from_secs(10);

/// A target that holds `/slow` until it is let go.
fn gated() -> (TestTarget, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let script = move |request: &hyper::Request<bytes::Bytes>, name: &str| {
        while request.uri().path() == "/slow" && !gate.load(SeqCst) {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Response::new(Full::from(name.to_owned()))
    };
    (TestTarget::scripted("slow", Arc::new(script)), open)
}

fn in_flight(program: &Program) -> u64 {
    program.status()["target_groups"][0]["targets"][0]["in_flight"].as_u64().expect("a number")
}

fn drains(signal: Signal) {
    let ((target, open), port) = (gated(), free_port());
    let mut program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let pending = std::thread::spawn(move || get(port, "/slow"));
    eventually("the request is in flight", || (in_flight(&program) == 1).then_some(()));
    program.signal(signal);
    eventually("readiness fails first", || {
        get(program.admin, "/readyz").is_ok_and(|answer| answer.status == 503).then_some(())
    });
    eventually("new connections are refused", || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
    open.store(true, SeqCst);
    assert_eq!(pending.join().expect("no panic").expect("an answer").body, "slow");
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
}

#[test]
fn term_finishes_what_is_in_flight_and_exits_with_zero() {
    drains(Signal::TERM);
}

#[test]
fn interrupt_and_quit_are_graceful_too() {
    drains(Signal::INT);
    drains(Signal::QUIT);
}

#[test]
fn a_second_interrupt_stops_at_once() {
    let ((target, _never), port) = (gated(), free_port());
    let mut program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let pending = std::thread::spawn(move || get(port, "/slow"));
    eventually("the request is in flight", || (in_flight(&program) == 1).then_some(()));
    program.signal(Signal::INT);
    eventually("it drains", || get(program.admin, "/readyz").is_ok_and(|answer| answer.status == 503).then_some(()));
    program.signal(Signal::INT);
    assert!(program.wait(SOON).is_some(), "{}", program.log());
    assert!(pending.join().expect("no panic").is_err_or_server_error());
}

trait Cut {
    fn is_err_or_server_error(&self) -> bool;
}

impl Cut for std::io::Result<equipoise_tests::Answer> {
    fn is_err_or_server_error(&self) -> bool {
        self.as_ref().map_or(true, |answer| answer.status >= 500)
    }
}

#[test]
fn a_drain_under_load_loses_no_request_that_was_accepted() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let mut program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let load = Load::start(port, "/", 8);
    eventually("traffic flows", || (load.tally().succeeded() > 200).then_some(()));
    program.signal(Signal::TERM);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
    let tally = load.stop();
    let lost: Vec<_> = tally.errors.iter().filter(|(error, _)| !error.starts_with("connecting")).collect();
    assert!(lost.is_empty() && tally.statuses.keys().all(|status| *status == 200), "{lost:?} {:?}", tally.statuses);
}

#[test]
fn an_idle_keep_alive_connection_does_not_hold_the_drain_up() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let mut program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let mut idle = TcpStream::connect(("127.0.0.1", port)).expect("accepted");
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut first = [0; 12];
    idle.read_exact(&mut first).expect("answered");
    assert_eq!(&first, b"HTTP/1.1 200");
    program.signal(Signal::TERM);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
}

#[test]
fn usr1_reopens_the_access_log() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("access.log");
    let access_log = format!("[access-log]\nformat = \"json\"\npath = \"{}\"\n", log.display());
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()]) + &access_log));
    let lines = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    get(port, "/first").expect("an answer");
    eventually("the first line is written", || (lines(&log) == 1).then_some(()));
    let rotated = folder.path().join("access.log.1");
    std::fs::rename(&log, &rotated).expect("renamed");
    program.signal(Signal::USR1);
    eventually("the file is there again", || log.exists().then_some(()));
    get(port, "/second").expect("an answer");
    eventually("the second line is in the new file", || (lines(&log) == 1).then_some(()));
    assert_eq!(lines(&rotated), 1);
    let line: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&log).expect("readable")).expect("JSON");
    assert_eq!((line["url.path"].as_str(), line["http.response.status_code"].as_u64()), (Some("/second"), Some(200)));
}
