//! A process that may open few descriptors.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use equipoise_tests::{Program, TestTarget, eventually, free_port, get, metric};

use crate::text::{group, listener};

fn cramped(program: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(program).stdin(Stdio::null());
    command
}

/// Processor time that a process has taken, in clock ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    let rest = stat.rsplit_once(") ").expect("a name").1;
    let numbers = rest.split(' ').skip(11).take(2).map(|number| number.parse::<u64>().expect("a number"));
    numbers.sum()
}

#[test]
fn with_256_descriptors_a_flood_of_clients_is_told_to_come_back_and_starves_nobody() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let configuration = listener(port, "g") + &group("g", &[target.port()]);
    let program = Program::start_through(&configuration, |_| {}, &cramped);
    eventually("it warns", || program.log().contains("fewer descriptors").then_some(()));
    let mut clients: Vec<_> = (0..300).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("accepted")).collect();
    let mut turned_away = 0;
    for client in &mut clients {
        client.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out");
        let mut answer = [0; 12];
        turned_away += usize::from(client.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 503");
    }
    assert!((150..300).contains(&turned_away), "{turned_away}");
    // Those who were let in are served: there is a descriptor for their target.
    let mut served = 0;
    for client in &mut clients {
        client.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        let mut answer = [0; 12];
        let asked = client.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").is_ok();
        served += usize::from(asked && client.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200");
    }
    assert_eq!(served + turned_away, 300);
    assert_eq!(get(program.admin, "/readyz").expect("the admin address answers").status, 200);
    let (before, began) = (ticks(program.pid()), Instant::now());
    while began.elapsed() < Duration::from_secs(1) {
        // Who asks before it was told may see a reset.
        assert!(get(port, "/").map_or(true, |answer| answer.status == 503));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let spent = ticks(program.pid()) - before;
    assert!(spent < 30, "{spent} ticks of 100 while nothing could be done");
    let page = program.metrics();
    let refused = metric(&page, "equipoise_faults_total", &["listener=\"web\"", "reason=\"no-descriptors\""]);
    assert!(refused >= 150.0, "{page}");
    drop(clients);
    let left = Instant::now();
    while !get(port, "/").is_ok_and(|answer| answer.status == 200) {
        assert!(left.elapsed() < Duration::from_secs(1), "still not served");
    }
}
