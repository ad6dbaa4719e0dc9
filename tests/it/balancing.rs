//! Algorithms as users see them, and in-flight counts that stay exact.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use equipoise_tests::{Program, TestTarget, eventually, free_port, get, request};
use http_body_util::Full;
use hyper::Response;

use crate::text::{group, listener};

fn three() -> [TestTarget; 3] {
    ["a", "b", "c"].map(TestTarget::named)
}

#[test]
fn weighted_round_robin_gives_each_target_its_share() {
    let ([a, b, c], port) = (three(), free_port());
    let _program = Program::start(&format!(
        "workers = 1\n{}[target-group.g]\nport = 80\ntargets = [{{ address = \"127.0.0.1:{}\", weight = 5 }}, \
         \"127.0.0.1:{}\", \"127.0.0.1:{}\"]\n[target-group.g.balance.round-robin]\n",
        listener(port, "g"),
        a.port(),
        b.port(),
        c.port()
    ));
    for _ in 0..70 {
        assert_eq!(get(port, "/").expect("an answer").status, 200);
    }
    assert_eq!([a.requests(), b.requests(), c.requests()], [50, 10, 10]);
}

#[test]
fn a_hash_key_always_reaches_the_same_target_and_survives_a_restart() {
    let ([a, b, c], port) = (three(), free_port());
    let text = format!(
        "{}{}[target-group.g.balance.consistent-hash]\nkey = {{ header = \"x-user\" }}\ntable = \"maglev\"\n",
        listener(port, "g"),
        group("g", &[a.port(), b.port(), c.port()])
    );
    let users: Vec<String> = (0..60).map(|n| format!("user-{n}")).collect();
    let map = || -> BTreeMap<String, String> {
        let place = |user: &String| request(port, "GET", "/", &[("x-user", user)], "").expect("an answer").body;
        users.iter().map(|user| (user.clone(), place(user))).collect()
    };
    let program = Program::start(&text);
    let first = map();
    assert_eq!(first, map());
    drop(program);
    let _again = Program::start(&text);
    assert_eq!(first, map());
    assert_eq!(first.values().collect::<BTreeSet<_>>().len(), 3, "{first:?}");
}

#[test]
fn least_connections_avoids_the_busy_target() {
    let (busy, idle, port) = (TestTarget::named("busy"), TestTarget::named("idle"), free_port());
    let program = Program::start(&format!(
        "workers = 1\n{}{}[target-group.g.balance.least-connections]\n",
        listener(port, "g"),
        group("g", &[busy.port(), idle.port()])
    ));
    // A request whose body never ends keeps one target busy: the test target answers only once it has read it.
    let mut slow = TcpStream::connect(("127.0.0.1", port)).expect("accepted");
    slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345").expect("sent");
    eventually("the slow request is in flight", || (in_flight(&program) == 1).then_some(()));
    let held = held_by(&program);
    for _ in 0..10 {
        let answer = get(port, "/").expect("an answer");
        let quick = if answer.body == "busy" { busy.port() } else { idle.port() };
        assert_ne!(format!("127.0.0.1:{quick}"), held);
    }
    drop(slow);
    eventually("an aborted request leaves the count", || (in_flight(&program) == 0).then_some(()));
}

#[test]
fn counts_return_to_zero_after_aborts_and_retries() {
    let big = TestTarget::scripted("big", Arc::new(|_, _| Response::new(Full::from(vec![b'x'; 8 << 20]))));
    let (dead, port) = (free_port(), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[dead, big.port()])));
    for _ in 0..20 {
        let mut client = TcpStream::connect(("127.0.0.1", port)).expect("accepted");
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        drop(client); // before the 8 MiB were read
    }
    eventually("aborted requests leave the count", || (in_flight(&program) == 0).then_some(()));
    assert_eq!(get(port, "/").expect("an answer").body.len(), 8 << 20);
    eventually("a finished request leaves the count", || (in_flight(&program) == 0).then_some(()));
}

fn targets(program: &Program) -> Vec<serde_json::Value> {
    program.status()["target_groups"][0]["targets"].as_array().expect("targets").clone()
}

fn in_flight(program: &Program) -> u64 {
    targets(program).iter().map(|target| target["in_flight"].as_u64().expect("a number")).sum()
}

fn held_by(program: &Program) -> String {
    let targets = targets(program);
    let busy = targets.iter().find(|target| target["in_flight"] == 1).expect("one is busy");
    busy["address"].as_str().expect("text").to_owned()
}
