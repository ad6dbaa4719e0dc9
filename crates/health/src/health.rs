//! From what single looks said to what is believed: a total function without clock, error or panic.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// What is believed about one target by one check, with the count that may change it.
///
/// ```text
///             unhealthy-threshold × Fail in a row
///          ┌────────────────────────────────────────┐
///          │                                        ▼
/// ┌─────────────────────┐                 ┌────────────────────────┐
/// │ Healthy { failures }│                 │ Unhealthy { successes }│
/// └─────────────────────┘                 └────────────────────────┘
///          ▲                                        │
///          └────────────────────────────────────────┘
///              healthy-threshold × Pass in a row
/// ```
///
/// A `Pass` forgives a healthy target its failures, a `Fail` takes an unhealthy one's successes, and `Inconclusive`
/// changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Passes, or has not failed often enough.
    Healthy {
        /// Failures in a row so far; below the unhealthy threshold.
        failures: u32,
    },
    /// Fails, or has not passed often enough since.
    Unhealthy {
        /// Passes in a row so far; below the healthy threshold.
        successes: u32,
    },
}

/// How many outcomes in a row change what is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Passes that make an unhealthy target healthy.
    pub healthy: NonZeroU32,
    /// Failures that make a healthy target unhealthy.
    pub unhealthy: NonZeroU32,
}

/// What is believed about a target before the first look at it. Either way the first look decides alone: thresholds
/// protect what is known from a chance outcome, and nothing is known yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Initial {
    /// Takes requests until a check fails.
    #[default]
    Healthy,
    /// Takes no requests before a check passed; the first check comes at once.
    Unhealthy,
}

impl Health {
    /// The belief before the first look.
    #[must_use]
    pub fn initial(initial: Initial, thresholds: Thresholds) -> Self {
        match initial {
            Initial::Healthy => Self::Healthy { failures: thresholds.unhealthy.get() - 1 },
            Initial::Unhealthy => Self::Unhealthy { successes: thresholds.healthy.get() - 1 },
        }
    }

    /// What is believed after one more outcome.
    #[must_use]
    pub fn after(self, outcome: &Outcome, thresholds: Thresholds) -> Self {
        match (self, outcome) {
            (_, Outcome::Inconclusive(_)) => self,
            (Self::Healthy { .. }, Outcome::Pass) => Self::Healthy { failures: 0 },
            (Self::Unhealthy { .. }, Outcome::Fail(_)) => Self::Unhealthy { successes: 0 },
            (Self::Healthy { failures }, Outcome::Fail(_)) => match failures.saturating_add(1) {
                enough if enough >= thresholds.unhealthy.get() => Self::Unhealthy { successes: 0 },
                failures => Self::Healthy { failures },
            },
            (Self::Unhealthy { successes }, Outcome::Pass) => match successes.saturating_add(1) {
                enough if enough >= thresholds.healthy.get() => Self::Healthy { failures: 0 },
                successes => Self::Unhealthy { successes },
            },
        }
    }

    /// The same belief under a changed check: a target that was healthy is given the whole threshold again, one that was
    /// not comes back with its first pass, because the change may well have been the cure.
    #[must_use]
    pub fn carried(self, thresholds: Thresholds) -> Self {
        match self {
            Self::Healthy { .. } => Self::Healthy { failures: 0 },
            Self::Unhealthy { .. } => Self::initial(Initial::Unhealthy, thresholds),
        }
    }

    /// Whether the target is believed to be healthy.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::Healthy { .. })
    }
}
