//! How long a group waits after launches that came to nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Group;
use super::member::{Member, Step};
use crate::Moment;

/// After the first failure; twice as long after each further one.
const SHORTEST: Duration = Duration::from_secs(1);
/// Never longer than this.
const LONGEST: Duration = Duration::from_secs(300);
/// An instance that was in service for so long was no failure.
const SERVED_WELL: Duration = Duration::from_secs(10);
/// From so many failures in a row on, instances are tried one by one.
const ONE_BY_ONE: u32 = 3;

/// How many launches in a row came to nothing, and when the next one may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    /// Launches in a row that failed: that did not start, did not pass in time, or ended soon after. Those that were
    /// under way at the same time count as one.
    pub failures: u32,
    /// When the last one failed.
    pub last: Option<Moment>,
    /// When the next launch may be.
    pub until: Option<Moment>,
    /// Why the last one failed.
    pub reason: String,
}

impl BackOff {
    /// A launch that was asked for at `launched` has failed.
    pub(super) fn failed(&mut self, launched: Moment, reason: &str, now: Moment) {
        reason.clone_into(&mut self.reason);
        if self.last.is_some_and(|last| launched <= last) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = SHORTEST.saturating_mul(1 << (self.failures - 1).min(16)).min(LONGEST);
        self.last = Some(now);
        self.until = Some(now.after(wait));
    }

    /// Whether nothing is to be launched yet.
    pub(super) fn holds(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// How many launches may be under way at once.
    pub(super) fn at_once(&self) -> usize {
        if self.failures >= ONE_BY_ONE { 1 } else { usize::MAX }
    }

    /// The end of a sentence about a failure.
    pub(super) fn outlook(&self) -> String {
        match self.until {
            Some(until) if self.failures > 1 => {
                format!("; {} launches in a row failed, the next one is tried at {until}", self.failures)
            }
            Some(until) => format!("; the next launch is tried at {until}"),
            None => String::new(),
        }
    }
}

impl Group {
    /// Whether an instance that ends now was no use to anybody.
    pub(super) fn served_too_short(&self, at: usize, now: Moment) -> bool {
        let member = &self.members[at];
        matches!(member.step(), Step::Serving | Step::Waiting) && now.since(member.instance.since) < SERVED_WELL
    }

    /// Forgets failures when a later instance has served well, or when nothing failed for long.
    pub(super) fn forgive(&mut self, now: Moment) {
        if self.forgiven_at().is_some_and(|at| at <= now) {
            self.back_off = BackOff::default();
            self.changed = true;
        }
    }

    /// When failures will be forgotten, as things are now.
    pub(super) fn forgiven_at(&self) -> Option<Moment> {
        let (last, until) = (self.back_off.last?, self.back_off.until?);
        let well = |member: &&Member| member.serves() || *member.step() == Step::Waiting;
        let later = self.members.iter().filter(well).filter(|member| member.instance.launched > last);
        let served = later.map(|member| member.instance.since.after(SERVED_WELL)).min();
        Some(served.unwrap_or(until.after(LONGEST)).min(until.after(LONGEST)))
    }
}
