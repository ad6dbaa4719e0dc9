//! Alarms that target tracking makes for itself: nobody else has their names.

use std::collections::BTreeMap;

use equipoise_scale::{Policy, made_alarm_names};
use equipoise_target::AlarmName;

use super::super::Checker;
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    /// No alarm that is written here, and none of another policy, has the name of one that a policy makes.
    pub(super) fn made_alarms_are_new(&mut self) {
        let document = self.document;
        let alarm = |name: &AlarmName| KeyPath::root().key("alarm").key(name.as_str());
        let mut taken: BTreeMap<AlarmName, KeyPath> =
            document.alarm.keys().map(|name| (name.clone(), alarm(name))).collect();
        for (group, settings) in &document.scaling_group {
            let tracking = settings.policy.iter().filter(|(_, policy)| matches!(policy, Policy::TargetTracking(_)));
            for (policy, _) in tracking {
                let path = KeyPath::root().key("scaling-group").key(group.as_str()).key("policy").key(policy.as_str());
                for name in made_alarm_names(group, policy) {
                    let Some(other) = taken.insert(name.clone(), path.clone()) else { continue };
                    let message = format!("policy `{policy}` makes an alarm `{name}`, and there is one already");
                    let finding = Finding::error(Code::Conflict, At::Key(path.clone()), message);
                    self.say(finding.related(At::Key(other), "it is this one's").help("rename one of the two"));
                    // Two policies that share one share both.
                    break;
                }
            }
        }
    }
}
