//! The further beyond the threshold, the larger the step.

use std::time::Duration;

use equipoise_target::AlarmName;
use serde::{Deserialize, Serialize};

use crate::AdjustmentKind;

/// Settings of a step policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// The alarm that triggers it.
    pub alarm: AlarmName,
    /// How the steps' `by` is meant: `change-in-capacity`, `exact-capacity`, `percent-change-in-capacity`.
    pub adjustment: AdjustmentKind,
    /// The fewest instances that a change in percent is worth.
    #[serde(default)]
    pub at_least: u32,
    /// What is done how far beyond the threshold. The ranges do not overlap and leave no gap.
    pub steps: Vec<StepRange>,
    /// How long a new instance counts as on its way: "0s" to "1day"; the group's `warm-up` when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub warm_up: Option<Duration>,
}

/// One step. Its bounds are distances from the alarm's threshold: for an alarm at 50, `from = 10` begins at 60.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepRange {
    /// Where it begins; at minus infinity when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Where it ends; at infinity when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// The number, negative to scale in.
    pub by: i32,
}
