//! When a group's capacity changes: the only list of kinds of policies, which is their configuration too.
//!
//! A new kind is one file under `policy/` and a variant here.

mod asked;
mod book;
mod forecast;
mod predictive;
mod problems;
#[cfg(test)]
mod properties;
mod schedule;
mod scheduled;
mod simple;
#[cfg(test)]
mod simulation;
mod step;
mod target_tracking;

use equipoise_target::PluginName;
use serde::{Deserialize, Serialize};

pub use book::{Forecast, ForecastPoint, GroupFacts, PolicyBook, PolicyMemory, Wish};
pub use predictive::Predictive;
pub(crate) use problems::MOST;
pub use scheduled::Scheduled;
pub use simple::Simple;
pub use step::{Step, StepRange};
pub use target_tracking::{TargetTracking, made_alarm_names};

/// A scaling policy. Of several that want a change at once, the one that wants the most instances wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Policy {
    /// One adjustment while an alarm is in state ALARM, then a cooldown.
    Simple(Simple),
    /// An adjustment that depends on how far an alarm's metric is beyond its threshold.
    Step(Step),
    /// Keeps a metric near a value.
    TargetTracking(TargetTracking),
    /// Changes minimum, maximum or desired capacity at set times.
    Scheduled(Scheduled),
    /// Launches ahead of what earlier days or weeks were like.
    Predictive(Predictive),
    /// As a plugin of the world `scaling-policy` says.
    Plugin(PluginName),
}
