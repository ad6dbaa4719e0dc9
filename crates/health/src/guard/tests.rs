use super::*;
use crate::{Health, Outcome, Thresholds};

const TWICE: Thresholds =
    Thresholds { healthy: std::num::NonZeroU32::new(2).unwrap(), unhealthy: std::num::NonZeroU32::new(2).unwrap() };
const WINDOW: Duration = Duration::from_secs(25);

/// A group under one check, driven by hand: looks, requests and time are all arguments.
struct Bench {
    subjects: Vec<Subject>,
    traffic: Vec<Traffic>,
    guard: Guard,
    settings: GuardSettings,
    now: Duration,
    changes: Vec<Change>,
}

impl Bench {
    fn new(targets: usize) -> Self {
        Self {
            subjects: vec![Subject::new(Health::Healthy { failures: 0 }); targets],
            traffic: vec![Traffic::default(); targets],
            guard: Guard::Watching,
            settings: GuardSettings::default(),
            now: Duration::ZERO,
            changes: Vec::new(),
        }
    }

    /// One look at each of `targets`, a second apart.
    fn look(&mut self, targets: impl IntoIterator<Item = usize>, outcome: &Outcome) {
        for target in targets {
            self.now += Duration::from_secs(1);
            self.subjects[target].record(outcome, TWICE, self.traffic[target], self.now);
            for (subject, traffic) in self.subjects.iter_mut().zip(&self.traffic) {
                subject.see(*traffic);
            }
            let (guard, change) = self.guard.after(self.subjects.iter(), &self.settings, WINDOW);
            self.guard = guard;
            self.changes.extend(change);
            if matches!(change, Some(Change::Released(_))) {
                self.subjects.iter_mut().for_each(Subject::vouch);
            }
        }
    }

    fn pass(&mut self, targets: impl IntoIterator<Item = usize>) {
        self.look(targets, &Outcome::Pass);
    }

    fn fail(&mut self, targets: impl IntoIterator<Item = usize>) {
        self.look(targets, &Outcome::fail("no"));
    }

    fn requests(&mut self, targets: impl IntoIterator<Item = usize>, successes: u64, failures: u64) {
        for target in targets {
            self.traffic[target].successes += successes;
            self.traffic[target].failures += failures;
        }
    }

    fn out(&self) -> Vec<usize> {
        let out = |n: &usize| {
            let subject = &self.subjects[*n];
            !subject.health.is_healthy() && !self.guard.spares(subject, &self.settings)
        };
        (0..self.subjects.len()).filter(out).collect()
    }
}

fn held(failing: usize, of: usize) -> Change {
    Change::Held { failing, of }
}

const RECOVERED: Change = Change::Released(Release::CheckRecovered);
const TRAFFIC: Change = Change::Released(Release::TrafficFails);

#[test]
fn war_story_two_a_check_that_fails_everywhere_while_requests_succeed_takes_nobody_out() {
    let mut bench = Bench::new(4);
    bench.fail(0..4);
    bench.requests(0..4, 50, 0);
    bench.fail(0..4);
    assert_eq!((bench.out(), bench.changes.as_slice()), (vec![], [held(4, 4)].as_slice()));
    for _ in 0..100 {
        bench.requests(0..4, 50, 0);
        bench.fail(0..4);
    }
    assert_eq!((bench.out(), bench.changes.len()), (vec![], 1), "held for as long as it lasts, told once");
}

#[test]
fn a_single_target_that_fails_is_judged_itself() {
    let mut bench = Bench::new(4);
    bench.fail([1]);
    bench.requests(0..4, 50, 0);
    bench.fail([1, 1]);
    assert_eq!((bench.out(), bench.changes.len()), (vec![1], 0));
}

#[test]
fn half_of_the_group_is_not_most_of_it() {
    let mut bench = Bench::new(4);
    bench.fail([0, 1]);
    bench.requests(0..4, 50, 0);
    bench.fail([0, 1]);
    assert_eq!(bench.out(), [0, 1]);
}

#[test]
fn a_real_outage_takes_everybody_out() {
    let mut bench = Bench::new(3);
    bench.fail(0..3);
    bench.requests(0..3, 2, 48);
    bench.fail(0..3);
    assert_eq!((bench.out(), bench.changes.len()), (vec![0, 1, 2], 0));
}

