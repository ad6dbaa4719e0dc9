//! Alarms in CloudWatch's words: a metric is compared with a threshold, period by period.

mod book;
mod judge;
mod problems;
pub(crate) mod reason;
pub(crate) mod watch;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use equipoise_metrics::series::Statistic;
use equipoise_target::{AlarmName, GroupName, ScalingGroupName};
use serde::{Deserialize, Serialize};

use crate::{Metric, Moment};

pub use book::{AlarmBook, AlarmView, Datapoint, Maker};

/// An alarm, as configured. Exactly one of `scaling-group` and `target-group` says whose metric it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Alarm {
    /// What is measured, such as `cpu-utilization`, `request-count-per-target` or `custom.jobs`.
    pub metric: Metric,
    /// The scaling group whose metric it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling_group: Option<ScalingGroupName>,
    /// The target group whose metric it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group: Option<GroupName>,
    /// What is made of a period's samples: `average` (the default), `sum`, `minimum`, `maximum`, `sample-count`, `p50`,
    /// `p90`, `p95`, `p99`.
    #[serde(default)]
    pub statistic: Statistic,
    /// Length of a period: "1s" to "1day", whole seconds, default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub period: Duration,
    /// How many of the latest periods are looked at: 1 to 1440, default 1.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1440)))]
    pub evaluation_periods: NonZeroU32,
    /// How many of them must breach: 1 to `evaluation-periods`, default all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1440)))]
    pub datapoints_to_alarm: Option<NonZeroU32>,
    /// How a period's number is held against the threshold.
    pub comparison: Comparison,
    /// What it is held against.
    pub threshold: f64,
    /// What a period without samples counts as.
    #[serde(default)]
    pub missing_data: MissingData,
    /// What is done when the alarm goes off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_alarm: Vec<Action>,
    /// What is done when it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_ok: Vec<Action>,
    /// What is done when there is too little to tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_insufficient_data: Vec<Action>,
}

/// How a number is held against a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Breaches from the threshold upward.
    GreaterThanOrEqual,
    /// Breaches above the threshold.
    GreaterThan,
    /// Breaches below the threshold.
    LessThan,
    /// Breaches from the threshold downward.
    LessThanOrEqual,
}

/// What a period without samples counts as. Default: `missing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MissingData {
    /// As nothing; when nothing else is there, the state is insufficient data.
    #[default]
    Missing,
    /// As nothing; when nothing else is there, the state stays.
    Ignore,
    /// As beyond the threshold.
    Breaching,
    /// As within the threshold.
    NotBreaching,
}

/// What an alarm does beside triggering the policies that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Posts a JSON object to this URL (`http://` or `https://`), within 10 s.
    Webhook(String),
    /// Runs a program with its arguments, within 60 s. What happened is in its environment: `EQUIPOISE_ALARM`,
    /// `EQUIPOISE_STATE`, `EQUIPOISE_REASON`.
    Command(Vec<PathBuf>),
    /// Writes a line to the program's log.
    Log,
}

/// What an alarm says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Beyond it.
    Alarm,
    /// Too few samples to tell.
    #[default]
    InsufficientData,
}

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// The alarm.
    pub alarm: AlarmName,
    /// When.
    pub at: Moment,
    /// What it said before.
    pub from: AlarmState,
    /// What it says now.
    pub to: AlarmState,
    /// Why, with the numbers: "2 of the last 2 datapoints [23.1 (…), 25.0 (…)] were greater than or equal to 20".
    pub reason: String,
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}
