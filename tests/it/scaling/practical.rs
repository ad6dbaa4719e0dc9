//! The practical in seconds instead of minutes, by its configuration alone: a load makes one instance four, and its end
//! makes four one, by alarms with a cooldown and by target tracking. No request fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use equipoise_tests::{Load, Program, eventually, free_port, get};
use serde_json::Value;

use super::{Scaled, activities, answered, group, instances, nothing_lost, ports, sample_service, scaled, settled};

/// How long simple policies rest, in seconds.
const COOLDOWN: f64 = 3.0;

/// An instance may use a quarter of a processor, so that four of them are busy on a machine that does other things too.
fn practical(port: u16, terms: &str) -> String {
    let template = format!(
        "command = {}\nports = \"{}\"\nstop-timeout = \"5s\"\nlimits = {{ cpu = 0.25 }}",
        sample_service(&["--work", "2"]),
        ports(20)
    );
    scaled(port, &format!("min = 1\nmax = 4\n{terms}"), &template)
}

const BY_ALARMS: &str = r#"
[alarm.cpu-high]
scaling-group = "web"
metric = "cpu-utilization"
period = "1s"
evaluation-periods = 2
comparison = "greater-than-or-equal"
threshold = 20.0

[alarm.cpu-low]
scaling-group = "web"
metric = "cpu-utilization"
period = "1s"
evaluation-periods = 2
comparison = "less-than-or-equal"
threshold = 10.0

[scaling-group.web.policy.out.simple]
alarm = "cpu-high"
adjustment = "change-in-capacity"
by = 1
cooldown = "3s"

[scaling-group.web.policy.in.simple]
alarm = "cpu-low"
adjustment = "change-in-capacity"
by = -1
cooldown = "3s"
"#;

const BY_TRACKING: &str = r#"
[scaling-group.web.policy.cpu.target-tracking]
metric = "cpu-utilization"
target = 20.0
period = "1s"
out-periods = 2
in-periods = 5
"#;

/// Waits until the capacity is at least, or at most, each of these in turn.
fn passes(program: &Program, capacities: &[u64], upward: bool) {
    for capacity in capacities {
        eventually(&format!("capacity {capacity}"), || {
            let desired = group(program)["desired"].as_u64()?;
            let serving = instances(program, "in-service").len() as u64;
            let there = if upward { desired >= *capacity && serving >= *capacity } else { desired <= *capacity };
            there.then_some(())
        });
    }
}

/// A client that is there all the time and costs instances little: some requests a second, each on a connection of its own.
struct Trickle {
    stop: Arc<AtomicBool>,
    client: JoinHandle<Vec<String>>,
}

impl Trickle {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let client = std::thread::spawn(move || {
            let mut failed = Vec::new();
            while !stopped.load(Relaxed) {
                match get(port, "/api/v1/health") {
                    Ok(answer) if answer.status == 200 => {}
                    answer => failed.push(format!("{answer:?}")),
                }
                std::thread::park_timeout(Duration::from_millis(50));
            }
            failed
        });
        Self { stop, client }
    }

    /// Ends it, and expects that nothing failed.
    fn stop(self) {
        self.stop.store(true, Relaxed);
        assert_eq!(self.client.join().expect("it does not panic"), Vec::<String>::new());
    }
}

/// What policies changed of the capacity, the oldest first: when, and why.
fn changes(history: &[Value]) -> Vec<(f64, String)> {
    let mut changes = Vec::new();
    for activity in history.iter().rev() {
        let (start, cause) =
            (activity["start"].as_str().unwrap_or_default(), activity["cause"].as_str().unwrap_or_default());
        if cause.contains("triggered policy") && changes.last().is_none_or(|(_, last)| last != cause) {
            changes.push((seconds(start), cause.to_owned()));
        }
    }
    changes
}

/// Seconds of the day.
fn seconds(stamp: &str) -> f64 {
    let time = stamp.split_once('T').map_or("", |(_, time)| time.trim_end_matches('Z'));
    time.split(':').fold(0.0, |seconds, part| seconds * 60.0 + part.parse::<f64>().expect("a time"))
}

/// Puts load on one instance until there are four, and takes it away until one is left. A few requests go on all the time;
/// none of any may fail.
fn out_and_back(program: &Program, port: u16) {
    settled(program, 1);
    let (busy, trickle) = (Load::start(port, "/api/v1/todos", 8), Trickle::start(port));
    passes(program, &[2, 3, 4], true);
    answered(&busy, 100);
    nothing_lost(busy);
    passes(program, &[3, 2, 1], false);
    settled(program, 1);
    trickle.stop();
}

#[test]
fn cpu_alarms_make_one_instance_four_and_four_one_and_every_cooldown_is_kept() {
    let port = free_port();
    let program = Scaled::start(&practical(port, BY_ALARMS));
    out_and_back(&program, port);
    let history = activities(&program);
    let changes = changes(&history);
    let told = |from: u32, to: u32, alarm: &str, policy: &str| {
        let step = format!("changing the desired capacity from {from} to {to}");
        let why = format!("a monitor alarm {alarm} in state ALARM triggered policy {policy} ");
        changes.iter().any(|(_, cause)| cause.contains(&step) && cause.contains(&why))
    };
    for from in 1..4 {
        assert!(told(from, from + 1, "cpu-high", "out"), "{from} up: {changes:#?}");
        assert!(told(from + 1, from, "cpu-low", "in"), "{from} down: {changes:#?}");
    }
    for pair in changes.windows(2) {
        let rest = (pair[1].0 - pair[0].0).rem_euclid(86_400.0);
        assert!(rest >= COOLDOWN, "only {rest} s between {pair:#?}");
    }
    assert!(history.iter().all(|activity| activity["status"] == "successful"), "{history:#?}");
}

#[test]
fn target_tracking_makes_one_instance_four_and_four_one() {
    let port = free_port();
    let program = Scaled::start(&practical(port, BY_TRACKING));
    out_and_back(&program, port);
    let changes = changes(&activities(&program));
    assert!(changes.iter().all(|(_, cause)| cause.contains("triggered policy cpu ")), "{changes:#?}");
}
