use std::num::NonZeroU32;

use super::*;
use crate::{HttpCheck, Initial, Layer, Percent, TcpCheck};
use equipoise_target::Endpoint;

fn address(n: usize) -> Endpoint {
    ([10, 0, 0, n as u8 + 1], 80).into()
}

fn targets(count: usize) -> Vec<Arc<Target>> {
    (0..count).map(|n| Arc::new(Target::new(address(n)))).collect()
}

fn http() -> HttpCheck {
    HttpCheck { path: "/health".parse().unwrap(), ..HttpCheck::default() }
}

fn of_layer(layer: Layer) -> HealthCheck {
    HealthCheck::Http(Box::new(HttpCheck { layer: Some(layer), ..http() }))
}

/// A ledger with its targets and a clock that moves a second with every look.
struct Bench {
    ledger: Ledger,
    targets: Vec<Arc<Target>>,
    watches: Vec<Watch>,
    now: Duration,
    told: Vec<String>,
}

impl Bench {
    fn new(checks: &[HealthCheck], count: usize) -> Self {
        let ledger = Ledger::new(GroupName::new("todo").unwrap());
        let mut bench =
            Self { ledger, targets: targets(count), watches: Vec::new(), now: Duration::ZERO, told: Vec::new() };
        bench.apply(checks);
        bench
    }

    fn apply(&mut self, checks: &[HealthCheck]) {
        self.watches = self.ledger.apply(checks, &self.targets, GuardSettings::default(), self.now);
    }

    fn look(&mut self, check: usize, target: usize, outcome: Outcome) -> bool {
        self.now += Duration::from_secs(1);
        let recorded = self.ledger.record(self.watches[check].id, address(target), outcome, self.now);
        self.told.extend(recorded.events.iter().map(ToString::to_string));
        recorded.changed
    }

    fn pass(&mut self, check: usize, targets: std::ops::Range<usize>) {
        for target in targets {
            self.look(check, target, Outcome::Pass);
        }
    }

    fn fail(&mut self, check: usize, targets: std::ops::Range<usize>) {
        for target in targets {
            self.look(check, target, Outcome::fail("expected status 200-299, got 503"));
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        (0..self.targets.len()).map(|target| self.ledger.condition(address(target))).collect()
    }
}

use Condition::{Degraded, Ready, Unhealthy};

#[test]
fn war_story_one_an_open_port_is_not_a_working_target() {
    let storage = of_layer(Layer::Local);
    let mut bench = Bench::new(&[HealthCheck::Tcp(TcpCheck::default()), storage], 3);
    for _ in 0..2 {
        bench.pass(0, 0..3);
        bench.pass(1, 0..2);
        bench.fail(1, 2..3);
    }
    assert_eq!(bench.conditions(), [Ready, Ready, Unhealthy], "the port of the third is open all the while");
    let port_only = HealthCheck::Tcp(TcpCheck::default());
    assert!(port_only.sees_only_a_port() && !of_layer(Layer::Local).sees_only_a_port());
}

#[test]
fn a_lost_dependency_raises_an_alarm_and_takes_nobody_out() {
    let mut bench = Bench::new(&[of_layer(Layer::Local), of_layer(Layer::Dependency)], 3);
    for _ in 0..3 {
        bench.pass(0, 0..3);
        bench.fail(1, 0..3);
        bench.targets.iter().for_each(|target| (0..20).for_each(|_| target.succeeded(Duration::from_millis(3))));
    }
    assert_eq!(bench.conditions(), [Ready; 3]);
    assert_eq!(bench.told.len(), 3, "each target is told of once, and nothing is held: {:?}", bench.told);
}

#[test]
fn war_story_two_a_check_that_is_too_broad_does_not_take_the_pool_out() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 3);
    bench.pass(0, 0..3);
    bench.fail(0, 0..3);
    for target in &bench.targets {
        (0..20).for_each(|_| target.succeeded(Duration::from_millis(3)));
    }
    bench.fail(0, 0..3);
    assert_eq!(bench.conditions(), [Ready; 3]);
    let alarms: Vec<_> = bench.told.iter().filter(|told| told.contains("the check is judged")).collect();
    assert_eq!(
        alarms,
        ["target group `todo`, check `http /health`: 3 of 3 targets fail together (expected status 200-299, got 503) \
          while their live traffic succeeds: the check is judged, not the targets; their last good state is held"]
    );
    let report = bench.ledger.report(bench.now);
    assert!(report.checks[0].held && report.targets.iter().all(|target| target.checks[0].spared));
}

