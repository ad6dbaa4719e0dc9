//! What can be wanted of a scaling group, and why it may not come to that.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Something that an administrator wants of a scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// This capacity.
    SetDesired {
        /// How many instances.
        desired: u32,
        /// Whether a cooldown that is under way forbids it.
        honor_cooldown: bool,
    },
    /// Replace every instance.
    Refresh,
    /// Stop replacing; what was replaced stays.
    CancelRefresh,
    /// Go back to the launch template from before.
    RollBack,
    /// Suspend processes, such as `alarm-notification`; all when empty.
    Suspend(Vec<String>),
    /// Resume processes; all when empty.
    Resume(Vec<String>),
    /// Protect an instance from scaling in, or not.
    Protect {
        /// Which.
        instance: String,
        /// Whether it is protected from now on.
        protected: bool,
    },
    /// Stop an instance.
    Terminate {
        /// Which.
        instance: String,
        /// Whether the desired capacity falls by one; a new one takes its place otherwise.
        shrink: bool,
    },
}

/// Body of `POST /v1/scaling-groups/{name}/desired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredRequest {
    /// How many instances.
    pub desired: u32,
    /// Whether a cooldown that is under way forbids it.
    #[serde(default)]
    pub honor_cooldown: bool,
}

/// Body of `POST /v1/scaling-groups/{name}/suspend` and `…/resume`; nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessesRequest {
    /// Which processes; all when empty.
    pub processes: Vec<String>,
}

/// Body of `POST /v1/scaling-groups/{name}/instances/{id}/terminate`; nothing means that another takes its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TerminateRequest {
    /// Whether the desired capacity falls by one.
    pub shrink: bool,
}

/// Why a question about scaling has no answer, or an order is not followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScalingError {
    /// This balancer does not scale anything.
    #[error("this balancer has no scaling groups")]
    NotHere,
    /// No group of this name.
    #[error("there is no scaling group `{name}`{}", among("the scaling groups are", .known))]
    NoGroup {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No instance of this name.
    #[error("scaling group `{group}` has no instance `{instance}`{}", among("its instances are", .known))]
    NoInstance {
        /// The group.
        group: String,
        /// What was asked for.
        instance: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No target group of this name.
    #[error("there is no target group `{name}`{}", among("the target groups are", .known))]
    NoTargetGroup {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No alarm of this name.
    #[error("there is no alarm `{name}`{}", among("the alarms are", .known))]
    NoAlarm {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A word that stands for nothing: a metric, a statistic, a process.
    #[error("there is no {what} `{value}`{}", among("write one of", .known))]
    NoSuch {
        /// What the word should be.
        what: &'static str,
        /// The word.
        value: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Outside of minimum and maximum.
    #[error("scaling group `{group}` has {min} to {max} instances: {desired} is outside of that")]
    OutOfBounds {
        /// The group.
        group: String,
        /// What was asked for.
        desired: u32,
        /// The present minimum.
        min: u32,
        /// The present maximum.
        max: u32,
    },
    /// A cooldown is under way.
    #[error("scaling group `{group}` cools down until {}", stamp(*.until))]
    CoolingDown {
        /// The group.
        group: String,
        /// When it ends.
        until: SystemTime,
    },
    /// No refresh is under way, or there is nothing to go back to.
    #[error("scaling group `{group}` is not being refreshed")]
    NoRefresh {
        /// The group.
        group: String,
    },
    /// A pushed metric does not begin with `custom.`, or there are too many of them.
    #[error("`{metric}` is not taken: {reason}")]
    NotTaken {
        /// The metric.
        metric: String,
        /// Why.
        reason: String,
    },
    /// The history cannot be read.
    #[error("reading the history: {reason}")]
    History {
        /// What the store said.
        reason: String,
    },
    /// The order may be followed late or not at all: the group did not answer.
    #[error("scaling group `{group}` did not take the order within {limit:?}; look at its activities later")]
    Busy {
        /// The group.
        group: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The program is about to end.
    #[error("draining: no further order is taken")]
    Draining,
}

/// Names that are shown before the rest is only counted.
const SHOWN: usize = 20;

fn among(before: &str, known: &[String]) -> String {
    let shown: Vec<_> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = known.len().saturating_sub(SHOWN);
    match (shown.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; {before} {}", shown.join(", ")),
        (false, more) => format!("; {before} {} and {more} more", shown.join(", ")),
    }
}

fn stamp(at: SystemTime) -> String {
    // Times here come from JSON or a clock, both within what RFC 3339 can write.
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones_within_bounds() {
        let error = |count: usize| {
            let known = (0..count).map(|number| format!("g{number}")).collect();
            ScalingError::NoGroup { name: "wbe".to_owned(), known }.to_string()
        };
        assert_eq!(error(0), "there is no scaling group `wbe`");
        assert_eq!(error(2), "there is no scaling group `wbe`; the scaling groups are `g0`, `g1`");
        assert!(error(1000).ends_with("`g19` and 980 more"));
    }
}
