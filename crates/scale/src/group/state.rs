//! What is kept of a group over restarts, and a group made of it.

use equipoise_target::ScalingGroupName;

use super::configure::configured;
use super::history::Cooldown;
use super::member::Member;
use super::versions::Versions;
use super::{BackOff, Group, GroupState, Mode, Motive, Tally};
use crate::{HealthSource, PolicyBook, Refresh, ScalingGroup, Termination};

impl Group {
    /// A group of which nothing is known but its settings.
    pub(super) fn bare(name: &ScalingGroupName, settings: &ScalingGroup, policies: PolicyBook) -> Self {
        Self {
            name: name.clone(),
            settings: settings.clone(),
            mode: Mode::Running,
            adopted: false,
            desired: 0,
            scheduled: None,
            versions: Versions::new(settings.launch_template.clone()),
            members: Vec::new(),
            open: Vec::new(),
            motive: Motive::default(),
            cooldown: Cooldown::default(),
            suspended: Default::default(),
            refresh: None,
            back_off: BackOff::default(),
            boots: Vec::new(),
            policies,
            tally: Tally::default(),
            unsettled: true,
            wake: None,
            changed: true,
        }
    }

    /// A group that an earlier program knew; `None` if what was kept of it makes no sense. [`Group::configure`] follows, with
    /// the settings that this one only takes as they were.
    pub(crate) fn restored(name: &ScalingGroupName, settings: &ScalingGroup, state: GroupState) -> Option<Self> {
        let template = state.templates.get(&state.configured)?.clone();
        state.templates.get(&state.template)?;
        let bounds = state.configured_bounds;
        let before = ScalingGroup { launch_template: template, min: bounds.min, max: bounds.max, ..settings.clone() };
        let mut group = Self::bare(name, &before, PolicyBook::new(state.policies.clone()));
        group.desired = state.desired;
        group.scheduled = state.bounds;
        group.versions = Versions::restored(&state);
        group.members = state.instances.into_iter().map(Member::restored).collect();
        group.open = state.activities;
        group.cooldown = Cooldown::restored(state.cooldown_until);
        group.suspended = state.suspended.into_iter().collect();
        group.refresh = state.refresh;
        group.back_off = state.back_off;
        Some(group)
    }

    /// A group that an earlier program knew and that is no longer configured: it is scaled in to nothing.
    pub(crate) fn abandoned(name: &ScalingGroupName, state: GroupState) -> Option<Self> {
        let settings = ScalingGroup {
            target_group: state.target_group.clone(),
            min: 0,
            max: 0,
            desired: None,
            launch_template: state.templates.get(&state.template)?.clone(),
            health: HealthSource::default(),
            termination: Termination::default(),
            protect_from_scale_in: false,
            default_cooldown: std::time::Duration::ZERO,
            warm_up: std::time::Duration::ZERO,
            refresh: Refresh::default(),
            warm_pool: None,
            hook: Default::default(),
            policy: Default::default(),
            suspend: Vec::new(),
            scrape: None,
            keep_at_exit: false,
        };
        Self::restored(name, &settings, state)
    }

    /// What is to be kept.
    pub(crate) fn state(&self) -> GroupState {
        GroupState {
            target_group: self.settings.target_group.clone(),
            desired: self.desired,
            configured_bounds: configured(&self.settings),
            bounds: self.scheduled,
            template: self.versions.present(),
            configured: self.versions.configured,
            previous: self.versions.previous,
            templates: self.versions.templates.clone(),
            instances: self.instances().cloned().collect(),
            activities: self.open.clone(),
            cooldown_until: self.cooldown.until,
            suspended: self.suspended.iter().copied().collect(),
            refresh: self.refresh.clone(),
            back_off: self.back_off.clone(),
            policies: self.policies.memory().clone(),
        }
    }
}
