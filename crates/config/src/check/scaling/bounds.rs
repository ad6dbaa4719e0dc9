//! Values that are in range by themselves, and cannot be followed here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use equipoise_scale::{LaunchTemplate, Policy, ProcessTemplate, ResourceLimits, ScalingGroup};

use super::super::Checker;
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    pub(super) fn bounds(&mut self, path: &KeyPath, written: &ScalingGroup) {
        let path_of_template = path.key("launch-template");
        match &written.launch_template {
            LaunchTemplate::Process(process) => {
                let path = path_of_template.key("process");
                if process.address.is_unspecified() {
                    let at = At::Value(path.key("address"));
                    let message = format!("{} is no address that requests can be sent to", process.address);
                    let help = "write \"127.0.0.1\" or \"::1\"; the program itself may listen on every address";
                    self.say(Finding::error(Code::InvalidValue, at, message).help(help));
                }
                self.accounts(&path, process);
                self.files(&path, &process.environment_files);
                self.writable(&path.key("limits"), &process.limits);
            }
            LaunchTemplate::Docker(docker) => {
                let path = path_of_template.key("docker");
                self.names_something(path.key("socket"), &docker.socket);
                self.files(&path, &docker.environment_files);
                self.writable(&path.key("limits"), &docker.limits);
            }
            LaunchTemplate::Command(_) => {}
        }
        self.schedules(path, written);
    }

    /// A name or a number, as in /etc/passwd.
    fn accounts(&mut self, path: &KeyPath, process: &ProcessTemplate) {
        for (key, account) in [("user", &process.user), ("group", &process.group)] {
            let Some(account) = account else { continue };
            let odd = |letter: char| letter.is_whitespace() || letter.is_control() || letter == ':';
            if account.is_empty() || account.contains(odd) {
                let at = At::Value(path.key(key));
                let message = format!("{account:?} is no name of a {key}");
                self.say(Finding::error(Code::InvalidValue, at, message).help("write its name or its number"));
            }
        }
    }

    fn files(&mut self, path: &KeyPath, files: &BTreeMap<String, PathBuf>) {
        for (variable, file) in files {
            self.names_something(path.key("environment-files").key(variable), file);
        }
    }

    /// An empty path would be that of the configuration's folder.
    pub(super) fn names_something(&mut self, at: KeyPath, path: &Path) {
        if path.as_os_str().is_empty() {
            let finding = Finding::error(Code::InvalidValue, At::Value(at), "it names no file");
            self.say(finding.help("write the path of a file, or remove it"));
        }
    }

    /// TOML has no larger number, so a larger one could not be written down again.
    fn writable(&mut self, path: &KeyPath, limits: &ResourceLimits) {
        for (key, limit) in [("tasks", limits.tasks), ("open-files", limits.open_files), ("core", limits.core)] {
            self.number(path, key, limit.unwrap_or_default(), 0..=i64::MAX.unsigned_abs());
        }
    }

    /// No schedule asks for bounds that none of the others, nor the group, leaves room for.
    fn schedules(&mut self, path: &KeyPath, written: &ScalingGroup) {
        let (least, most) = range(written);
        for (name, policy) in &written.policy {
            let Policy::Scheduled(scheduled) = policy else { continue };
            let path = path.key("policy").key(name.as_str()).key("scheduled");
            let above = |number: Option<u32>| number.filter(|number| *number > most);
            let below = |number: Option<u32>| number.filter(|number| *number < least);
            let found =
                [("min", above(scheduled.min)), ("desired", above(scheduled.desired)), ("max", below(scheduled.max))];
            for (key, number) in found.into_iter().filter_map(|(key, number)| Some((key, number?))) {
                let (what, bound) =
                    if key == "max" { ("below every minimum", least) } else { ("above every maximum", most) };
                let message = format!("`{key}` of {number} is {what} that the group has: {bound}");
                let help = if key == "max" { "write a `min` beside it" } else { "write a `max` beside it" };
                self.say(Finding::error(Code::Conflict, At::Value(path.key(key)), message).help(help));
            }
        }
    }
}

/// The smallest minimum and the largest maximum that the group or a schedule sets.
pub(super) fn range(group: &ScalingGroup) -> (u32, u32) {
    let schedules = group.policy.values().filter_map(|policy| match policy {
        Policy::Scheduled(scheduled) => Some((scheduled.min, scheduled.max)),
        _ => None,
    });
    schedules.fold((group.min, group.max), |(least, most), (min, max)| {
        (least.min(min.unwrap_or(least)), most.max(max.unwrap_or(most)))
    })
}
