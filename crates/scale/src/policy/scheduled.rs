//! Capacity by the clock.

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use crate::Moment;

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
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub min: Option<u32>,
    /// The group's maximum from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub max: Option<u32>,
    /// The desired capacity then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1000)))]
    pub desired: Option<u32>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A scheduled policy at work.
#[derive(Debug)]
pub(super) struct Timer {
    settings: Scheduled,
    /// `None` when the settings are none; whoever read them has said so.
    schedule: Option<Schedule>,
    /// When it fell due last, also before it was asked for the first time.
    last: Option<Moment>,
    next: Option<Moment>,
}

impl Timer {
    /// What falls due after `now` is followed. What fell due before is not made up, but for the bounds that it set: those
    /// hold until another schedule sets them.
    pub(super) fn new(settings: Scheduled, now: Moment) -> Self {
        let schedule = Schedule::new(&settings.cron, &settings.time_zone).ok();
        let last = schedule.as_ref().and_then(|schedule| schedule.last(now));
        let next = schedule.as_ref().and_then(|schedule| schedule.next(now));
        Self { settings, schedule, last, next }
    }

    /// Whether it has fallen due since this was asked last; several times count as one.
    pub(super) fn is_due(&mut self, now: Moment) -> bool {
        let due = self.next.is_some_and(|next| next <= now);
        if let Some(schedule) = self.schedule.as_ref().filter(|_| due) {
            self.last = schedule.last(now);
            self.next = schedule.next(now);
        }
        due
    }

    pub(super) fn settings(&self) -> &Scheduled {
        &self.settings
    }

    /// When it fell due last.
    pub(super) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// When it falls due next.
    pub(super) fn next(&self) -> Option<Moment> {
        self.next
    }

    /// Whether it changes bounds when it falls due.
    pub(super) fn sets_bounds(&self) -> bool {
        self.settings.min.is_some() || self.settings.max.is_some()
    }
}
