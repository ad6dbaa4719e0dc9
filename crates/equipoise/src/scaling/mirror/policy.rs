//! Policies, each in a line.

use std::time::Duration;

use equipoise_admin::scaling as admin;
use equipoise_scale::{AdjustmentKind, Policy, Predictive, ScalingGroup, Scheduled, TargetTracking, made_alarm_names};
use equipoise_target::{PolicyName, ScalingGroupName};

/// The policies of a group.
pub(super) fn policies(group: &ScalingGroupName, settings: &ScalingGroup) -> Vec<admin::Policy> {
    settings.policy.iter().map(|(name, policy)| one(group, name, policy, settings)).collect()
}

fn one(group: &ScalingGroupName, name: &PolicyName, policy: &Policy, settings: &ScalingGroup) -> admin::Policy {
    let (kind, description) = match policy {
        Policy::Simple(simple) => {
            let cooldown = simple.cooldown.unwrap_or(settings.default_cooldown);
            ("simple", format!("{}, then {} of cooldown", adjusted(simple.adjustment, simple.by), span(cooldown)))
        }
        Policy::Step(step) => {
            let steps: Vec<_> = step.steps.iter().map(|range| adjusted(step.adjustment, range.by)).collect();
            ("step", steps.join("; "))
        }
        Policy::TargetTracking(tracking) => ("target-tracking", tracks(tracking)),
        Policy::Scheduled(scheduled) => ("scheduled", follows_clock(scheduled)),
        Policy::Predictive(predictive) => ("predictive", foresees(predictive)),
        Policy::Plugin(plugin) => ("plugin", format!("as plugin {plugin} says")),
    };
    let alarms = alarms(group, name, policy);
    admin::Policy { name: name.to_string(), kind: kind.to_owned(), alarms, description }
}

/// The alarms that trigger a policy.
pub(super) fn alarms(group: &ScalingGroupName, name: &PolicyName, policy: &Policy) -> Vec<String> {
    match policy {
        Policy::Simple(simple) => vec![simple.alarm.to_string()],
        Policy::Step(step) => vec![step.alarm.to_string()],
        Policy::TargetTracking(_) => made_alarm_names(group, name).map(|alarm| alarm.to_string()).to_vec(),
        Policy::Scheduled(_) | Policy::Predictive(_) | Policy::Plugin(_) => Vec::new(),
    }
}

fn adjusted(kind: AdjustmentKind, by: i32) -> String {
    match (kind, by.unsigned_abs()) {
        (AdjustmentKind::ExactCapacity, _) => format!("{by} instances"),
        (AdjustmentKind::ChangeInCapacity, size) if by < 0 => format!("{size} less"),
        (AdjustmentKind::ChangeInCapacity, size) => format!("{size} more"),
        (AdjustmentKind::PercentChangeInCapacity, size) if by < 0 => format!("{size} % less"),
        (AdjustmentKind::PercentChangeInCapacity, size) => format!("{size} % more"),
    }
}

fn tracks(tracking: &TargetTracking) -> String {
    let TargetTracking { metric, target, .. } = tracking;
    let only = if tracking.scale_in { "" } else { ", never scales in" };
    format!("keeps {metric} near {target}{only}")
}

fn follows_clock(scheduled: &Scheduled) -> String {
    let Scheduled { cron, time_zone, .. } = scheduled;
    let sets = [("min", scheduled.min), ("max", scheduled.max), ("desired", scheduled.desired)];
    let sets = sets.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name} {value}")));
    format!("{} at {cron} ({time_zone})", sets.collect::<Vec<_>>().join(", "))
}

fn foresees(predictive: &Predictive) -> String {
    let Predictive { metric, target, quantile, season, .. } = predictive;
    let only = if predictive.forecast_only { ", only as a forecast" } else { "" };
    format!("an instance for each {target} of {metric}, as {quantile} % of the seasons of {} were{only}", span(*season))
}

/// A duration as people write it.
fn span(time: Duration) -> String {
    format!("{time:?}")
}
