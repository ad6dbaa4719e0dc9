//! The scheduler under a paused clock: time passes when everybody waits, and not otherwise.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use equipoise_target::{Endpoint, Target};
use tokio::time::{advance, sleep};

use super::*;
use crate::{EventKind, HttpCheck, Initial, Outcome, ProbeFuture, TcpCheck};

/// A probe that notes when it looked and answers as it is told.
#[derive(Debug, Default)]
struct Script {
    looks: Mutex<Vec<(Endpoint, Instant)>>,
    fails: Mutex<bool>,
    takes: Mutex<Duration>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Script {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn fail(&self, fails: bool) {
        *locked(&self.fails) = fails;
    }

    fn take(&self, time: Duration) {
        *locked(&self.takes) = time;
    }

    fn looks(&self) -> Vec<(Endpoint, Instant)> {
        locked(&self.looks).clone()
    }

    fn looks_at(&self, address: Endpoint) -> Vec<Instant> {
        self.looks().into_iter().filter(|look| look.0 == address).map(|look| look.1).collect()
    }
}

impl Probe for Script {
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_> {
        Box::pin(async move {
            locked(&self.looks).push((address, Instant::now()));
            let under_way = self.under_way.fetch_add(1, SeqCst) + 1;
            self.most_under_way.fetch_max(under_way, SeqCst);
            let takes = *locked(&self.takes);
            if !takes.is_zero() {
                sleep(takes).await;
            }
            self.under_way.fetch_sub(1, SeqCst);
            if *locked(&self.fails) { Outcome::fail("as told") } else { Outcome::Pass }
        })
    }
}

/// Notes what it is told.
#[derive(Default)]
struct Notes {
    events: Mutex<Vec<HealthEvent>>,
    changes: AtomicUsize,
}

impl Observer for Notes {
    fn changed(&self, _: &GroupName) {
        self.changes.fetch_add(1, SeqCst);
    }
    fn event(&self, event: &HealthEvent) {
        locked(&self.events).push(event.clone());
    }
}

impl Notes {
    fn kinds(&self) -> Vec<EventKind> {
        locked(&self.events).iter().map(|event| event.kind.clone()).collect()
    }
}

fn group() -> GroupName {
    GroupName::new("todo").unwrap()
}

fn address(n: usize) -> Endpoint {
    ([10, 0, (n / 250) as u8, (n % 250) as u8 + 1], 80).into()
}

fn targets(count: usize) -> Vec<Arc<Target>> {
    (0..count).map(|n| Arc::new(Target::new(address(n)))).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Every 10 s, within 5 s, twice each way, without jitter.
fn check() -> TcpCheck {
    TcpCheck { jitter: Some(Duration::ZERO), ..TcpCheck::default() }
}

fn plan(check: TcpCheck, probe: &Arc<Script>, targets: &[Arc<Target>]) -> GroupPlan {
    let checks = vec![(HealthCheck::Tcp(check), Arc::clone(probe) as Arc<dyn Probe>)];
    GroupPlan { group: group(), checks, targets: targets.to_vec(), guard: GuardSettings::default() }
}

fn monitor() -> (Monitor, Arc<Notes>) {
    let notes = Arc::<Notes>::default();
    (Monitor::new(Arc::clone(&notes) as Arc<dyn Observer>), notes)
}

#[tokio::test(start_paused = true)]
async fn every_target_is_looked_at_once_in_each_interval_and_not_all_in_one_moment() {
    let (monitor, _) = monitor();
    let probe = Script::new();
    monitor.apply(vec![plan(check(), &probe, &targets(20))]);
    sleep(seconds(50)).await;
    for n in 0..20 {
        let looks = probe.looks_at(address(n));
        assert_eq!(looks.len(), 5, "target {n}");
        assert!(looks.windows(2).all(|pair| pair[1] - pair[0] == seconds(10)), "target {n}: {looks:?}");
    }
    let mut moments: Vec<_> = probe.looks().into_iter().map(|look| look.1).collect();
    moments.dedup();
    assert!(moments.len() > 50, "{} moments", moments.len());
}

#[tokio::test(start_paused = true)]
async fn jitter_moves_every_look_but_stays_within_its_bounds() {
    let (monitor, _) = monitor();
    let probe = Script::new();
    let check = TcpCheck { jitter: Some(seconds(2)), ..check() };
    monitor.apply(vec![plan(check, &probe, &targets(1))]);
    sleep(seconds(1000)).await;
    let looks = probe.looks_at(address(0));
    let waits: Vec<_> = looks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Tokio's timers are exact to a millisecond.
    let (least, most) = (seconds(8), seconds(12) + Duration::from_millis(1));
    assert!(waits.iter().all(|wait| (least..=most).contains(wait)), "{waits:?}");
    assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
    assert!((90..=110).contains(&looks.len()), "{}", looks.len());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_is_cut_and_the_next_one_comes_in_time() {
    let (monitor, notes) = monitor();
    let probe = Script::new();
    probe.take(seconds(3600));
    monitor.apply(vec![plan(check(), &probe, &targets(1))]);
    sleep(seconds(35)).await;
    let looks = probe.looks_at(address(0));
    assert!(looks.len() >= 3 && looks.windows(2).all(|pair| pair[1] - pair[0] == seconds(10)), "{looks:?}");
    let kinds = notes.kinds();
    assert!(
        matches!(&kinds[..], [EventKind::Unhealthy { reason, .. }] if &**reason == "no answer within 5s"),
        "{kinds:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_slower_than_its_interval_is_followed_by_one_and_not_by_many() {
    let (monitor, _) = monitor();
    let probe = Script::new();
    probe.take(seconds(25));
    monitor.apply(vec![plan(TcpCheck { timeout: seconds(60), ..check() }, &probe, &targets(1))]);
    sleep(seconds(120)).await;
    let looks = probe.looks_at(address(0));
    assert!(looks.windows(2).all(|pair| pair[1] - pair[0] == seconds(25)), "{looks:?}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_must_pass_first_is_looked_at_within_a_second() {
    let (monitor, notes) = monitor();
    let probe = Script::new();
    let check = TcpCheck { initial: Initial::Unhealthy, interval: seconds(60), ..check() };
    monitor.apply(vec![plan(check, &probe, &targets(5))]);
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy);
    sleep(seconds(1) + Duration::from_millis(10)).await;
    assert!((0..5).all(|n| monitor.condition(&group(), address(n)) == Condition::Ready));
    assert_eq!(notes.changes.load(SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_change_keeps_its_state_and_its_timer() {
    let (monitor, _) = monitor();
    let (probe, mut targets) = (Script::new(), targets(2));
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    probe.fail(true);
    sleep(seconds(15)).await;
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy);
    for _ in 0..20 {
        targets.extend(self::targets(3).pop());
        monitor.apply(vec![plan(check(), &probe, &targets)]);
        assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy);
        targets.truncate(2);
        monitor.apply(vec![plan(check(), &probe, &targets)]);
        sleep(seconds(1)).await;
    }
    for n in 0..2 {
        let looks = probe.looks_at(address(n));
        assert!(looks.windows(2).all(|pair| pair[1] - pair[0] == seconds(10)), "{looks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_swapped_probe_looks_next_and_the_state_stays() {
    let (monitor, _) = monitor();
    let (old, new, targets) = (Script::new(), Script::new(), targets(1));
    old.fail(true);
    monitor.apply(vec![plan(check(), &old, &targets)]);
    sleep(seconds(15)).await;
    let looks = old.looks().len();
    monitor.apply(vec![plan(check(), &new, &targets)]);
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy);
    assert_eq!(Arc::strong_count(&old), 1, "nobody keeps the old plugin");
    sleep(seconds(10)).await;
    assert_eq!((old.looks().len(), new.looks().len()), (looks, 1));
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy, "one pass of two");
    sleep(seconds(10)).await;
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_changed_check_looks_soon_and_keeps_the_verdict_until_then() {
    let (monitor, _) = monitor();
    let (probe, targets) = (Script::new(), targets(1));
    probe.fail(true);
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    sleep(seconds(15)).await;
    probe.fail(false);
    let cure = TcpCheck { healthy_threshold: NonZeroU32::new(5).unwrap(), interval: seconds(60), ..check() };
    monitor.apply(vec![plan(cure, &probe, &targets)]);
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy);
    sleep(seconds(2)).await;
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Ready);
}

#[tokio::test(start_paused = true)]
async fn watches_end_with_their_plan_with_stop_and_with_the_monitor() {
    let (monitor, _) = monitor();
    let (probe, targets) = (Script::new(), targets(3));
    let ended = async |looks: usize| {
        sleep(seconds(30)).await;
        assert_eq!((probe.looks().len(), Arc::strong_count(&probe)), (looks, 1));
        looks
    };
    probe.take(seconds(4));
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    sleep(seconds(12)).await;
    monitor.apply(Vec::new());
    let looks = ended(probe.looks().len()).await;
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Ready, "nobody watches it");
    assert!(monitor.report().is_empty());
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    sleep(seconds(12)).await;
    monitor.stop();
    assert!(ended(probe.looks().len()).await > looks);
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    sleep(seconds(12)).await;
    drop(monitor);
    ended(probe.looks().len()).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_left_is_not_looked_at_any_more() {
    let (monitor, _) = monitor();
    let (probe, targets) = (Script::new(), targets(2));
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    sleep(seconds(20)).await;
    monitor.apply(vec![plan(check(), &probe, &targets[..1])]);
    let before = probe.looks_at(address(1)).len();
    sleep(seconds(60)).await;
    assert_eq!(probe.looks_at(address(1)).len(), before);
    assert_eq!(monitor.report()[0].targets.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_looks_are_under_way_at_once_and_none_is_lost() {
    let (monitor, _) = monitor();
    let probe = Script::new();
    probe.take(seconds(4));
    let check = TcpCheck { interval: seconds(6), ..check() };
    monitor.apply(vec![plan(check, &probe, &targets(2000))]);
    sleep(seconds(60)).await;
    assert_eq!(probe.most_under_way.load(SeqCst), LOOKS_AT_ONCE);
    assert!((0..2000).all(|n| probe.looks_at(address(n)).len() >= 2));
}

#[tokio::test(start_paused = true)]
async fn war_story_two_the_pool_stays_while_the_check_fails_and_requests_succeed() {
    let (monitor, notes) = monitor();
    let (probe, targets) = (Script::new(), targets(4));
    monitor.apply(vec![plan(check(), &probe, &targets)]);
    sleep(seconds(20)).await;
    probe.fail(true);
    for _ in 0..120 {
        targets.iter().for_each(|target| (0..5).for_each(|_| target.succeeded(Duration::from_millis(2))));
        assert!((0..4).all(|n| monitor.condition(&group(), address(n)) == Condition::Ready));
        advance(seconds(1)).await;
    }
    let report = &monitor.report()[0];
    assert!(report.checks[0].held && report.targets.iter().all(|target| target.checks[0].spared));
    probe.fail(false);
    sleep(seconds(40)).await;
    assert!(!monitor.report()[0].checks[0].held);
    let alarms = notes.kinds().into_iter().filter(|kind| matches!(kind, EventKind::Held { failing: 4, of: 4, .. }));
    assert_eq!(alarms.count(), 1);
    assert_eq!(notes.changes.load(SeqCst), 0);
}

/// Asks back while it is told, and then panics.
struct Nosy(Mutex<Option<std::sync::Weak<Monitor>>>, AtomicUsize);

impl Observer for Nosy {
    fn changed(&self, group: &GroupName) {
        let monitor = locked(&self.0).as_ref().and_then(std::sync::Weak::upgrade).unwrap();
        assert_eq!(monitor.condition(group, address(0)), Condition::Unhealthy);
        assert_eq!(monitor.report()[0].targets[0].condition, Condition::Unhealthy);
        self.1.fetch_add(1, SeqCst);
        panic!("a bug in an observer");
    }
    fn event(&self, _: &HealthEvent) {}
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_ask_back_and_its_bugs_do_not_end_the_watch() {
    let nosy = Arc::new(Nosy(Mutex::new(None), AtomicUsize::new(0)));
    let monitor = Arc::new(Monitor::new(Arc::clone(&nosy) as Arc<dyn Observer>));
    *locked(&nosy.0) = Some(Arc::downgrade(&monitor));
    let probe = Script::new();
    probe.fail(true);
    monitor.apply(vec![plan(check(), &probe, &targets(1))]);
    sleep(seconds(45)).await;
    assert_eq!(nosy.1.load(SeqCst), 1);
    assert!(probe.looks().len() >= 4);
}

#[tokio::test(start_paused = true)]
async fn several_checks_of_a_group_are_watched_side_by_side() {
    let (monitor, _) = monitor();
    let (port, deep, targets) = (Script::new(), Script::new(), targets(1));
    deep.fail(true);
    let http = HttpCheck { jitter: Some(Duration::ZERO), ..HttpCheck::default() };
    let mut plan = plan(check(), &port, &targets);
    plan.checks.push((HealthCheck::Http(Box::new(http)), Arc::clone(&deep) as Arc<dyn Probe>));
    monitor.apply(vec![plan]);
    sleep(seconds(15)).await;
    assert_eq!(monitor.condition(&group(), address(0)), Condition::Unhealthy);
    let report = &monitor.report()[0];
    assert_eq!(report.checks.iter().map(|check| &*check.label).collect::<Vec<_>>(), ["tcp", "http /"]);
    let healthy: Vec<_> = report.targets[0].checks.iter().map(|verdict| verdict.health.is_healthy()).collect();
    assert_eq!(healthy, [true, false]);
}
