//! One target under one check, as the guard sees it.

use std::time::Duration;

use super::{Fall, Traffic};
use crate::{Health, Outcome, Thresholds};

/// What is believed about a target, and since when its check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// What is believed.
    pub health: Health,
    /// Present from the first failure of a healthy target until it is healthy again without a failure. A target that was
    /// never healthy has nothing to fall from.
    pub(crate) fall: Option<Fall>,
}

impl Subject {
    /// A target about which `health` is believed.
    #[must_use]
    pub fn new(health: Health) -> Self {
        Self { health, fall: None }
    }

    /// Takes in one outcome. `now` is monotonic time since any fixed moment, `traffic` the target's counters of now.
    pub fn record(&mut self, outcome: &Outcome, thresholds: Thresholds, traffic: Traffic, now: Duration) {
        let was_healthy = self.health.is_healthy();
        self.health = self.health.after(outcome, thresholds);
        match outcome {
            Outcome::Fail(_) if was_healthy && self.fall.is_none() => self.fall = Some(Fall::new(now, traffic)),
            Outcome::Pass if self.health.is_healthy() => self.fall = None,
            _ => {}
        }
    }

    /// Takes in the target's counters of now, as evidence for or against a target that fell.
    pub fn see(&mut self, traffic: Traffic) {
        if let Some(fall) = &mut self.fall {
            fall.see(traffic);
        }
    }

    /// Whether the target fell and its last conclusive look failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.fall.is_some() && !self.is_recovering()
    }

    /// Whether the target is unhealthy but passed when it was last looked at.
    pub(crate) fn is_recovering(&self) -> bool {
        matches!(self.health, Health::Unhealthy { successes: 1.. })
    }

    /// Takes a recovering target for healthy: what to do with every subject when the guard lets go, since the check that
    /// held it was in doubt.
    pub fn vouch(&mut self) {
        if self.fall.is_some() && self.is_recovering() {
            *self = Self::new(Health::Healthy { failures: 0 });
        }
    }
}
