//! One alarm and what it says.

use std::time::Duration;

use equipoise_target::AlarmName;

use super::book::{AlarmView, Datapoint, Maker};
use super::judge::{self, SPARE};
use super::reason::reason;
use crate::{Alarm, AlarmState, Moment, Readings, SeriesKey, Subject, Transition};

/// How long after a period's end it is looked at, so that its last samples have come: half a period if that is shorter.
const LAG: Duration = Duration::from_secs(1);

/// One alarm and what it says.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(super) settings: Alarm,
    pub(super) made_by: Option<Maker>,
    key: SeriesKey,
    state: AlarmState,
    since: Moment,
    reason: String,
    datapoints: Vec<Datapoint>,
    born: Moment,
    /// End of the last period that was looked at.
    looked: Option<Moment>,
    /// When the next one can be.
    due: Moment,
}

impl Alarm {
    /// Whose metric it is; `None` when the settings name nobody.
    pub(crate) fn key(&self) -> Option<SeriesKey> {
        let of_group = self.scaling_group.clone().map(Subject::ScalingGroup);
        let subject = of_group.or_else(|| self.target_group.clone().map(Subject::TargetGroup))?;
        Some(SeriesKey { subject, metric: self.metric.clone() })
    }
}

/// The end of the last period before `at`; periods begin at the epoch.
pub(crate) fn last_end(at: Moment, period: Duration) -> Moment {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    Moment::from_millis(at.millis() / millis * millis)
}

/// The moment `wait` earlier.
pub(crate) fn before(at: Moment, wait: Duration) -> Moment {
    Moment::from_millis(at.millis().saturating_sub(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
}

impl Watch {
    /// A new alarm, that has not looked yet; `None` when its settings name nobody whose metric it is.
    pub(super) fn new(settings: Alarm, made_by: Option<Maker>, now: Moment) -> Option<Self> {
        Some(Self {
            key: settings.key()?,
            settings,
            made_by,
            state: AlarmState::InsufficientData,
            since: now,
            reason: "it has not looked yet".to_owned(),
            datapoints: Vec::new(),
            born: now,
            looked: None,
            due: now,
        })
    }

    /// Looks, if a period has ended since it looked last.
    pub(super) fn look(&mut self, name: &AlarmName, readings: &dyn Readings, now: Moment) -> Option<Transition> {
        if now < self.due {
            return None;
        }
        let period = self.settings.period;
        let lag = LAG.min(period / 2);
        let end = last_end(before(now, lag), period);
        self.due = end.after(period).after(lag);
        self.looked = Some(end);
        self.read(readings, end);
        let count = judge::count(&self.settings, &self.datapoints, self.born);
        let state = judge::judge(&self.settings, count)?;
        self.reason = reason(&self.settings, state, count, &self.datapoints);
        if state == self.state {
            return None;
        }
        let from = std::mem::replace(&mut self.state, state);
        self.since = now;
        Some(Transition { alarm: name.clone(), at: now, from, to: state, reason: self.reason.clone() })
    }

    fn read(&mut self, readings: &dyn Readings, end: Moment) {
        let period = self.settings.period;
        let count = self.settings.evaluated() + SPARE;
        let values = readings.points(&self.key, self.settings.statistic, period, count, end);
        let periods = (1..=values.len()).rev().map(|back| {
            let back = u32::try_from(back).unwrap_or(u32::MAX);
            before(end, period.saturating_mul(back))
        });
        self.datapoints = periods.zip(values).map(|(at, value)| Datapoint { at, value }).collect();
    }

    /// What it says.
    pub(crate) fn state(&self) -> AlarmState {
        self.state
    }

    /// End of the last period that it looked at, while it is in state ALARM.
    pub(crate) fn alarming(&self) -> Option<Moment> {
        self.looked.filter(|_| self.state == AlarmState::Alarm)
    }

    /// What it looked at last, the oldest first.
    pub(crate) fn datapoints(&self) -> &[Datapoint] {
        &self.datapoints
    }

    /// The period that ended last.
    pub(crate) fn newest(&self) -> Option<Datapoint> {
        self.datapoints.last().copied()
    }

    /// The last number that there was, and how far beyond the threshold it is: above it when positive.
    pub(crate) fn breach(&self) -> Option<f64> {
        let last = self.datapoints.iter().rev().find_map(|point| point.value)?;
        Some(last - self.settings.threshold)
    }

    pub(super) fn view(&self, name: &AlarmName) -> AlarmView {
        AlarmView {
            name: name.clone(),
            settings: self.settings.clone(),
            state: self.state,
            since: self.since,
            reason: self.reason.clone(),
            datapoints: self.datapoints.clone(),
            made_by: self.made_by.clone(),
        }
    }
}
