//! Capacity by the clock.

use serde::{Deserialize, Serialize};

/// Settings of a scheduled policy. At least one of `min`, `max` and `desired` is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scheduled {
    /// When: a cron expression of five fields, or of six with seconds first.
    pub cron: String,
    /// Whose clock: a name of the IANA time zone database. Default: UTC.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The group's minimum from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The group's maximum from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// The desired capacity then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
}

fn utc() -> String {
    "UTC".to_owned()
}
