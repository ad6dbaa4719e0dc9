//! What live requests say about a target while it fails a check.

use std::time::Duration;

use equipoise_target::Target;

use super::GuardSettings;

/// How many of the newest requests are remembered, about. Old successes must not outweigh a failure of now.
const REMEMBERED: u64 = 100;

/// Live requests, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Attempts that spoke for the target.
    pub successes: u64,
    /// Attempts that spoke against it.
    pub failures: u64,
}

impl From<&Target> for Traffic {
    fn from(target: &Target) -> Self {
        Self { successes: target.successes(), failures: target.failures() }
    }
}

/// What a target's live traffic says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Testimony {
    /// Too few requests, or neither good nor bad.
    Silent,
    /// Requests succeed.
    For,
    /// Requests fail.
    Against,
}

/// The stretch from the first failure of a healthy target until it is healthy again without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// When the first failure was seen.
    pub(crate) began: Duration,
    /// The target's counters when they were last read.
    read: Traffic,
    /// Requests since the fall began; halved whenever there are more than [`REMEMBERED`].
    recent: Traffic,
}

impl Fall {
    /// A fall that begins now, with the target's counters of now.
    #[must_use]
    pub fn new(began: Duration, traffic: Traffic) -> Self {
        Self { began, read: traffic, recent: Traffic::default() }
    }

    /// Takes in the target's counters.
    pub fn see(&mut self, traffic: Traffic) {
        // Counters that went back belong to a new record of the same address: it starts from nothing.
        let since = |now: u64, then: u64| now.saturating_sub(then);
        self.recent.successes += since(traffic.successes, self.read.successes);
        self.recent.failures += since(traffic.failures, self.read.failures);
        self.read = traffic;
        while self.recent.successes + self.recent.failures > REMEMBERED {
            self.recent.successes /= 2;
            self.recent.failures /= 2;
        }
    }

    /// What the live traffic since the fall began says. Between "for" and "against" lies a tenth of slack, so that a
    /// target at the very limit does not waver.
    #[must_use]
    pub fn testimony(&self, settings: &GuardSettings) -> Testimony {
        let Traffic { successes, failures } = self.recent;
        let all = successes + failures;
        let share = u64::from(settings.success_share.get());
        // Halving leaves at least half of what is remembered, so a higher demand could never be met for good.
        let enough = u64::from(settings.min_requests.get()).min(REMEMBERED / 2);
        match () {
            () if all < enough => Testimony::Silent,
            () if successes * 100 >= share * all => Testimony::For,
            () if successes * 1000 < share * 9 * all => Testimony::Against,
            () => Testimony::Silent,
        }
    }
}
