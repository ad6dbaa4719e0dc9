//! What can be run as it is written, and is hardly meant.

use equipoise_scale::{HealthSource, LaunchTemplate, Process, ScalingGroup};
use equipoise_target::ScalingGroupName;

use super::super::Checker;
use crate::code::Code;
use crate::document::Traffic;
use crate::finding::{At, Finding};
use crate::path::KeyPath;
use crate::suggest::nearest;

/// What stands for something in commands.
const PLACEHOLDERS: [&str; 3] = ["port", "instance", "group"];

impl Checker<'_> {
    pub(super) fn advice(&mut self, path: &KeyPath, name: &ScalingGroupName, written: &ScalingGroup) {
        self.is_checked(path, name, written);
        self.is_launched(path, name, written);
        self.placeholders(&path.key("launch-template"), &written.launch_template);
    }

    /// An instance joins when it first passes a check: without one, when it is barely there.
    fn is_checked(&mut self, path: &KeyPath, name: &ScalingGroupName, written: &ScalingGroup) {
        let group = &written.target_group;
        let Some(targets) = self.document.target_group.get(group) else { return };
        let checks = KeyPath::root().key("target-group").key(group.as_str()).key("health-check");
        let content = written.health == HealthSource::Process && targets.protocol.traffic() == Traffic::Datagrams;
        if content || !targets.health_check.0.is_empty() || self.origin.excused(&checks) {
            return;
        }
        let message = format!(
            "instances of scaling group `{name}` take requests as soon as they run: target group `{group}` checks nothing"
        );
        let finding = Finding::warning(Code::NoHealthCheck, At::Value(path.key("target-group")), message);
        let kind = if targets.protocol.traffic() == Traffic::Requests { "http" } else { "tcp" };
        let table = format!("[target-group.{}.health-check.{kind}]", crate::toml_text::key(group.as_str()));
        self.say(finding.help(format!("add `{table}`, so that only those serve that can")));
    }

    fn is_launched(&mut self, path: &KeyPath, name: &ScalingGroupName, written: &ScalingGroup) {
        if written.suspend.contains(&Process::Launch) && written.min > 0 {
            let message =
                format!("scaling group `{name}` launches nothing, and so never gets to its minimum of {}", written.min);
            let finding = Finding::warning(Code::NoEffect, At::Value(path.key("suspend")), message);
            self.say(finding.help("remove \"launch\", or write `min = 0`"));
        }
    }

    /// Words in braces that are nearly what would be replaced.
    fn placeholders(&mut self, path: &KeyPath, template: &LaunchTemplate) {
        let (path, command) = match template {
            LaunchTemplate::Process(process) => (path.key("process"), &process.command),
            LaunchTemplate::Docker(docker) => (path.key("docker"), &docker.command),
            LaunchTemplate::Command(_) => return,
        };
        for (index, word) in command.iter().enumerate() {
            for name in word.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)) {
                let known = PLACEHOLDERS.contains(&name);
                if let Some(near) = nearest(name, PLACEHOLDERS).filter(|_| !known) {
                    let at = At::Value(path.key("command").index(index));
                    let message = format!("`{{{name}}}` stands for nothing, and stays as it is");
                    self.say(Finding::warning(Code::NoEffect, at, message).help(format!("write `{{{near}}}`")));
                }
            }
        }
    }
}
