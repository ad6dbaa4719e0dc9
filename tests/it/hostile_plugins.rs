//! Guests that loop, panic, recurse or grow without end: each costs its own request the declared fallback, in time, and
//! nobody else anything.
//!
//! The promise is an answer within twice the plugin's time limit. What is measured here goes through a client, a kernel
//! and a machine that other tests share, so the bound is twice the limit plus [`Stalls::allowance`], in the best of three
//! rounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use equipoise_tests::{Program, Stalls, TestTarget, eventually, fixture, free_port, get, metric};

use crate::plugins::put;
use crate::text::{group, listener, plugin};

/// What a process may hold more after hostile guests than before them: half of what one instance may take.
const SPARE: u64 = 16 << 20;
const MEMORY: &str = "32MiB";

struct Hostile {
    program: Program,
    _target: TestTarget,
    port: u16,
}

/// `/hostile` is for the plugin `p`, every other path for the target `a`. One worker, so that nothing but the time limit
/// keeps the guest from standing in everybody's way.
fn hostile(name: &str, limit: Duration, fallback: &str) -> Hostile {
    let (target, port) = (TestTarget::named("a"), free_port());
    let terms = format!("limits = {{ time = \"{limit:?}\", memory = \"{MEMORY}\" }}\nfallback = \"{fallback}\"\n");
    let text = String::from("workers = 1\n")
        + &listener(port, "a")
        + "[[listener.web.rule]]\npriority = 1\nwhen = { path = \"/hostile\" }\nthen = { plugin = \"p\" }\n"
        + &group("a", &[target.port()])
        + &plugin("p", "p.wasm", "router", &terms);
    let guest = fixture("router", name);
    let program = Program::start_with(&text, |folder| put(folder, "p.wasm", &guest));
    Hostile { program, _target: target, port }
}

/// Asks for `/` all the time, and notes what the slowest answer took.
struct Bystander {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Bystander {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut slowest = Duration::ZERO;
            while !stopped.load(Relaxed) {
                let start = Instant::now();
                let answer = get(port, "/").expect("an answer");
                assert_eq!((answer.status, answer.body.as_str()), (200, "a"));
                slowest = slowest.max(start.elapsed());
            }
            slowest
        });
        Self { stop, thread }
    }

    fn slowest(self) -> Duration {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("no request failed")
    }
}

/// Noise only ever makes an answer slower, and a guest that is not contained makes every one slow: the bound has to hold
/// in one of this many rounds.
const ROUNDS: usize = 3;

#[track_caller]
fn contained(name: &str, kind: &str, limit: Duration) {
    for fallback in ["continue", "refuse"] {
        let late: Vec<_> = (0..ROUNDS).map_while(|_| round(name, kind, limit, fallback).err()).collect();
        assert!(late.len() < ROUNDS, "{name}, {fallback}: {late:#?}");
    }
}

/// Provokes the guest in a program of its own; an error says what was too late.
#[track_caller]
fn round(name: &str, kind: &str, limit: Duration, fallback: &str) -> Result<(), String> {
    let Hostile { program, _target, port } = hostile(name, limit, fallback);
    assert_eq!(get(port, "/").expect("an answer").body, "a");
    let before = resident(&program);
    let (stalls, bystander) = (Stalls::watch(), Bystander::start(port));
    let slowest = provoke(&program, port, kind, fallback);
    let (beside, allowance) = (bystander.slowest(), stalls.allowance());
    eventually("memory has returned", || (resident(&program) < before + SPARE).then_some(()));
    eventually("nothing is in flight", || {
        (program.status()["target_groups"][0]["targets"][0]["in_flight"] == 0).then_some(())
    });
    assert!(program.status()["plugins"][0]["failures"].as_u64() >= Some(3), "{}", program.status());
    let log = program.log();
    assert!(log.contains("plugin failed") && log.contains(kind) && !log.contains("panicked"), "{log}");
    let bound = 2 * limit + allowance;
    let late = format!("answered after {slowest:?}, another request after {beside:?}, not {bound:?}");
    if slowest.max(beside) < bound { Ok(()) } else { Err(late) }
}

