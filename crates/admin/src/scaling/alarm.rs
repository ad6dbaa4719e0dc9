//! Alarms and the changes of their states.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::status::seconds;

/// One alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Name in the configuration, or the one that a policy gave it.
    pub name: String,
    /// Whose metric it is, as `scaling-group/NAME` or `target-group/NAME`.
    #[serde(default)]
    pub subject: String,
    /// What is measured, such as `cpu-utilization`.
    pub metric: String,
    /// What is made of a period's samples, such as `average`.
    #[serde(default)]
    pub statistic: String,
    /// Length of a period.
    #[serde(with = "seconds")]
    pub period: Duration,
    /// How many of the latest periods are looked at.
    pub evaluation_periods: u32,
    /// How many of them must breach.
    pub datapoints_to_alarm: u32,
    /// How a number is held against the threshold, such as `greater-than-or-equal`.
    pub comparison: String,
    /// What it is held against.
    pub threshold: f64,
    /// What a period without samples counts as, such as `missing`.
    #[serde(default)]
    pub missing_data: String,
    /// What it says.
    pub state: AlarmState,
    /// Since when.
    #[serde(default, with = "humantime_serde")]
    pub since: Option<SystemTime>,
    /// Why, with the numbers.
    #[serde(default)]
    pub reason: String,
    /// The policies that it triggers, as `GROUP/POLICY`.
    #[serde(default)]
    pub policies: Vec<String>,
    /// The policy that made it, as `GROUP/POLICY`; `None` when the configuration did.
    #[serde(default)]
    pub generated_by: Option<String>,
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

impl AlarmState {
    /// As it stands in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmTransition {
    /// The alarm.
    pub alarm: String,
    /// When.
    #[serde(with = "humantime_serde")]
    pub at: SystemTime,
    /// What it said before.
    pub from: AlarmState,
    /// What it says now.
    pub to: AlarmState,
    /// Why, with the numbers.
    #[serde(default)]
    pub reason: String,
}
