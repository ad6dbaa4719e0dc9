//! Keeps a metric near a value, as a thermostat does.

use std::num::NonZeroU32;
use std::time::Duration;

use equipoise_metrics::series::Statistic;
use equipoise_target::{AlarmName, PolicyName, ScalingGroupName};
use serde::{Deserialize, Serialize};

use super::asked::{Asked, Seen, triggered};
use crate::alarm::watch::Watch;
use crate::{Alarm, Comparison, Metric, MissingData, Moment, Wish};

/// Settings of a target tracking policy. It makes two alarms of its own: one above the target that scales out, and one
/// further below it that scales in, more slowly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TargetTracking {
    /// What is kept near the target: a metric that falls when instances are added, such as `cpu-utilization`.
    pub metric: Metric,
    /// The value, above 0.
    pub target: f64,
    /// What is made of a period's samples. Default: `average`.
    #[serde(default)]
    pub statistic: Statistic,
    /// Length of a period: "1s" to "1h", whole seconds, default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub period: Duration,
    /// How many periods above the target scale out: 1 to 100, default 3.
    #[serde(default = "three")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub out_periods: u32,
    /// How many periods below nine tenths of the target scale in: 1 to 100, default 15.
    #[serde(default = "fifteen")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub in_periods: u32,
    /// Whether it may also scale in. Default: true.
    #[serde(default = "yes")]
    pub scale_in: bool,
    /// How long to wait after scaling out: "0s" to "1day", default "0s" (the warm-up counts anyway).
    #[serde(default, with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub out_cooldown: Duration,
    /// How long to wait after any change before scaling in: "0s" to "1day", default "0s".
    #[serde(default, with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub in_cooldown: Duration,
    /// How long a new instance counts as on its way: "0s" to "1day"; the group's `warm-up` when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub warm_up: Option<Duration>,
}

/// The part of the target below which capacity is taken away.
pub(super) const IN_BELOW: f64 = 0.9;

/// Longest name of an alarm.
const LONGEST: usize = 63;

/// Names of the two alarms that a target tracking policy makes: `GROUP-POLICY-high` and `GROUP-POLICY-low`. Too long a
/// name is cut, and a digest of the whole keeps it apart from others.
#[must_use]
pub fn made_alarm_names(group: &ScalingGroupName, policy: &PolicyName) -> [AlarmName; 2] {
    let whole = format!("{group}-{policy}");
    ["high", "low"].map(|end| {
        let mut text = format!("{whole}-{end}");
        if text.len() > LONGEST {
            let end = format!("-{:08x}-{end}", fnv(whole.as_bytes()));
            // Names are ASCII: they can be cut anywhere.
            text = format!("{}{end}", &whole[..LONGEST - end.len()]);
        }
        // Invariant: two names joined by `-` start with a letter or digit and hold nothing that a name may not.
        AlarmName::new(&text).expect("names joined by a hyphen are a name")
    })
}

/// FNV-1a: the same everywhere and for ever, which a name must be.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl TargetTracking {
    /// The alarms that it makes: the upper one always, the lower one when it may scale in. Missing data changes nothing.
    pub(crate) fn alarms(&self, group: &ScalingGroupName, policy: &PolicyName) -> Vec<(AlarmName, Alarm)> {
        let [high, low] = made_alarm_names(group, policy);
        let alarm = |comparison, threshold, periods: u32| Alarm {
            metric: self.metric.clone(),
            scaling_group: Some(group.clone()),
            target_group: None,
            statistic: self.statistic,
            period: self.period,
            evaluation_periods: NonZeroU32::new(periods).unwrap_or(NonZeroU32::MIN),
            datapoints_to_alarm: None,
            comparison,
            threshold,
            missing_data: MissingData::Ignore,
            on_alarm: Vec::new(),
            on_ok: Vec::new(),
            on_insufficient_data: Vec::new(),
        };
        let upper = (high, alarm(Comparison::GreaterThan, self.target, self.out_periods));
        let lower = (low, alarm(Comparison::LessThan, self.target * IN_BELOW, self.in_periods));
        if self.scale_in { vec![upper, lower] } else { vec![upper] }
    }
}

