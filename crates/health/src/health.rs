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

    /// What is believed when a check's settings changed: a good target is given the whole threshold again, a bad one comes
    /// back with its first pass, because the change may well have been the cure.
    #[must_use]
    pub fn carried(good: bool, thresholds: Thresholds) -> Self {
        if good { Self::Healthy { failures: 0 } } else { Self::initial(Initial::Unhealthy, thresholds) }
    }

    /// Whether the target is believed to be healthy.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::Healthy { .. })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn thresholds(healthy: u32, unhealthy: u32) -> Thresholds {
        Thresholds { healthy: healthy.try_into().unwrap(), unhealthy: unhealthy.try_into().unwrap() }
    }

    fn outcome(sign: char) -> Outcome {
        match sign {
            '+' => Outcome::Pass,
            '-' => Outcome::fail("no"),
            _ => Outcome::inconclusive("broken"),
        }
    }

    #[track_caller]
    fn check(rise: u32, fall: u32, signs: &str, want: Health) {
        let limits = thresholds(rise, fall);
        let start = Health::Healthy { failures: 0 };
        let got = signs.chars().fold(start, |health, sign| health.after(&outcome(sign), limits));
        assert_eq!(got, want, "{signs}");
    }

    #[test]
    fn failures_in_a_row_make_a_target_unhealthy() {
        check(2, 3, "--", Health::Healthy { failures: 2 });
        check(2, 3, "---", Health::Unhealthy { successes: 0 });
        check(2, 1, "-", Health::Unhealthy { successes: 0 });
    }

    #[test]
    fn a_success_forgives_earlier_failures() {
        check(1, 3, "--+-", Health::Healthy { failures: 1 });
    }

    #[test]
    fn passes_in_a_row_make_it_healthy_again() {
        check(2, 1, "-+", Health::Unhealthy { successes: 1 });
        check(2, 1, "-++", Health::Healthy { failures: 0 });
        check(2, 1, "-+-+", Health::Unhealthy { successes: 1 });
    }

    #[test]
    fn a_look_that_says_nothing_changes_nothing() {
        check(2, 3, "-?-??", Health::Healthy { failures: 2 });
        check(2, 1, "-?+?", Health::Unhealthy { successes: 1 });
    }

    #[test]
    fn the_first_look_decides_alone() {
        let limits = thresholds(5, 5);
        let first = |initial, sign| Health::initial(initial, limits).after(&outcome(sign), limits).is_healthy();
        for initial in [Initial::Healthy, Initial::Unhealthy] {
            assert!(Health::initial(initial, limits).is_healthy() == (initial == Initial::Healthy));
            assert!(first(initial, '+') && !first(initial, '-'));
        }
    }

    proptest! {
        #[test]
        fn the_last_conclusive_run_decides(rise in 1u32..5, fall in 1u32..5, signs in "[-+?]{0,40}") {
            let limits = thresholds(rise, fall);
            let start = Health::Healthy { failures: 0 };
            let health = signs.chars().fold(start, |health, sign| health.after(&outcome(sign), limits));
            let told: String = signs.chars().filter(|sign| *sign != '?').collect();
            let run = |sign: char| told.chars().rev().take_while(|other| *other == sign).count() as u32;
            if run('+') >= rise { prop_assert!(health.is_healthy()); }
            if run('-') >= fall { prop_assert!(!health.is_healthy()); }
            match health {
                Health::Healthy { failures } => prop_assert!(failures < fall && failures == run('-')),
                Health::Unhealthy { successes } => prop_assert!(successes < rise && successes == run('+')),
            }
        }

        #[test]
        fn lowered_thresholds_never_get_stuck(old in 1u32..50, new in 1u32..5) {
            let stale = Health::Healthy { failures: old };
            prop_assert!(!stale.after(&outcome('-'), thresholds(new, new.min(old))).is_healthy());
        }
    }
}
