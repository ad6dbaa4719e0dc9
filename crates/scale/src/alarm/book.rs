//! Every alarm with what it says: those that were configured, and those that target tracking makes for itself.

use std::collections::BTreeMap;

use equipoise_target::{AlarmName, PolicyName, ScalingGroupName};

use crate::{Alarm, AlarmState, Moment, Plan, Readings, Transition};

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

/// An alarm and what it says.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) settings: Alarm,
    pub(crate) state: AlarmState,
}

impl AlarmBook {
    /// From now on, these alarms are there. One whose settings are as before goes on as before; any other one begins anew,
    /// without enough data to tell.
    pub fn configure(&mut self, plan: &Plan, now: Moment) {
        let _ = (plan, now);
    }

    /// Looks at every alarm whose period has ended, and gives what changed.
    pub fn evaluate(&mut self, readings: &dyn Readings, now: Moment) -> Vec<Transition> {
        let _ = (readings, now);
        Vec::new()
    }

    /// What an alarm says; `None` when there is none of this name.
    #[must_use]
    pub fn state(&self, name: &AlarmName) -> Option<AlarmState> {
        self.watches.get(name).map(|watch| watch.state)
    }

    /// An alarm's settings, for its actions; `None` when there is none of this name.
    #[must_use]
    pub fn settings(&self, name: &AlarmName) -> Option<&Alarm> {
        self.watches.get(name).map(|watch| &watch.settings)
    }

    /// What there is to see of every alarm, by name.
    #[must_use]
    pub fn views(&self) -> Vec<AlarmView> {
        Vec::new()
    }
}