#[test]
fn without_live_traffic_there_is_no_evidence_and_the_check_is_believed() {
    let mut bench = Bench::new(3);
    bench.fail(0..3);
    bench.requests(0..3, 4, 0);
    bench.fail(0..3);
    assert_eq!((bench.out(), bench.changes.len()), (vec![0, 1, 2], 0), "four requests are below the demand of five");
}

#[test]
fn requests_that_flow_after_failing_open_are_evidence_in_the_end() {
    let mut bench = Bench::new(3);
    bench.fail((0..3).chain(0..3));
    assert_eq!(bench.out(), [0, 1, 2]);
    bench.requests(0..3, 10, 0);
    bench.fail([0]);
    assert_eq!((bench.out(), bench.changes.as_slice()), (vec![], [held(3, 3)].as_slice()));
}

#[test]
fn failures_that_are_far_apart_are_not_one_event() {
    let mut bench = Bench::new(3);
    for target in 0..3 {
        bench.fail([target]);
        bench.requests([target], 50, 0);
        bench.fail([target]);
        bench.now += WINDOW;
    }
    assert_eq!((bench.out(), bench.changes.len()), (vec![0, 1, 2], 0));
}

#[test]
fn a_target_that_was_dead_before_stays_out_and_does_not_count() {
    let mut bench = Bench::new(4);
    bench.fail([0, 0]);
    bench.now += WINDOW * 2;
    bench.fail([1, 2]);
    bench.requests(1..4, 50, 0);
    bench.fail([1, 2]);
    assert_eq!((bench.out(), bench.changes.as_slice()), (vec![0], [held(2, 3)].as_slice()));
}

#[test]
fn while_it_holds_a_target_whose_own_requests_fail_is_taken_out() {
    let mut bench = Bench::new(4);
    bench.fail(0..4);
    bench.requests(0..4, 50, 0);
    bench.fail(0..4);
    bench.requests([2], 0, 60);
    bench.fail([0]);
    assert_eq!((bench.out(), bench.changes.len()), (vec![2], 1));
}

#[test]
fn the_guard_lets_go_when_live_traffic_fails_too() {
    let mut bench = Bench::new(4);
    bench.fail(0..4);
    bench.requests(0..4, 100_000, 0);
    bench.fail(0..4);
    bench.requests(0..4, 0, 40);
    bench.fail([0]);
    assert_eq!(bench.changes, [held(4, 4), TRAFFIC]);
    assert_eq!(bench.out(), [0, 1, 2, 3], "a hundred thousand old successes do not outweigh what happens now");
}

#[test]
fn the_guard_lets_go_when_the_check_recovers_and_nobody_is_out_for_a_moment() {
    let mut bench = Bench::new(4);
    bench.fail(0..4);
    bench.requests(0..4, 50, 0);
    bench.fail(0..4);
    for target in [0, 1, 2, 3, 0, 1, 2, 3] {
        bench.pass([target]);
        assert_eq!(bench.out(), [0; 0]);
    }
    assert_eq!(bench.changes, [held(4, 4), RECOVERED]);
}

#[test]
fn a_target_that_stays_dead_when_the_check_recovers_goes_out() {
    let mut bench = Bench::new(4);
    bench.fail(0..4);
    bench.requests(0..4, 50, 0);
    bench.fail(0..4);
    bench.pass((0..3).chain(0..3));
    bench.fail([3]);
    assert_eq!((bench.out(), bench.changes.as_slice()), (vec![3], [held(4, 4), RECOVERED].as_slice()));
}

#[test]
fn a_target_that_joins_while_it_holds_and_never_passed_is_not_spared() {
    let mut bench = Bench::new(3);
    bench.fail(0..3);
    bench.requests(0..3, 50, 0);
    bench.fail(0..3);
    bench.subjects.push(Subject::new(Health::Unhealthy { successes: 1 }));
    bench.traffic.push(Traffic::default());
    bench.fail([3]);
    assert_eq!(bench.out(), [3]);
}

#[test]
fn one_bad_look_everywhere_raises_no_alarm_while_nobody_would_go_out() {
    let mut bench = Bench::new(3);
    bench.fail(0..3);
    bench.requests(0..3, 50, 0);
    bench.pass(0..3);
    assert_eq!((bench.out(), bench.changes.len()), (vec![], 0));
}

#[test]
fn a_group_of_one_is_never_held() {
    let mut bench = Bench::new(1);
    bench.fail([0]);
    bench.requests([0], 50, 0);
    bench.fail([0]);
    assert_eq!(bench.out(), [0]);
}

