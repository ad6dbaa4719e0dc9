//! What every policy is asked with.

use std::time::Duration;

use equipoise_target::{AlarmName, PolicyName};

use super::book::{GroupFacts, PolicyMemory};
use crate::{AlarmBook, Moment, Readings};

/// What a policy is asked with.
pub(super) struct Asked<'a> {
    pub(super) facts: &'a GroupFacts<'a>,
    pub(super) alarms: &'a AlarmBook,
    pub(super) readings: &'a dyn Readings,
    pub(super) memory: &'a PolicyMemory,
    pub(super) default_cooldown: Duration,
    pub(super) warm_up: Duration,
    pub(super) now: Moment,
}

impl Asked<'_> {
    /// How many instances were in service at `at`, for as long as their warm-up: the policy's own, or the group's. A metric of
    /// the period that began then is about them, if nothing joined meanwhile.
    pub(super) fn settled(&self, warm_up: Option<Duration>, at: Moment) -> u32 {
        let warm_up = warm_up.unwrap_or(self.warm_up);
        let settled = self.facts.in_service_since.iter().filter(|since| since.after(warm_up) <= at).count();
        u32::try_from(settled).unwrap_or(u32::MAX)
    }

    /// When the group last became another one: its desired capacity changed, or an instance came into service.
    pub(super) fn changed(&self) -> Option<Moment> {
        let newest = self.facts.in_service_since.iter().max().copied();
        [self.memory.grown, self.memory.shrunk, newest].into_iter().flatten().max()
    }
}

/// Which look of an alarm was followed last, so that each is followed once.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen(Option<Moment>);

impl Seen {
    /// Whether this look is there and was not followed before. From now on, it was.
    pub(super) fn first_time(&mut self, look: Option<Moment>) -> bool {
        let new = look.is_some() && look > self.0;
        if new {
            self.0 = look;
        }
        new
    }
}

/// The cause of a wish, in AWS's words.
pub(super) fn triggered(alarm: &AlarmName, policy: &PolicyName) -> String {
    format!("a monitor alarm {alarm} in state ALARM triggered policy {policy}")
}