/// Sends requests until the guest failed three times; gives the time of the slowest answer.
fn provoke(program: &Program, port: u16, kind: &str, fallback: &str) -> Duration {
    let label = format!("kind=\"{kind}\"");
    let failures = || metric(&program.metrics(), "equipoise_plugin_failures_total", &["plugin=\"p\"", &label]);
    let mut slowest = Duration::ZERO;
    eventually("the guest failed three times", || {
        let start = Instant::now();
        let answer = get(port, "/hostile").expect("an answer");
        slowest = slowest.max(start.elapsed());
        match fallback {
            "continue" => assert_eq!((answer.status, answer.body.as_str()), (200, "a"), "{answer:?}"),
            _ => {
                assert_eq!(answer.status, 503, "{answer:?}");
                assert!(answer.header("proxy-status").is_some_and(|why| why.contains("router")), "{answer:?}");
            }
        }
        (failures() >= 3.0).then_some(())
    });
    slowest
}

/// Resident memory of the process, in bytes.
fn resident(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

#[test]
fn an_endless_loop_costs_its_request_the_fallback_in_time() {
    contained("loops", "time", Duration::from_millis(50));
}

#[test]
fn a_panic_costs_its_request_the_fallback() {
    contained("traps", "trap", Duration::from_millis(50));
}

#[test]
fn endless_recursion_costs_its_request_the_fallback() {
    contained("recurses", "stack", Duration::from_millis(50));
}

#[test]
fn memory_without_end_costs_its_request_the_fallback_and_is_given_back() {
    // Writing to 32 MiB is work too: with less time, it would be the time that ends it.
    contained("grows-memory", "memory", Duration::from_millis(500));
}

#[test]
fn a_table_without_end_costs_its_request_the_fallback_and_is_given_back() {
    contained("grows-a-table", "memory", Duration::from_millis(500));
}

#[test]
fn a_health_check_that_never_ends_holds_nothing_up_and_says_so() {
    for (fallback, is_out) in [("continue", false), ("refuse", true)] {
        let late: Vec<_> = (0..ROUNDS).map_while(|_| check_for_ever(fallback, is_out).err()).collect();
        assert!(late.len() < ROUNDS, "{fallback}: {late:#?}");
    }
}

#[track_caller]
fn check_for_ever(fallback: &str, is_out: bool) -> Result<(), String> {
    let (target, port) = (TestTarget::named("a"), free_port());
    let terms = format!("limits = {{ time = \"50ms\" }}\nfallback = \"{fallback}\"\n");
    let text = String::from("workers = 1\n")
        + &listener(port, "a")
        + &group("a", &[target.port()])
        + "[target-group.a.health-check.plugin]\nname = \"p\"\ninterval = \"100ms\"\ntimeout = \"90ms\"\n\
           unhealthy-threshold = 2\n"
        + &plugin("p", "p.wasm", "health-check", &terms);
    let guest = fixture("health-check", "checks-for-ever");
    let program = Program::start_with(&text, |folder| put(folder, "p.wasm", &guest));
    let (stalls, bystander) = (Stalls::watch(), Bystander::start(port));
    eventually("five checks failed", || {
        let failures = metric(&program.metrics(), "equipoise_plugin_failures_total", &["kind=\"time\""]);
        (failures >= 5.0).then_some(())
    });
    let (beside, bound) = (bystander.slowest(), stalls.allowance() + 2 * Duration::from_millis(50));
    let target = program.status()["target_groups"][0]["targets"][0].clone();
    assert_eq!(target["health"] == "unhealthy", is_out, "{fallback}: {target}");
    assert!(target["reason"].as_str().is_some_and(|reason| reason.contains("`p`")), "{target}");
    if beside < bound { Ok(()) } else { Err(format!("another request took {beside:?}, not {bound:?}")) }
}
