//! Ahead of the load: what was seen a season ago, one day or one week, is expected again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Metric;

/// Settings of a predictive policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Predictive {
    /// What the forecast is of: a metric of the whole group, such as `request-count`, or one of each instance.
    pub metric: Metric,
    /// The value of the metric that one instance is meant for, above 0.
    pub target: f64,
    /// What the load repeats after: "1min" to "7days", default "1day".
    #[serde(default = "day", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub season: Duration,
    /// How long before it is needed an instance is launched: "0s" to "1h"; as long as instances took from launch to service
    /// lately when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub lead: Option<Duration>,
    /// Which quantile of the same time in earlier seasons is expected, in percent: 50 to 99, default 90.
    #[serde(default = "ninety")]
    pub quantile: u8,
    /// Whether it only shows its forecast. Default: false.
    #[serde(default)]
    pub forecast_only: bool,
}

fn day() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

fn ninety() -> u8 {
    90
}
