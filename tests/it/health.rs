//! Health checks as traffic feels them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use equipoise_tests::{Load, Program, TestTarget, eventually, free_port, get};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};

use crate::text::{group, http_check, listener};

/// A target whose `/health` answers with a status that the test sets; everything else is 200.
fn switchable(name: &str) -> (TestTarget, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let shared = status.clone();
    let script = move |request: &Request<Bytes>, name: &str| {
        let mut response = Response::new(Full::from(name.to_owned()));
        if request.uri().path() == "/health" {
            *response.status_mut() = StatusCode::from_u16(shared.load(SeqCst)).expect("valid");
        }
        response
    };
    (TestTarget::scripted(name, Arc::new(script)), status)
}

pub(crate) fn health_of(program: &Program, target: &TestTarget) -> String {
    let status = program.status();
    let groups = status["target_groups"].as_array().expect("groups");
    let all = groups.iter().flat_map(|group| group["targets"].as_array().expect("targets"));
    let found = all.into_iter().find(|row| row["address"] == target.address.to_string()).expect("a known target");
    found["health"].as_str().expect("text").to_owned()
}

fn wait_for(program: &Program, target: &TestTarget, health: &str) {
    eventually(&format!("{} is {health}", target.address), || (health_of(program, target) == health).then_some(()));
}

#[test]
fn an_unhealthy_target_gets_no_requests_until_it_is_healthy_again() {
    let ((a, a_health), (b, _)) = (switchable("a"), switchable("b"));
    let port = free_port();
    let program = Program::start(&format!(
        "{}{}{}",
        listener(port, "g"),
        group("g", &[a.port(), b.port()]),
        http_check("g", "/health")
    ));
    wait_for(&program, &a, "healthy");
    a_health.store(503, SeqCst);
    wait_for(&program, &a, "unhealthy");
    for _ in 0..10 {
        assert_eq!(get(port, "/").expect("an answer").body, "b");
    }
    a_health.store(200, SeqCst);
    wait_for(&program, &a, "healthy");
    let bodies: Vec<_> = (0..4).map(|_| get(port, "/").expect("an answer").body).collect();
    assert!(bodies.contains(&"a".to_owned()), "{bodies:?}");
}

#[test]
fn a_group_without_a_healthy_target_fails_open_and_says_so() {
    let (a, a_health) = switchable("a");
    let port = free_port();
    let text = format!("{}{}{}", listener(port, "g"), group("g", &[a.port()]), http_check("g", "/health"));
    let program = Program::start(&text);
    a_health.store(500, SeqCst);
    wait_for(&program, &a, "unhealthy");
    assert_eq!(get(port, "/").expect("an answer").body, "a");
    assert_eq!(program.status()["target_groups"][0]["failed_open"], true);

    let port = free_port();
    let closed = text_without_fail_open(port, a.port());
    let program = Program::start(&closed);
    wait_for(&program, &a, "unhealthy");
    let answer = get(port, "/").expect("an answer");
    assert_eq!(answer.status, 503);
    assert!(answer.header("proxy-status").is_some_and(|why| why.contains("destination_unavailable")), "{answer:?}");
}

fn text_without_fail_open(port: u16, target: u16) -> String {
    format!("{}{}fail-open = false\n{}", listener(port, "g"), group("g", &[target]), http_check("g", "/health"))
}

#[test]
fn a_closed_port_is_seen_by_a_tcp_check() {
    let (a, dead, port) = (TestTarget::named("a"), free_port(), free_port());
    let program = Program::start(&format!(
        "{}{}[target-group.g.health-check.tcp]\ninterval = \"100ms\"\ntimeout = \"90ms\"\nhealthy-threshold = 1\n\
         unhealthy-threshold = 1\n",
        listener(port, "g"),
        group("g", &[a.port(), dead])
    ));
    eventually("the dead target is out", || {
        let status = program.status();
        (status["target_groups"][0]["targets"][1]["health"] == "unhealthy").then_some(())
    });
    for _ in 0..10 {
        assert_eq!(get(port, "/").expect("an answer").body, "a");
    }
}

#[test]
fn a_target_that_leaves_finishes_its_requests_within_the_deregistration_delay() {
    let held = Arc::new(AtomicBool::new(true));
    let gate = held.clone();
    let slow = TestTarget::scripted(
        "slow",
        Arc::new(move |request, name| {
            while request.uri().path() == "/slow" && gate.load(SeqCst) {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            Response::new(Full::from(name.to_owned()))
        }),
    );
    let (other, port) = (TestTarget::named("other"), free_port());
    let with = |ports: &[u16]| listener(port, "g") + &group("g", ports) + "deregistration-delay = \"30s\"\n";
    let program = Program::start(&with(&[slow.port()]));
    let pending = std::thread::spawn(move || get(port, "/slow"));
    eventually("the slow request is in flight", || {
        (program.status()["target_groups"][0]["targets"][0]["in_flight"] == 1).then_some(())
    });
    program.configure(&with(&[other.port()]));
    assert!(program.reload().status.success());
    assert_eq!(get(port, "/").expect("an answer").body, "other");
    let draining = program.status()["target_groups"][0]["targets"].as_array().expect("targets").last().cloned();
    assert_eq!(draining.expect("it is still shown")["draining"], true);
    held.store(false, SeqCst);
    assert_eq!(pending.join().expect("no panic").expect("an answer").body, "slow");
    eventually("the drained target is gone", || {
        (program.status()["target_groups"][0]["targets"].as_array().expect("targets").len() == 1).then_some(())
    });
}

#[test]
fn requests_that_outlast_the_deregistration_delay_are_cut() {
    let slow = TestTarget::scripted(
        "slow",
        Arc::new(|_, _| {
            std::thread::park_timeout(Duration::from_secs(15));
            Response::new(Full::default())
        }),
    );
    let (other, port) = (TestTarget::named("other"), free_port());
    let with = |ports: &[u16]| listener(port, "g") + &group("g", ports) + "deregistration-delay = \"300ms\"\n";
    let program = Program::start(&with(&[slow.port()]));
    let start = Instant::now();
    let pending = std::thread::spawn(move || get(port, "/slow"));
    eventually("the slow request is in flight", || {
        (program.status()["target_groups"][0]["targets"][0]["in_flight"] == 1).then_some(())
    });
    program.configure(&with(&[other.port()]));
    assert!(program.reload().status.success());
    let answer = pending.join().expect("no panic");
    assert!(start.elapsed() < Duration::from_secs(10), "it was not cut");
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status >= 500));
}

#[test]
fn health_checks_go_on_under_load_without_a_failed_request() {
    let ((a, a_health), (b, _)) = (switchable("a"), switchable("b"));
    let port = free_port();
    let text = group("g", &[a.port(), b.port()]) + &http_check("g", "/health");
    let program = Program::start(&(listener(port, "g") + &text));
    let load = Load::start(port, "/", 4);
    for round in 0..6 {
        let (status, health) = if round % 2 == 0 { (503, "unhealthy") } else { (200, "healthy") };
        a_health.store(status, SeqCst);
        wait_for(&program, &a, health);
    }
    let tally = load.stop();
    assert!(tally.succeeded() > 100 && tally.failed() == 0, "{tally:?}");
}
