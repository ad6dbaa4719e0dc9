//! Alarms and their histories.

use equipoise_admin::scaling as admin;
use equipoise_scale::{Alarm, AlarmState, AlarmView, Plan, Transition};
use equipoise_target::AlarmName;

use super::policy::alarms;
use super::{time, word};

/// An alarm; `plan` says which policies it triggers.
pub(crate) fn alarm(view: &AlarmView, plan: &Plan) -> admin::Alarm {
    let settings = &view.settings;
    let evaluation_periods = settings.evaluation_periods.get();
    admin::Alarm {
        name: view.name.to_string(),
        subject: subject(settings),
        metric: settings.metric.to_string(),
        statistic: word(&settings.statistic),
        period: settings.period,
        evaluation_periods,
        datapoints_to_alarm: settings.datapoints_to_alarm.map_or(evaluation_periods, std::num::NonZero::get),
        comparison: word(&settings.comparison),
        threshold: settings.threshold,
        missing_data: word(&settings.missing_data),
        state: state(view.state),
        since: Some(time(view.since)),
        reason: view.reason.clone(),
        policies: triggered(&view.name, plan),
        generated_by: view.made_by.as_ref().map(|(group, policy)| format!("{group}/{policy}")),
    }
}

fn subject(alarm: &Alarm) -> String {
    match (&alarm.scaling_group, &alarm.target_group) {
        (Some(group), _) => format!("scaling-group/{group}"),
        (None, Some(group)) => format!("target-group/{group}"),
        // Refused by the check of the configuration.
        (None, None) => String::new(),
    }
}

/// Policies that an alarm triggers, as `GROUP/POLICY`.
fn triggered(alarm: &AlarmName, plan: &Plan) -> Vec<String> {
    let policies = plan.groups.iter().flat_map(|(group, settings)| {
        settings.policy.iter().map(move |(name, policy)| (group, name, alarms(group, name, policy)))
    });
    let follows = policies.filter(|(_, _, alarms)| alarms.iter().any(|name| name == alarm.as_str()));
    follows.map(|(group, policy, _)| format!("{group}/{policy}")).collect()
}

/// A change of an alarm's state.
pub(crate) fn transition(transition: &Transition) -> admin::AlarmTransition {
    admin::AlarmTransition {
        alarm: transition.alarm.to_string(),
        at: time(transition.at),
        from: state(transition.from),
        to: state(transition.to),
        reason: transition.reason.clone(),
    }
}

fn state(state: AlarmState) -> admin::AlarmState {
    match state {
        AlarmState::Ok => admin::AlarmState::Ok,
        AlarmState::Alarm => admin::AlarmState::Alarm,
        AlarmState::InsufficientData => admin::AlarmState::InsufficientData,
    }
}
