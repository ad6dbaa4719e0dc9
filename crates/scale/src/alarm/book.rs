//! Every alarm with what it says: those that were configured, and those that target tracking makes for itself.

use std::collections::BTreeMap;

use equipoise_target::{AlarmName, PolicyName, ScalingGroupName};

use super::watch::Watch;
use crate::{Alarm, AlarmState, Moment, Plan, Policy, Readings, Transition};

/// Who made an alarm that nobody configured.
pub type Maker = (ScalingGroupName, PolicyName);

/// What a period came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Datapoint {
    /// When the period began.
    pub at: Moment,
    /// Its statistic; `None` when it has no samples.
    pub value: Option<f64>,
}

/// What there is to see of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmView {
    /// Its name.
    pub name: AlarmName,
    /// Its settings.
    pub settings: Alarm,
    /// What it says.
    pub state: AlarmState,
    /// Since when.
    pub since: Moment,
    /// Why.
    pub reason: String,
    /// What it looked at last, the oldest first.
    pub datapoints: Vec<Datapoint>,
    /// The target tracking policy that made it; `None` when it was configured.
    pub made_by: Option<Maker>,
}

/// Every alarm with what it says. What an alarm says is not kept over restarts: it says it again when it has looked.
#[derive(Debug, Default)]
pub struct AlarmBook {
    watches: BTreeMap<AlarmName, Watch>,
}

impl AlarmBook {
    /// From now on, these alarms are there. One whose settings are as before goes on as before; any other one begins anew,
    /// without enough data to tell.
    pub fn configure(&mut self, plan: &Plan, now: Moment) {
        let mut before = std::mem::take(&mut self.watches);
        let configured = plan.alarms.iter().map(|(name, alarm)| (name.clone(), alarm.clone(), None));
        for (name, settings, made_by) in configured.chain(made_alarms(plan)) {
            let same = |watch: &Watch| watch.settings == settings && watch.made_by == made_by;
            let watch = match before.remove(&name).filter(same) {
                Some(watch) => Some(watch),
                None => Watch::new(settings, made_by, now),
            };
            self.watches.extend(watch.map(|watch| (name, watch)));
        }
    }

    /// Looks at every alarm whose period has ended, and gives what changed, by name.
    pub fn evaluate(&mut self, readings: &dyn Readings, now: Moment) -> Vec<Transition> {
        self.watches.iter_mut().filter_map(|(name, watch)| watch.look(name, readings, now)).collect()
    }

    /// What an alarm says; `None` when there is none of this name.
    #[must_use]
    pub fn state(&self, name: &AlarmName) -> Option<AlarmState> {
        self.watches.get(name).map(Watch::state)
    }

    /// An alarm's settings, for its actions; `None` when there is none of this name.
    #[must_use]
    pub fn settings(&self, name: &AlarmName) -> Option<&Alarm> {
        self.watches.get(name).map(|watch| &watch.settings)
    }

    /// What there is to see of every alarm, by name.
    #[must_use]
    pub fn views(&self) -> Vec<AlarmView> {
        self.watches.iter().map(|(name, watch)| watch.view(name)).collect()
    }

    pub(crate) fn watch(&self, name: &AlarmName) -> Option<&Watch> {
        self.watches.get(name)
    }
}

/// The alarms that target tracking policies make for themselves.
fn made_alarms(plan: &Plan) -> impl Iterator<Item = (AlarmName, Alarm, Option<Maker>)> {
    plan.groups.iter().flat_map(|(group, settings)| {
        settings.policy.iter().flat_map(move |(name, policy)| {
            let made = match policy {
                Policy::TargetTracking(tracking) => tracking.alarms(group, name),
                _ => Vec::new(),
            };
            made.into_iter().map(move |(alarm, settings)| (alarm, settings, Some((group.clone(), name.clone()))))
        })
    })
}

#[cfg(test)]
mod tests;
