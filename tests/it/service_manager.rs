//! What a service manager passes in, and what it is told.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use equipoise_tests::{Program, TestTarget, eventually, free_port, get};
use rustix::process::Signal;

use crate::text::{group, listener};
use crate::upgrade::Other;

const SOON: Duration = Duration::from_secs(20);

/// What the program tells its service manager.
struct Notices {
    socket: UnixDatagram,
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Notices {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(SOON)).expect("a time-out");
        Self { socket, path, _folder: folder }
    }

    /// The next message that says `what`; others are passed over.
    #[track_caller]
    fn until(&self, what: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|_| panic!("nobody says {what}"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.lines().any(|line| line.starts_with(what)) {
                return text;
            }
        }
    }
}

#[test]
fn the_service_manager_hears_of_every_step() {
    let (target, port, notices) = (TestTarget::named("a"), free_port(), Notices::new());
    let start = |program: &std::path::Path| {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).env("NOTIFY_SOCKET", &notices.path).env("WATCHDOG_USEC", "200000");
        command
    };
    let configuration = listener(port, "g") + &group("g", &[target.port()]);
    let mut program = Program::start_through(&configuration, |_| {}, &start);
    let ready = notices.until("READY=1");
    assert!(ready.contains("STATUS=generation 1: 1 listeners, 1 target groups"), "{ready}");
    notices.until("WATCHDOG=1");
    program.signal(Signal::HUP);
    assert!(notices.until("RELOADING=1").contains("MONOTONIC_USEC="));
    notices.until("READY=1");
    program.configure(&(configuration + &group("h", &[target.port()])));
    notices.until("STATUS=generation 2: 1 listeners, 2 target groups");
    program.signal(Signal::USR2);
    let taken_over = notices.until("MAINPID=");
    let other = Other::of(&program, 0);
    assert!(taken_over.contains(&format!("MAINPID={}", other.0)), "{taken_over}");
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
    notices.until("WATCHDOG=1");
    other.signal(Signal::TERM);
    notices.until("STOPPING=1");
    eventually("the new process ends", || other.is_gone().then_some(()));
}

/// Starts the program as a service manager does that listens for it.
fn activated(socket: TcpListener, name: &str, configuration: &str) -> Program {
    let socket = OwnedFd::from(socket);
    let start = |program: &std::path::Path| {
        let mut command = Command::new("sh");
        let script = "export LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 </dev/null";
        command.args(["-c", script]).arg(program).env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", name);
        command.stdin(Stdio::from(socket.try_clone().expect("a duplicate")));
        command
    };
    Program::start_through(configuration, |_| {}, &start)
}

#[test]
fn a_passed_socket_serves_the_listener_of_its_name() {
    let target = TestTarget::named("a");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    let mut program = activated(socket, "web", &(listener(0, "g") + &group("g", &[target.port()])));
    assert_eq!(get(port, "/").expect("an answer").body, "a");
    assert_eq!(program.status()["listeners"][0]["bind"], format!("127.0.0.1:{port}"));
    program.signal(Signal::TERM);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
}

#[test]
fn a_passed_socket_without_a_known_name_serves_the_listener_of_its_address() {
    let target = TestTarget::named("a");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    let program = activated(socket, "equipoise.socket", &(listener(port, "g") + &group("g", &[target.port()])));
    assert_eq!(get(port, "/").expect("an answer").body, "a");
    // Its address could not have been bound: the service manager listens there.
    program.signal(Signal::USR2);
    let _other = Other::of(&program, 0);
    assert_eq!(get(port, "/").expect("an answer").body, "a");
}
