//! Scaling groups and alarms: names that resolve, values in range, paths that are absolute.

mod paths;

use std::collections::BTreeMap;

use equipoise_scale::{Alarm, ScalingGroup};
use equipoise_target::{AlarmName, ScalingGroupName};

use super::Checker;
use crate::document::{Scaling, StateFile};
use crate::path::KeyPath;

impl Checker<'_> {
    /// What holds for all scaling groups.
    pub(super) fn scaling(&mut self) -> Scaling {
        let path = KeyPath::root().key("scaling");
        let Scaling { state, history } = &self.document.scaling;
        self.number(&path, "history", *history, 1..=100_000);
        let state = match state {
            StateFile::At(file) => StateFile::At(self.resolve(file, &path.key("state"))),
            other => other.clone(),
        };
        Scaling { state, history: *history }
    }

    /// Every scaling group.
    pub(super) fn scaling_groups(&mut self) -> BTreeMap<ScalingGroupName, ScalingGroup> {
        let document = self.document;
        document.scaling_group.iter().map(|(name, group)| (name.clone(), self.scaling_group(name, group))).collect()
    }

    fn scaling_group(&mut self, name: &ScalingGroupName, written: &ScalingGroup) -> ScalingGroup {
        let path = KeyPath::root().key("scaling-group").key(name.as_str());
        self.target_group_exists(path.key("target-group"), &written.target_group);
        self.with_paths(&path, written)
    }

    /// Every alarm.
    pub(super) fn alarms(&mut self) -> BTreeMap<AlarmName, Alarm> {
        let document = self.document;
        document.alarm.iter().map(|(name, alarm)| (name.clone(), self.alarm(name, alarm))).collect()
    }

    fn alarm(&mut self, name: &AlarmName, written: &Alarm) -> Alarm {
        let path = KeyPath::root().key("alarm").key(name.as_str());
        if let Some(group) = &written.target_group {
            self.target_group_exists(path.key("target-group"), group);
        }
        self.alarm_with_paths(&path, written)
    }
}
