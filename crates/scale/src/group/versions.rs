//! The launch templates that a group was told of, numbered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::member::Member;
use crate::{GroupState, LaunchTemplate};

/// The launch templates that are still of use.
#[derive(Debug)]
pub(super) struct Versions {
    /// What new instances are started from.
    present: u32,
    /// A short name of its contents.
    digest: String,
    /// What the configuration says; another one than `present` after a roll-back.
    pub(super) configured: u32,
    /// What to go back to.
    pub(super) previous: Option<u32>,
    /// Holds `present` and `configured`, and every version that an instance was started from.
    pub(super) templates: BTreeMap<u32, LaunchTemplate>,
}

impl Versions {
    /// The first one.
    pub(super) fn new(template: LaunchTemplate) -> Self {
        let digest = digest(&template);
        Self { present: 1, digest, configured: 1, previous: None, templates: BTreeMap::from([(1, template)]) }
    }

    /// As an earlier program wrote them down.
    pub(super) fn restored(state: &GroupState) -> Self {
        let (configured, previous, templates) = (state.configured, state.previous, state.templates.clone());
        let mut versions = Self { present: 0, digest: String::new(), configured, previous, templates };
        versions.turn_to(state.template);
        versions
    }

    pub(super) fn present(&self) -> u32 {
        self.present
    }

    /// From now on, new instances are started from this one.
    pub(super) fn turn_to(&mut self, version: u32) {
        self.present = version;
        self.digest = self.get(version).map(digest).unwrap_or_default();
    }

    pub(super) fn get(&self, version: u32) -> Option<&LaunchTemplate> {
        self.templates.get(&version)
    }

    /// The configuration says this template: whether it is another one than before. They are compared and not their
    /// digests, so that a setting which a later program knows, at its default, is no change.
    pub(super) fn say(&mut self, template: &LaunchTemplate) -> bool {
        if self.templates.get(&self.configured) == Some(template) {
            return false;
        }
        let last = self.templates.keys().next_back().copied().unwrap_or(0);
        self.configured = last.max(self.configured).max(self.present) + 1;
        self.templates.insert(self.configured, template.clone());
        true
    }

    /// How long an instance of a version has to pass its first check. Instances of an unknown one get the time of the
    /// present one.
    pub(super) fn grace(&self, version: u32) -> Duration {
        let template = self.get(version).or_else(|| self.get(self.present));
        match template {
            Some(LaunchTemplate::Process(template)) => template.grace,
            Some(LaunchTemplate::Docker(template)) => template.grace,
            Some(LaunchTemplate::Command(template)) => template.grace,
            None => Duration::from_secs(60),
        }
    }

    /// Forgets what is of no use any more; `also` is kept.
    pub(super) fn prune(&mut self, members: &[Member], also: Option<u32>) {
        let (present, configured, previous) = (self.present, self.configured, self.previous);
        self.templates.retain(|version, _| {
            [Some(present), Some(configured), previous, also].contains(&Some(*version))
                || members.iter().any(|member| member.instance.template == *version)
        });
    }

    /// A short name of the present template's contents.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

/// FNV-1a of 128 bits over the template as JSON: the same over restarts, and no secret.
fn digest(template: &LaunchTemplate) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let text = serde_json::to_vec(template).unwrap_or_default();
    let sum = text.iter().fold(BASIS, |sum, byte| (sum ^ u128::from(*byte)).wrapping_mul(PRIME));
    format!("{sum:032x}")
}