#[test]
fn a_guard_that_is_switched_off_believes_every_check() {
    let mut bench = Bench::new(3);
    bench.settings.enabled = false;
    bench.fail(0..3);
    bench.requests(0..3, 50, 0);
    bench.fail(0..3);
    assert_eq!((bench.out(), bench.guard), (vec![0, 1, 2], Guard::Watching));
}

#[test]
fn a_record_that_was_replaced_counts_from_nothing() {
    let mut fall = Fall::new(Duration::ZERO, Traffic { successes: 1000, failures: 1000 });
    fall.see(Traffic { successes: 3, failures: 0 });
    fall.see(Traffic { successes: 9, failures: 0 });
    assert_eq!(fall.testimony(&GuardSettings::default()), Testimony::For);
}

#[test]
fn testimony_has_slack_between_for_and_against() {
    #[track_caller]
    fn check(successes: u64, failures: u64, want: Testimony) {
        let mut fall = Fall::new(Duration::ZERO, Traffic::default());
        fall.see(Traffic { successes, failures });
        assert_eq!(fall.testimony(&GuardSettings::default()), want, "{successes} against {failures}");
    }
    check(4, 0, Testimony::Silent);
    check(5, 0, Testimony::For);
    check(90, 10, Testimony::For);
    check(85, 15, Testimony::Silent);
    check(80, 20, Testimony::Against);
    check(u64::MAX / 2, 0, Testimony::For);
}

#[test]
fn the_densest_moment_wins() {
    #[track_caller]
    fn check(falls: &[u64], want: Option<(u64, u64)>) {
        let got = densest(falls.iter().map(|s| Duration::from_secs(*s)).collect(), Duration::from_secs(10));
        assert_eq!(got, want.map(|(a, b)| (Duration::from_secs(a), Duration::from_secs(b))));
    }
    check(&[], None);
    check(&[7], Some((7, 7)));
    check(&[30, 0, 5, 41, 8], Some((0, 8)));
    check(&[0, 20], Some((20, 20)));
    check(&[0, 10, 11], Some((10, 11)));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// A target with any past: when it fell, what its check said since, what its requests said.
    fn subject() -> impl Strategy<Value = Subject> {
        (0u64..100, "[-+]{0,4}", 0u64..30, 0u64..30).prop_map(|(second, signs, successes, failures)| {
            let mut subject = Subject::new(Health::Healthy { failures: 0 });
            for sign in signs.chars() {
                let outcome = if sign == '+' { Outcome::Pass } else { Outcome::fail("no") };
                subject.record(&outcome, TWICE, Traffic::default(), Duration::from_secs(second));
            }
            subject.see(Traffic { successes, failures });
            subject
        })
    }

    fn look(guard: Guard, subjects: &[Subject]) -> (Guard, Option<Change>) {
        guard.after(subjects.iter(), &GuardSettings::default(), WINDOW)
    }

    proptest! {
        #[test]
        fn the_order_of_targets_does_not_matter(mut subjects in prop::collection::vec(subject(), 0..9)) {
            let one = look(Guard::Watching, &subjects);
            subjects.reverse();
            prop_assert_eq!(look(Guard::Watching, &subjects), one);
            let held = Guard::Holding { since: Duration::from_secs(50) };
            let one = look(held, &subjects);
            subjects.reverse();
            prop_assert_eq!(look(held, &subjects), one);
        }

        #[test]
        fn whoever_is_held_was_contradicted_by_most_and_nobody_is_spared_before(
            subjects in prop::collection::vec(subject(), 0..9),
        ) {
            let settings = GuardSettings::default();
            prop_assert!(subjects.iter().all(|subject| !Guard::Watching.spares(subject, &settings)));
            if let (Guard::Holding { since }, change) = look(Guard::Watching, &subjects) {
                let together = |fall: &Fall| fall.began >= since && fall.began <= since + WINDOW;
                let contradicted = |subject: &&Subject| subject.is_failing()
                    && subject.fall.is_some_and(|fall| together(&fall) && fall.testimony(&settings) == Testimony::For);
                let count = subjects.iter().filter(contradicted).count();
                let Some(Change::Held { failing, of }) = change else { panic!("{change:?}") };
                prop_assert!(count >= 2 && count * 2 > of && count <= failing && failing <= of);
            }
        }
    }
}
