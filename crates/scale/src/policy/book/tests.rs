mod ahead;

use std::collections::BTreeMap;

use equipoise_target::ScalingGroupName;

use super::*;
use crate::policy::simulation::{Measured, START, plan};
use crate::{Metric, Plan};

/// A group whose facts a test says itself.
struct Story {
    plan: Plan,
    alarms: AlarmBook,
    policies: PolicyBook,
    measured: Measured,
    facts: BTreeMap<&'static str, u64>,
    bounds: Bounds,
    since: Vec<Moment>,
    desired: u32,
}

fn at(second: u64) -> Moment {
    Moment::from_millis((START + second) * 1000)
}

impl Story {
    fn new(text: &str, desired: u32) -> Self {
        let plan = plan(text);
        let (_, group) = plan.groups.first_key_value().unwrap();
        let mut story = Self {
            bounds: Bounds { min: group.min, max: group.max },
            alarms: AlarmBook::default(),
            policies: PolicyBook::new(PolicyMemory::default()),
            measured: Measured::default(),
            facts: BTreeMap::new(),
            since: vec![at(0); desired as usize],
            desired,
            plan,
        };
        story.configure(0);
        story
    }

    fn configure(&mut self, second: u64) {
        self.alarms.configure(&self.plan, at(second));
        self.policies.configure(&self.plan.groups["todo"], at(second));
    }

    /// The metric is this from one second to the other.
    fn cpu(&mut self, seconds: std::ops::Range<u64>, value: f64) {
        for second in seconds {
            self.measured.put(Metric::CpuUtilization, START + second, value);
        }
    }

    /// Wishes at a second: the policy, what it wants, its cooldown in seconds.
    fn ask(&mut self, second: u64) -> Vec<Wish> {
        let name: ScalingGroupName = "todo".to_owned().try_into().unwrap();
        let fact = |key| self.facts.get(key).copied();
        self.alarms.evaluate(&self.measured, at(second));
        let facts = GroupFacts {
            name: &name,
            desired: self.desired,
            bounds: self.bounds,
            in_service_since: &self.since,
            leaving: 0,
            cooldown_until: fact("cooldown until").map(at),
            boot_time: fact("boot").map(Duration::from_secs),
            follow_alarms: fact("alarms suspended").is_none(),
            follow_schedules: fact("schedules suspended").is_none(),
        };
        self.policies.wishes(&facts, &self.alarms, &self.measured, at(second))
    }

    #[track_caller]
    fn check(&mut self, second: u64, expected: &[(&str, u32)]) {
        let wishes = self.ask(second);
        let wanted: Vec<_> =
            wishes.iter().map(|wish| (wish.policy.as_str(), wish.desired.unwrap_or(u32::MAX))).collect();
        assert_eq!(wanted, expected, "at {second}: {wishes:?}");
    }

    /// Someone brings the group to this, all at once.
    fn become_of(&mut self, desired: u32, second: u64) {
        self.since.truncate(desired as usize);
        self.since.resize(desired as usize, at(second));
        self.desired = desired;
    }
}

const ALARM: &str = r#"
    [alarm.high]
    metric = "cpu-utilization"
    scaling-group = "todo"
    period = "10s"
    comparison = "greater-than"
    threshold = 50
"#;

fn with_alarm(group: &str) -> String {
    format!("[group]\nmin = 1\nmax = 20\n{group}\n{ALARM}")
}

#[test]
fn a_simple_policy_acts_once_for_each_look_of_its_alarm_and_asks_for_its_cooldown() {
    let mut story = Story::new(
        &with_alarm(
            "policy.out.simple = { alarm = \"high\", adjustment = \"change-in-capacity\", by = 2, cooldown = \"30s\" }",
        ),
        1,
    );
    story.cpu(0..100, 80.0);
    story.check(5, &[]);
    let wish = story.ask(11).remove(0);
    assert_eq!(wish.desired, Some(3));
    assert_eq!(wish.cooldown, Some(Duration::from_secs(30)));
    assert_eq!(wish.cause, "a monitor alarm high in state ALARM triggered policy out");
    story.become_of(3, 12);
    story.check(15, &[]);
    story.check(21, &[("out", 5)]);
}

#[test]
fn a_simple_policy_that_cools_down_acts_when_that_ends_if_its_alarm_still_says_so() {
    let simple = "policy.out.simple = { alarm = \"high\", adjustment = \"change-in-capacity\", by = 1 }";
    let mut story = Story::new(&with_alarm(simple), 1);
    story.cpu(0..40, 80.0);
    story.cpu(40..100, 10.0);
    story.facts.insert("cooldown until", 38);
    for second in 11..38 {
        story.check(second, &[]);
    }
    story.check(38, &[("out", 2)]);
    story.facts.insert("cooldown until", 55);
    for second in 41..100 {
        // From 51 on its alarm says OK.
        story.check(second, &[]);
    }
}

#[test]
fn cooldowns_hold_back_simple_policies_only() {
    let step =
        "policy.out.step = { alarm = \"high\", adjustment = \"change-in-capacity\", steps = [{ from = 0, by = 1 }] }";
    let mut story = Story::new(&with_alarm(step), 1);
    story.cpu(0..40, 80.0);
    story.facts.insert("cooldown until", 1000);
    let wishes = story.ask(11);
    assert_eq!((wishes[0].desired, wishes[0].cooldown), (Some(2), None));
}

#[test]
fn a_suspended_group_follows_no_alarm() {
    let simple = "policy.out.simple = { alarm = \"high\", adjustment = \"change-in-capacity\", by = 1 }";
    let mut story = Story::new(&with_alarm(simple), 1);
    story.cpu(0..40, 80.0);
    story.facts.insert("alarms suspended", 1);
    story.check(11, &[]);
    story.facts.clear();
    story.check(12, &[("out", 2)]);
}