#[test]
fn a_target_that_really_dies_while_the_check_is_in_doubt_is_told_and_taken_out() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 3);
    bench.pass(0, 0..3);
    bench.fail(0, 0..3);
    bench.targets.iter().for_each(|target| (0..20).for_each(|_| target.succeeded(Duration::from_millis(3))));
    bench.fail(0, 0..3);
    (0..50).for_each(|_| bench.targets[1].failed());
    bench.told.clear();
    assert!(bench.look(0, 0, Outcome::fail("no")), "any look at the group notices");
    assert_eq!(bench.conditions(), [Ready, Unhealthy, Ready]);
    assert_eq!(bench.told.len(), 1);
    assert!(bench.told[0].contains("10.0.0.2:80 is unhealthy and takes no new requests"), "{:?}", bench.told);
}

#[test]
fn the_hardest_of_a_targets_failed_checks_decides() {
    let degrade = HealthCheck::Http(Box::new(HttpCheck {
        effect: Some(crate::EffectKind::Degrade),
        degrade_to: Some(Percent::literal::<25>()),
        ..http()
    }));
    let mut bench = Bench::new(&[degrade, HealthCheck::Tcp(TcpCheck::default())], 4);
    bench.pass(0, 1..4);
    bench.fail(0, 0..1);
    assert_eq!(bench.conditions()[0], Degraded { percent: 25 });
    bench.fail(1, 0..1);
    assert_eq!(bench.conditions(), [Unhealthy, Ready, Ready, Ready]);
    bench.pass(1, 0..1);
    bench.pass(1, 0..1);
    assert_eq!(bench.conditions()[0], Degraded { percent: 25 });
}

#[test]
fn the_first_look_decides_alone_and_thresholds_hold_from_then_on() {
    let waits = HealthCheck::Tcp(TcpCheck { initial: Initial::Unhealthy, ..TcpCheck::default() });
    let mut bench = Bench::new(&[waits], 1);
    assert_eq!(bench.conditions(), [Unhealthy]);
    assert!(bench.watches[0].urgent);
    bench.pass(0, 0..1);
    assert_eq!(bench.conditions(), [Ready]);
    bench.fail(0, 0..1);
    assert_eq!(bench.conditions(), [Ready]);
    bench.fail(0, 0..1);
    assert_eq!(bench.conditions(), [Unhealthy]);
    bench.pass(0, 0..1);
    assert_eq!(bench.conditions(), [Unhealthy]);

    let mut bench = Bench::new(&[HealthCheck::Tcp(TcpCheck::default())], 1);
    assert_eq!(bench.conditions(), [Ready]);
    bench.fail(0, 0..1);
    assert_eq!(bench.conditions(), [Unhealthy]);
}

#[test]
fn an_inconclusive_look_changes_nothing_and_is_told_once() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 1);
    bench.pass(0, 0..1);
    for _ in 0..5 {
        assert!(!bench.look(0, 0, Outcome::inconclusive("plugin trapped")));
    }
    assert_eq!(bench.conditions(), [Ready]);
    assert_eq!(
        bench.told,
        ["target group `todo`, check `http /health`: 10.0.0.1:80 could not be checked: plugin trapped"]
    );
    bench.pass(0, 0..1);
    bench.look(0, 0, Outcome::inconclusive("plugin trapped"));
    assert_eq!(bench.told.len(), 2);
}

#[test]
fn an_equal_check_keeps_its_state_wherever_it_moves() {
    let (local, port) = (of_layer(Layer::Local), HealthCheck::Tcp(TcpCheck::default()));
    let mut bench = Bench::new(&[local.clone(), port.clone()], 2);
    bench.fail(0, 0..1);
    let ids: Vec<_> = bench.watches.iter().map(|watch| watch.id).collect();
    bench.apply(&[port, local]);
    assert_eq!(bench.watches.iter().map(|watch| watch.id).rev().collect::<Vec<_>>(), ids);
    assert_eq!(bench.conditions(), [Unhealthy, Ready]);
}

