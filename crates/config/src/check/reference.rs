//! Names of other things.

use equipoise_target::{AlarmName, GroupName, PluginName, ScalingGroupName};

use super::Checker;
use crate::code::Code;
use crate::document::World;
use crate::finding::{At, Finding};
use crate::limits::MAX_PROBLEMS;
use crate::path::KeyPath;
use crate::suggest::{list, nearest};

impl Checker<'_> {
    /// How many names may be held against a wrong one: none when nobody will read the guess.
    fn guesses(&self) -> usize {
        if self.findings.len() < MAX_PROBLEMS { usize::MAX } else { 0 }
    }

    /// Says so when there is no target group of that name.
    pub(super) fn target_group_exists(&mut self, at: KeyPath, name: &GroupName) {
        let groups = &self.document.target_group;
        if groups.contains_key(name) || self.origin.is_unread("target-group", name.as_str()) {
            return;
        }
        let names: Vec<_> = groups.keys().map(GroupName::as_str).take(self.guesses()).collect();
        let finding = unknown(Code::UnknownTargetGroup, at, "target group", "target-group", name.as_str(), &names);
        self.say(finding);
    }

    /// Says so when there is no scaling group of that name.
    pub(super) fn scaling_group_exists(&mut self, at: KeyPath, name: &ScalingGroupName) {
        let groups = &self.document.scaling_group;
        if groups.contains_key(name) || self.origin.is_unread("scaling-group", name.as_str()) {
            return;
        }
        let names: Vec<_> = groups.keys().map(ScalingGroupName::as_str).take(self.guesses()).collect();
        let code = Code::UnknownScalingGroup;
        self.say(unknown(code, at, "scaling group", "scaling-group", name.as_str(), &names));
    }

    /// Says so when there is no alarm of that name.
    pub(super) fn alarm_exists(&mut self, at: KeyPath, name: &AlarmName) {
        let alarms = &self.document.alarm;
        if alarms.contains_key(name) || self.origin.is_unread("alarm", name.as_str()) {
            return;
        }
        let names: Vec<_> = alarms.keys().map(AlarmName::as_str).take(self.guesses()).collect();
        self.say(unknown(Code::UnknownAlarm, at, "alarm", "alarm", name.as_str(), &names));
    }

    /// Says so when there is no plugin of that name, or one for something else.
    pub(super) fn plugin_is(&mut self, at: KeyPath, name: &PluginName, world: World) {
        let plugins = &self.document.plugin;
        if self.origin.is_unread("plugin", name.as_str()) {
            return;
        }
        if self.natives.iter().any(|(native, of)| native == name && *of == world) {
            return;
        }
        let Some(plugin) = plugins.get(name) else {
            let natives = self.natives.iter().filter(|(_, of)| *of == world).map(|(native, _)| native);
            let names: Vec<_> = plugins.keys().chain(natives).map(PluginName::as_str).take(self.guesses()).collect();
            let finding = unknown(Code::UnknownPlugin, at, "plugin", "plugin", name.as_str(), &names);
            return self.say(finding);
        };
        // A plugin without a world has been told so.
        if let Some(other) = plugin.world.filter(|other| *other != world) {
            let message = format!("plugin `{name}` is a {}, and a {} is needed here", other.as_str(), world.as_str());
            let fitting = plugins.iter().filter(|(_, plugin)| plugin.world == Some(world));
            let help = match fitting.map(|(name, _)| name.as_str()).collect::<Vec<_>>().as_slice() {
                [] => format!("a plugin with `world = \"{}\"` belongs here", world.as_str()),
                names => format!("plugins of this world: {}", list(names.iter().copied())),
            };
            let world = At::Value(KeyPath::root().key("plugin").key(name.as_str()).key("world"));
            let finding = Finding::error(Code::WrongWorld, At::Value(at), message);
            self.say(finding.related(world, "its world").help(help));
        }
    }
}

fn unknown(code: Code, at: KeyPath, what: &str, section: &str, name: &str, names: &[&str]) -> Finding {
    let finding = Finding::error(code, At::Value(at), format!("there is no {what} `{name}`"));
    let define = format!("define it with `[{section}.{}]`", crate::toml_text::key(name));
    match nearest(name, names.iter().copied()) {
        Some(near) => finding.label(format!("did you mean `{near}`?")).help(format!("write `{near}`, or {define}")),
        None if names.is_empty() => finding.help(define),
        None => finding.help(format!("{define}; defined are {}", list(names.iter().copied()))),
    }
}
