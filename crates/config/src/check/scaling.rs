//! Scaling groups and alarms: names that resolve, values in range, paths that are absolute.

mod advice;
mod alarms;
mod bounds;
mod made;
mod measured;
mod paths;
mod policies;
mod ports;

use std::collections::BTreeMap;

use equipoise_scale::{Alarm, Problem, ScalingGroup};
use equipoise_target::{AlarmName, ScalingGroupName};

use super::Checker;
use crate::code::Code;
use crate::document::{Scaling, StateFile};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

/// Tables whose keys are names of the user's choice, and may be numbers.
const OF_NAMES: [&str; 5] = ["policy", "hook", "environment", "environment-files", "labels"];

impl<'c> Checker<'c> {
    /// What holds for all scaling groups.
    pub(super) fn scaling(&mut self) -> Scaling {
        let path = KeyPath::root().key("scaling");
        let Scaling { state, history } = &self.document.scaling;
        self.number(&path, "history", *history, 1..=100_000);
        let state = match state {
            StateFile::At(file) => {
                self.names_something(path.key("state"), file);
                StateFile::At(self.resolve(file, &path.key("state")))
            }
            other => other.clone(),
        };
        Scaling { state, history: *history }
    }

    /// Every scaling group.
    pub(super) fn scaling_groups(&mut self) -> BTreeMap<ScalingGroupName, ScalingGroup> {
        let document = self.document;
        let groups = document.scaling_group.iter();
        let groups = groups.map(|(name, group)| (name.clone(), self.scaling_group(name, group))).collect();
        self.ports_are_apart();
        groups
    }

    fn scaling_group(&mut self, name: &ScalingGroupName, written: &'c ScalingGroup) -> ScalingGroup {
        let path = KeyPath::root().key("scaling-group").key(name.as_str());
        self.target_group_exists(path.key("target-group"), &written.target_group);
        let problems = written.problems();
        // What is out of range needs no ports.
        let is_bounded = !problems.iter().any(|problem| has(problem, &["min", "max", "size"]));
        self.problems(&path, problems);
        if is_bounded {
            self.ports_suffice(&path, name, written);
        }
        self.bounds(&path, written);
        self.policies(&path, name, written);
        self.advice(&path, name, written);
        self.with_paths(&path, written)
    }

    /// Every alarm.
    pub(super) fn alarms(&mut self) -> BTreeMap<AlarmName, Alarm> {
        let document = self.document;
        let alarms = document.alarm.iter().map(|(name, alarm)| (name.clone(), self.alarm(name, alarm))).collect();
        self.unused_alarms();
        self.made_alarms_are_new();
        alarms
    }

    fn alarm(&mut self, name: &AlarmName, written: &Alarm) -> Alarm {
        let path = KeyPath::root().key("alarm").key(name.as_str());
        self.problems(&path, written.problems());
        self.subject(&path, written);
        self.alarm_with_paths(&path, written)
    }

    /// What is wrong with settings by themselves.
    fn problems(&mut self, path: &KeyPath, problems: Vec<Problem>) {
        for Problem { path: steps, message, help } in problems {
            let at = steps.iter().fold(path.clone(), |at, step| next(&at, step));
            if self.is_doubtful(path, &at) {
                continue;
            }
            let code = if message.contains("out of range") { Code::OutOfRange } else { Code::InvalidValue };
            let message = match message.strip_suffix(" is out of range") {
                Some(value) if value.split(' ').count() == 1 => {
                    format!("`{}` of {value} is out of range", at.last_key())
                }
                _ => message,
            };
            let at = if self.origin.contains(&at) { At::Value(at) } else { At::Key(at) };
            self.say(Finding::error(code, at, message).help(help));
        }
    }

    /// Whether what is said about `at` may come from something that could not be read: from what the value fits to, which
    /// stands beside it or in the tables between it and `base`.
    fn is_doubtful(&self, base: &KeyPath, at: &KeyPath) -> bool {
        let outward = |inner: &KeyPath| inner.split().map(|(table, _)| table);
        let around = std::iter::successors(outward(at), outward);
        let mut near = around.enumerate().take_while(|(index, table)| *index == 0 || table != base);
        self.origin.excused(at) || self.origin.is_maimed(at) || near.any(|(_, table)| self.origin.is_maimed(&table))
    }
}

/// One step further: a number is a position in a list, unless names stand there.
fn next(at: &KeyPath, step: &str) -> KeyPath {
    match step.parse() {
        Ok(position) if !OF_NAMES.contains(&at.last_key()) => at.index(position),
        _ => at.key(step),
    }
}

fn has(problem: &Problem, keys: &[&str]) -> bool {
    problem.path.last().is_some_and(|last| keys.contains(&last.as_str()))
}
