//! A closed loop for tests: a load makes a metric, alarms look at it, policies want a capacity, and capacity comes after the
//! time that instances take to start. A second is a step; a run is told by its seed.

mod practical;
mod random;
mod steady;

use std::collections::BTreeMap;
use std::time::Duration;

use equipoise_metrics::series::Statistic;
use equipoise_target::ScalingGroupName;

use super::book::{GroupFacts, PolicyBook, PolicyMemory};
use crate::{AlarmBook, Bounds, Metric, Moment, Plan, Readings, ScalingGroup, SeriesKey, Transition};

/// Somewhere in September 2026, at the beginning of a day.
pub(super) const START: u64 = 1_789_948_800;

/// What was measured, by metric and second.
#[derive(Debug, Default)]
pub(super) struct Measured(BTreeMap<Metric, BTreeMap<u64, f64>>);

impl Measured {
    pub(super) fn put(&mut self, metric: Metric, second: u64, value: f64) {
        self.0.entry(metric).or_default().insert(second, value);
    }
}

impl Readings for Measured {
    fn points(
        &self,
        key: &SeriesKey,
        statistic: Statistic,
        period: Duration,
        count: usize,
        now: Moment,
    ) -> Vec<Option<f64>> {
        assert_eq!(statistic, Statistic::Average);
        let (length, end) = (period.as_secs(), now.seconds() / period.as_secs());
        let point = |back: u64| {
            let from = (end - back) * length;
            let samples = self.0.get(&key.metric)?.range(from..from + length);
            let (number, sum) = samples.fold((0, 0.0), |(number, sum), (_, value)| (number + 1, sum + value));
            (number > 0).then(|| sum / f64::from(number))
        };
        (1..=count as u64).rev().map(point).collect()
    }
}

/// A change of the desired capacity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// Seconds since the start.
    pub(super) at: u64,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) cause: String,
}

/// A group with its load.
pub(super) struct World {
    name: ScalingGroupName,
    alarms: AlarmBook,
    policies: PolicyBook,
    bounds: Bounds,
    pub(super) measured: Measured,
    pub(super) desired: u32,
    /// When each instance is or will be in service.
    instances: Vec<Moment>,
    cooldown_until: Option<Moment>,
    boot: Duration,
    /// Seconds since the start.
    pub(super) second: u64,
    pub(super) changes: Vec<Change>,
    pub(super) transitions: Vec<Transition>,
}

/// A group as it stands in a configuration; alarms beside it.
pub(super) fn plan(text: &str) -> Plan {
    #[derive(serde::Deserialize)]
    struct Whole {
        group: toml::Table,
        #[serde(default)]
        alarm: BTreeMap<equipoise_target::AlarmName, crate::Alarm>,
    }
    let Whole { mut group, alarm } = toml::from_str(text).unwrap();
    group.insert("target-group".to_owned(), "todo".into());
    group.insert(
        "launch-template".to_owned(),
        toml::from_str("process = { command = [\"a\"], ports = \"1-9\" }").unwrap(),
    );
    let group: ScalingGroup = toml::Value::Table(group).try_into().unwrap();
    let plan = Plan { groups: [("todo".to_owned().try_into().unwrap(), group)].into(), alarms: alarm };
    for group in plan.groups.values() {
        assert_eq!(group.problems(), []);
    }
    for alarm in plan.alarms.values() {
        assert_eq!(alarm.problems(), []);
    }
    plan
}

impl World {
    pub(super) fn new(plan: &Plan, boot: Duration) -> Self {
        let (name, group) = plan.groups.first_key_value().unwrap();
        let now = Moment::from_millis(START * 1000);
        let mut world = Self {
            name: name.clone(),
            alarms: AlarmBook::default(),
            policies: PolicyBook::new(PolicyMemory::default()),
            bounds: Bounds { min: group.min, max: group.max },
            measured: Measured::default(),
            desired: group.desired.unwrap_or(group.min),
            instances: Vec::new(),
            cooldown_until: None,
            boot,
            second: 0,
            changes: Vec::new(),
            transitions: Vec::new(),
        };
        world.alarms.configure(plan, now);
        world.policies.configure(group, now);
        world.instances = vec![now; world.desired as usize];
        world
    }

    pub(super) fn now(&self) -> Moment {
        // Ticks are not on the second; nothing may depend on that.
        Moment::from_millis((START + self.second) * 1000 + self.second * 37 % 500)
    }

    pub(super) fn in_service(&self) -> u32 {
        self.instances.iter().filter(|ready| **ready <= self.now()).count() as u32
    }

    /// One second under a load, in percent of one instance. Processors are busy for 100 percent at most.
    pub(super) fn step(&mut self, load: f64, noise: f64) {
        let in_service = self.in_service();
        let second = START + self.second;
        self.measured.put(Metric::InService, second, f64::from(in_service));
        if in_service > 0 {
            let busy = (load / f64::from(in_service) * (1.0 + noise)).clamp(0.0, 100.0);
            self.measured.put(Metric::CpuUtilization, second, busy);
        }
        self.second += 1;
        self.follow();
    }

    fn follow(&mut self) {
        let now = self.now();
        self.transitions.extend(self.alarms.evaluate(&self.measured, now));
        let since: Vec<Moment> = self.instances.iter().copied().filter(|ready| *ready <= now).collect();
        let facts = GroupFacts {
            name: &self.name,
            desired: self.desired,
            bounds: self.bounds,
            in_service_since: &since,
            leaving: 0,
            cooldown_until: self.cooldown_until,
            boot_time: Some(self.boot),
            follow_alarms: true,
            follow_schedules: true,
        };
        let wishes = self.policies.wishes(&facts, &self.alarms, &self.measured, now);
        for wish in &wishes {
            self.bounds = wish.bounds.unwrap_or(self.bounds);
            let desired = wish.desired.unwrap_or(self.bounds.min);
            assert!((self.bounds.min..=self.bounds.max).contains(&desired), "{wish:?} is outside of {:?}", self.bounds);
        }
        let Some(wish) = wishes.iter().filter(|wish| wish.desired.is_some()).max_by_key(|wish| wish.desired) else {
            return;
        };
        let to = wish.desired.unwrap();
        assert_ne!(to, self.desired, "{wish:?} changes nothing");
        if let Some(cooldown) = wish.cooldown {
            assert!(self.cooldown_until.is_none_or(|until| until <= now), "{wish:?} breaks a cooldown");
            self.cooldown_until = Some(now.after(cooldown));
        }
        self.changes.push(Change { at: self.second, from: self.desired, to, cause: wish.cause.clone() });
        self.instances.truncate(to as usize);
        self.instances.resize(to as usize, now.after(self.boot));
        self.desired = to;
    }

    /// Capacities one after the other.
    pub(super) fn path(&self) -> Vec<u32> {
        let first = self.changes.first().map_or(self.desired, |change| change.from);
        std::iter::once(first).chain(self.changes.iter().map(|change| change.to)).collect()
    }

    /// How often it turned around: grew after it had shrunk, or shrank after it had grown.
    pub(super) fn turns(&self) -> usize {
        let ups: Vec<bool> = self.changes.iter().map(|change| change.to > change.from).collect();
        ups.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}