#[test]
fn a_policy_at_the_maximum_wants_nothing() {
    let simple = "policy.out.simple = { alarm = \"high\", adjustment = \"change-in-capacity\", by = 5 }";
    let mut story = Story::new(&with_alarm(simple), 18);
    story.cpu(0..100, 80.0);
    story.check(11, &[("out", 20)]);
    story.become_of(20, 12);
    story.check(21, &[]);
}

/// AWS's own example of a step policy's warm-up: 10 instances, 10 percent more from 60, 30 percent more from 70.
#[test]
fn a_second_breach_within_the_warm_up_adds_only_the_difference() {
    let steps = r#"
        [group.policy.out.step]
        alarm = "high"
        adjustment = "percent-change-in-capacity"
        warm-up = "60s"
        steps = [{ from = 0, to = 10, by = 0 }, { from = 10, to = 20, by = 10 }, { from = 20, by = 30 }]
    "#;
    let text = with_alarm(
        &steps.replace("{ from = 0, to = 10, by = 0 }, ", "").replace("from = 10, to = 20", "from = 0, to = 20"),
    );
    let mut story = Story::new(&text, 10);
    story.since = vec![Moment::from_millis((START - 1000) * 1000); 10];
    story.cpu(0..10, 60.0);
    story.cpu(10..20, 62.0);
    story.cpu(20..30, 70.0);
    story.cpu(30..200, 70.0);
    story.check(11, &[("out", 11)]);
    story.become_of(11, 12);
    story.check(21, &[]);
    story.check(31, &[("out", 13)]);
    story.become_of(13, 32);
    story.check(81, &[]);
    // From second 72 on the eleventh counts: 30 percent more are three.
    story.check(91, &[("out", 14)]);
}

#[test]
fn steps_inward_wait_for_what_is_on_its_way_and_for_a_whole_period_after_each_change() {
    let text = r#"
        [group]
        min = 1
        max = 20
        policy.in.step = { alarm = "low", adjustment = "change-in-capacity", steps = [{ from = -30, to = 0, by = -1 }, { to = -30, by = -3 }] }
        [alarm.low]
        metric = "cpu-utilization"
        scaling-group = "todo"
        period = "10s"
        comparison = "less-than-or-equal"
        threshold = 50
    "#;
    let mut story = Story::new(text, 9);
    story.cpu(0..50, 50.0);
    story.cpu(50..100, 20.0);
    story.check(11, &[("in", 8)]);
    story.become_of(8, 12);
    story.check(21, &[]);
    story.since.pop();
    story.check(31, &[]);
    story.since.push(at(32));
    story.check(41, &[]);
    story.check(51, &[("in", 7)]);
    story.become_of(7, 52);
    story.check(53, &[]);
    story.check(61, &[]);
    story.check(71, &[("in", 4)]);
}

const TRACKING: &str = "target-tracking = { metric = \"cpu-utilization\", target = 50, period = \"10s\", out-periods = 2, in-periods = 3 }";

#[test]
fn target_tracking_scales_in_only_as_far_as_every_policy_of_its_kind_agrees() {
    let other = "target-tracking = { metric = \"custom.jobs\", target = 10, period = \"10s\", out-periods = 2, in-periods = 3 }";
    let text = format!("[group]\nmin = 1\nmax = 20\npolicy.cpu.{TRACKING}\npolicy.jobs.{other}");
    let story = |jobs: Option<f64>| {
        let mut story = Story::new(&text, 6);
        story.cpu(0..100, 5.0);
        for second in 0..100 {
            if let Some(jobs) = jobs {
                story.measured.put("custom.jobs".parse().unwrap(), START + second, jobs);
            }
        }
        story
    };
    // 6 × 5 at 45 each is one instance, 6 × 6 at 9 each are four: four is what both agree to.
    story(Some(6.0)).check(31, &[("cpu", 4), ("jobs", 4)]);
    story(Some(9.5)).check(31, &[]);
    story(None).check(31, &[]);
}

#[test]
fn target_tracking_rests_when_data_is_missing() {
    let mut story = Story::new(&format!("[group]\nmin = 1\nmax = 20\npolicy.cpu.{TRACKING}"), 4);
    story.cpu(0..20, 90.0);
    story.check(21, &[("cpu", 8)]);
    for second in 22..200 {
        story.check(second, &[]);
    }
}

#[test]
fn target_tracking_waits_for_its_cooldowns_also_after_a_restart() {
    let text =
        format!("[group]\nmin = 1\nmax = 20\npolicy.cpu.{}", TRACKING.replace(" }", ", out-cooldown = \"60s\" }"));
    let mut story = Story::new(&text, 1);
    story.cpu(0..200, 90.0);
    story.check(21, &[("cpu", 2)]);
    story.become_of(2, 22);
    story.check(23, &[]);
    // Another program takes over, with what the first one remembered.
    let memory = serde_json::to_string(story.policies.memory()).unwrap();
    story.policies = PolicyBook::new(serde_json::from_str(&memory).unwrap());
    story.configure(30);
    for second in 30..83 {
        story.check(second, &[]);
    }
    story.check(91, &[("cpu", 4)]);
}

#[test]
fn target_tracking_leaves_one_instance_and_starts_from_none_when_there_is_something_to_do() {
    let mut story = Story::new(&format!("[group]\nmin = 0\nmax = 20\npolicy.cpu.{TRACKING}"), 3);
    story.cpu(0..60, 0.0);
    story.check(31, &[("cpu", 1)]);
    let mut story = Story::new(&format!("[group]\nmin = 0\nmax = 20\npolicy.cpu.{TRACKING}"), 0);
    story.cpu(0..60, 70.0);
    story.check(21, &[("cpu", 1)]);
}
