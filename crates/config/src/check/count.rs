//! How much there is.

use equipoise_balance::Algorithm;

use super::Checker;
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::limits::{
    MAX_ALARMS, MAX_HASH_SLOTS, MAX_LISTENERS, MAX_PLUGINS, MAX_POLICIES, MAX_RULES, MAX_SCALING_GROUPS,
    MAX_TARGET_GROUPS, MAX_TARGETS,
};
use crate::path::KeyPath;

impl Checker<'_> {
    /// Refuses what is far too much before looking at any of it.
    pub(super) fn counts_are_small(&mut self) -> bool {
        let document = self.document;
        let rules = document.listener.values().map(|listener| listener.rule.len()).sum();
        let targets = document.target_group.values().map(|group| group.targets.len()).sum();
        let slots = document.target_group.values().map(|group| hash_slots(&group.balance)).sum();
        let policies = document.scaling_group.values().map(|group| group.policy.len()).max().unwrap_or_default();
        let hooks = document.scaling_group.values().map(|group| group.hook.len()).max().unwrap_or_default();
        let counts = [
            ("listener", "listeners", document.listener.len(), MAX_LISTENERS),
            ("listener", "rules", rules, MAX_RULES),
            ("target-group", "target groups", document.target_group.len(), MAX_TARGET_GROUPS),
            ("target-group", "targets", targets, MAX_TARGETS),
            ("target-group", "slots in tables of `consistent-hash`", slots, MAX_HASH_SLOTS),
            ("plugin", "plugins", document.plugin.len(), MAX_PLUGINS),
            ("scaling-group", "scaling groups", document.scaling_group.len(), MAX_SCALING_GROUPS),
            ("scaling-group", "policies of one scaling group", policies, MAX_POLICIES),
            ("scaling-group", "hooks of one scaling group", hooks, MAX_POLICIES),
            ("alarm", "alarms", document.alarm.len(), MAX_ALARMS),
        ];
        let before = self.findings.len();
        for (section, what, count, most) in counts.into_iter().filter(|(_, _, count, most)| count > most) {
            let at = At::Key(KeyPath::root().key(section));
            self.say(Finding::error(Code::TooMuch, at, format!("{count} {what}; at most {most} are accepted")));
        }
        self.findings.len() == before
    }
}

fn hash_slots(algorithm: &Algorithm) -> usize {
    match algorithm {
        Algorithm::ConsistentHash(settings) => settings.table_size.get() as usize,
        _ => 0,
    }
}
