//! Scaling groups and alarms on the metrics page.

use std::collections::BTreeMap;

use equipoise_metrics::Sample;
use equipoise_scale::{Activity, ActivityStatus, AlarmState, Lifecycle};
use equipoise_target::ScalingGroupName;

use crate::core::Core;
use crate::metrics::lock;

/// Activities that have ended, by group and how.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<(ScalingGroupName, &'static str), u64>);

impl Counts {
    pub(super) fn count(&mut self, activity: &Activity) {
        let status = match activity.status {
            ActivityStatus::InProgress => return,
            ActivityStatus::Successful => "successful",
            ActivityStatus::Failed => "failed",
            ActivityStatus::Cancelled => "cancelled",
        };
        *self.0.entry((activity.group.clone(), status)).or_default() += 1;
    }
}

const LIFECYCLES: [(Lifecycle, &str); 6] = [
    (Lifecycle::Pending, "pending"),
    (Lifecycle::Warming, "warming"),
    (Lifecycle::Pooled, "pooled"),
    (Lifecycle::InService, "in-service"),
    (Lifecycle::Draining, "draining"),
    (Lifecycle::Stopping, "stopping"),
];

const STATES: [(AlarmState, &str); 3] =
    [(AlarmState::Ok, "ok"), (AlarmState::Alarm, "alarm"), (AlarmState::InsufficientData, "insufficient-data")];

/// Shows everything, if anything is scaled.
pub(crate) fn collect(core: &Core, sample: &mut Sample) {
    let Some(scaling) = core.scaling.get() else { return };
    let state = lock(&scaling.state);
    for view in state.fleet.groups().iter().filter_map(|(name, _)| state.fleet.view(name)) {
        let labels = [("group", view.name.as_str())];
        let mut gauge = |name, help, value: u32| sample.gauge(name, help, &labels, u64::from(value));
        gauge("equipoise_scaling_group_desired", "Instances that a scaling group is to have", view.desired);
        gauge("equipoise_scaling_group_min", "The fewest instances that it may have now", view.bounds.min);
        gauge("equipoise_scaling_group_max", "The most instances that it may have now", view.bounds.max);
        for (lifecycle, name) in LIFECYCLES {
            let count = view.instances.iter().filter(|instance| instance.lifecycle == lifecycle).count();
            let labels = [("group", view.name.as_str()), ("lifecycle", name)];
            let help = "Instances of a scaling group, by where they are in their lives";
            sample.gauge("equipoise_scaling_group_instances", help, &labels, count as u64);
        }
    }
    for ((group, status), count) in &state.counts.0 {
        let labels = [("group", group.as_str()), ("status", status)];
        let help = "Activities of a scaling group that have ended";
        sample.counter("equipoise_scaling_activities_total", help, &labels, *count);
    }
    for view in state.fleet.alarms().views() {
        for (other, name) in STATES {
            let labels = [("alarm", view.name.as_str()), ("state", name)];
            let help = "1 for the state that an alarm is in, 0 for the others";
            sample.gauge("equipoise_alarm_state", help, &labels, u64::from(view.state == other));
        }
    }
}
