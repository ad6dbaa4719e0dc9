//! What alarms are about, and who follows them.

use std::collections::BTreeSet;

use equipoise_scale::{Alarm, Policy};
use equipoise_target::AlarmName;

use super::super::Checker;
use super::measured::Whose;
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    /// The group that an alarm is about is there, and somebody measures it.
    pub(super) fn subject(&mut self, path: &KeyPath, written: &Alarm) {
        let document = self.document;
        if let Some(name) = &written.scaling_group {
            self.scaling_group_exists(path.key("scaling-group"), name);
            if let Some(group) = document.scaling_group.get(name) {
                self.measured(&path.key("metric"), &written.metric, Whose::Scaled(name, group));
            }
        }
        if let Some(name) = &written.target_group {
            self.target_group_exists(path.key("target-group"), name);
            if let Some(group) = document.target_group.get(name) {
                self.measured(&path.key("metric"), &written.metric, Whose::Targets(name, group));
            }
        }
    }

    /// Alarms that nobody follows. Says nothing when a part could not be read: it may follow them.
    pub(super) fn unused_alarms(&mut self) {
        if self.origin.is_partial() {
            return;
        }
        let document = self.document;
        let groups = document.scaling_group.values();
        let followed: BTreeSet<_> = groups.flat_map(|group| group.policy.values()).filter_map(alarm_of).collect();
        for (name, alarm) in &document.alarm {
            let acts = [&alarm.on_alarm, &alarm.on_ok, &alarm.on_insufficient_data];
            if !followed.contains(name) && acts.iter().all(|actions| actions.is_empty()) {
                let at = At::Key(KeyPath::root().key("alarm").key(name.as_str()));
                let finding = Finding::warning(Code::UnusedAlarm, at, format!("nobody hears of alarm `{name}`"));
                self.say(finding.help("name it in a policy, write `on-alarm = [\"log\"]`, or remove it"));
            }
        }
    }
}

/// The alarm that triggers a policy.
pub(super) fn alarm_of(policy: &Policy) -> Option<&AlarmName> {
    match policy {
        Policy::Simple(policy) => Some(&policy.alarm),
        Policy::Step(policy) => Some(&policy.alarm),
        Policy::TargetTracking(_) | Policy::Scheduled(_) | Policy::Predictive(_) | Policy::Plugin(_) => None,
    }
}
