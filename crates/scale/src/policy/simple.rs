//! One adjustment, then a rest.

use std::time::Duration;

use equipoise_target::AlarmName;
use serde::{Deserialize, Serialize};

use crate::AdjustmentKind;

/// Settings of a simple policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Simple {
    /// The alarm that triggers it.
    pub alarm: AlarmName,
    /// How `by` is meant: `change-in-capacity`, `exact-capacity`, `percent-change-in-capacity`.
    pub adjustment: AdjustmentKind,
    /// The number, negative to scale in.
    pub by: i32,
    /// The fewest instances that a change in percent is worth.
    #[serde(default)]
    pub at_least: u32,
    /// How long no simple policy changes the group afterwards: "0s" to "1day"; the group's `default-cooldown` when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub cooldown: Option<Duration>,
}