#[test]
fn a_changed_check_keeps_the_verdict_until_it_has_spoken_itself() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 2);
    bench.fail(0, 0..1);
    let old = bench.watches[0].id;
    let other = HealthCheck::Http(Box::new(HttpCheck { healthy_threshold: NonZeroU32::new(5).unwrap(), ..http() }));
    bench.apply(&[other]);
    assert!(bench.watches[0].id != old && bench.watches[0].urgent);
    assert_eq!(bench.conditions(), [Unhealthy, Ready]);
    bench.pass(0, 0..1);
    assert_eq!(bench.conditions(), [Ready, Ready], "the change may have been the cure: one pass is enough");
    bench.fail(0, 1..2);
    assert_eq!(bench.conditions(), [Ready, Ready], "but a good target has its whole threshold");
    let late = bench.ledger.record(old, address(1), Outcome::fail("late"), bench.now);
    assert!(late.events.is_empty() && !late.changed, "an outcome of the old check is not taken for the new one's");
}

#[test]
fn a_held_state_survives_a_reload_and_a_change_of_the_check() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 3);
    bench.pass(0, 0..3);
    bench.fail(0, 0..3);
    bench.targets.iter().for_each(|target| (0..20).for_each(|_| target.succeeded(Duration::from_millis(3))));
    bench.fail(0, 0..3);
    bench.apply(&[of_layer(Layer::Local)]);
    assert_eq!(bench.conditions(), [Ready; 3]);
    assert!(bench.ledger.report(bench.now).checks[0].held);
    bench.apply(&[of_layer(Layer::Liveness)]);
    assert_eq!(bench.conditions(), [Ready; 3]);
}

#[test]
fn a_guard_that_is_switched_off_lets_go_with_the_reload() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 3);
    bench.pass(0, 0..3);
    bench.fail(0, 0..3);
    bench.targets.iter().for_each(|target| (0..20).for_each(|_| target.succeeded(Duration::from_millis(3))));
    bench.fail(0, 0..3);
    let off = GuardSettings { enabled: false, ..GuardSettings::default() };
    bench.ledger.apply(&[of_layer(Layer::Local)], &bench.targets, off, bench.now);
    assert_eq!(bench.conditions(), [Unhealthy; 3]);
}

#[test]
fn targets_that_join_start_anew_and_those_that_stay_keep_their_state() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 2);
    bench.fail(0, 0..1);
    bench.targets.extend(targets(3).pop());
    bench.targets.remove(1);
    bench.apply(&[of_layer(Layer::Local)]);
    assert_eq!(bench.ledger.condition(address(0)), Unhealthy);
    assert_eq!(bench.ledger.condition(address(2)), Ready);
    assert_eq!(bench.ledger.report(bench.now).targets.len(), 2);
    bench.apply(&[]);
    assert_eq!(bench.ledger.condition(address(0)), Ready, "without checks everybody is ready");
}

#[test]
fn an_address_that_is_listed_twice_is_one_target() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 1);
    bench.fail(0, 0..1);
    bench.targets.extend(targets(1));
    bench.apply(&[of_layer(Layer::Local)]);
    assert_eq!(bench.ledger.condition(address(0)), Unhealthy);
}

#[test]
fn the_report_tells_the_last_reason_and_its_age() {
    let mut bench = Bench::new(&[of_layer(Layer::Local)], 1);
    assert_eq!(bench.ledger.report(bench.now).targets[0].checks[0].last, None);
    bench.pass(0, 0..1);
    bench.fail(0, 0..1);
    bench.fail(0, 0..1);
    let report = bench.ledger.report(bench.now + Duration::from_secs(7));
    let verdict = &report.targets[0].checks[0];
    assert_eq!(verdict.health, crate::Health::Unhealthy { successes: 0 });
    assert_eq!(verdict.last, Some((Outcome::fail("expected status 200-299, got 503"), Duration::from_secs(7))));
    assert_eq!(verdict.unchanged_for, Duration::from_secs(7));
}
