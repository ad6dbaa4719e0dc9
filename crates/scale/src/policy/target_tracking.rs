//! Keeps a metric near a value, as a thermostat does.

use std::time::Duration;

use equipoise_metrics::series::Statistic;
use serde::{Deserialize, Serialize};

use crate::Metric;

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
    pub out_periods: u32,
    /// How many periods below nine tenths of the target scale in: 1 to 100, default 15.
    #[serde(default = "fifteen")]
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