/// A target tracking policy at work.
#[derive(Debug)]
pub(super) struct Tracker {
    settings: TargetTracking,
    alarms: Option<[AlarmName; 2]>,
    out: Seen,
    back: Seen,
}

/// How many instances `load` needs when each takes `share` of it. A breath above a whole number is that number.
pub(super) fn instances(load: f64, share: f64) -> u32 {
    // Casts of floats saturate: a load beyond all bounds needs the most that can be written.
    (load / share - 1e-9).ceil().max(0.0) as u32
}

impl Tracker {
    pub(super) fn new(settings: TargetTracking) -> Self {
        Self { settings, alarms: None, out: Seen::default(), back: Seen::default() }
    }

    /// What it wants, once for each time that one of its alarms has looked and is in state ALARM.
    pub(super) fn wish(&mut self, name: &PolicyName, asked: &Asked<'_>) -> Option<Wish> {
        let alarms = self.alarms.get_or_insert_with(|| made_alarm_names(asked.facts.name, name)).clone();
        let [high, low] = alarms.each_ref().map(|alarm| asked.alarms.watch(alarm));
        if !asked.facts.follow_alarms {
            return None;
        }
        let above = high.filter(|watch| self.out.first_time(watch.alarming()));
        let below = low.filter(|watch| self.back.first_time(watch.alarming()));
        let more = above.and_then(|watch| self.more(watch, asked));
        let (desired, alarm) = match (more, below) {
            (Some(more), _) => (more, &alarms[0]),
            (None, Some(watch)) => (self.fewer(watch, asked)?, &alarms[1]),
            (None, None) => return None,
        };
        let cause = triggered(alarm, name);
        Some(Wish { policy: name.clone(), desired: Some(desired), bounds: None, cooldown: None, cause })
    }

    /// Scaling out: so many that the metric of the last period would have been at the target. It was measured on what was in
    /// service when the period began: counting what came later would ask for the same capacity again.
    fn more(&self, watch: &Watch, asked: &Asked<'_>) -> Option<u32> {
        let facts = asked.facts;
        let rests = asked.memory.grown.is_some_and(|grown| asked.now < grown.after(self.settings.out_cooldown));
        let newest = watch.newest().filter(|_| !rests)?;
        let settled = asked.settled(self.settings.warm_up, newest.at);
        let wanted = match (facts.desired, settled) {
            (0, _) => 1,
            (_, 0) => return None,
            (_, settled) => instances(f64::from(settled) * newest.value?, self.settings.target),
        };
        (wanted > facts.desired).then_some(wanted)
    }

    /// Scaling in: so many that the highest of the periods that were looked at would be at nine tenths of the target. All of
    /// them must have begun after the group last changed and everything had settled, so they are about what runs.
    fn fewer(&self, watch: &Watch, asked: &Asked<'_>) -> Option<u32> {
        let facts = asked.facts;
        let changed = asked.changed();
        let rests = changed.is_some_and(|changed| asked.now < changed.after(self.settings.in_cooldown));
        let known = watch.datapoints().iter().rev().filter_map(|point| Some((point.at, point.value?)));
        let looked: Vec<(Moment, f64)> = known.take(self.settings.in_periods as usize).collect();
        let stale = looked.iter().any(|(at, _)| changed.is_some_and(|changed| *at < changed));
        watch.newest()?.value?;
        if rests || stale || asked.settled(self.settings.warm_up, asked.now) < facts.desired {
            return None;
        }
        let highest = looked.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let wanted = instances(f64::from(facts.desired) * highest, self.settings.target * IN_BELOW).max(1);
        (wanted < facts.desired).then_some(wanted)
    }

    /// The fewest instances that this policy agrees to when another one of its kind scales in.
    pub(super) fn least(&self, asked: &Asked<'_>) -> u32 {
        if !self.settings.scale_in {
            return 0;
        }
        let low = self.alarms.as_ref().and_then(|[_, low]| asked.alarms.watch(low));
        let alarming = low.filter(|watch| watch.alarming().is_some());
        alarming.and_then(|watch| self.fewer(watch, asked)).unwrap_or(asked.facts.desired)
    }
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

fn three() -> u32 {
    3
}

fn fifteen() -> u32 {
    15
}

fn yes() -> bool {
    true
}
