//! One scaling group: its instances, its capacity, and what brings the one to the other.
//!
//! Each part of that is one file under `group/`. All of them end in [`Group::settle`] (`capacity.rs`), which looks at what
//! there is and at what is wanted, and does what is missing.

mod adopt;
mod back_off;
mod capacity;
mod choice;
mod configure;
mod history;
mod launch;
mod member;
mod order;
mod policies;
mod pool;
mod refresh;
mod state;
mod terminate;
mod versions;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use equipoise_target::{GroupName, ScalingGroupName};
use serde::{Deserialize, Serialize};

pub use back_off::BackOff;
pub use refresh::RefreshState;
pub use view::{BackOffView, GroupView, PoolView, RefreshView};

use crate::fleet::Turn;
use crate::{
    Activity, Event, Forecast, Instance, InstanceId, LaunchTemplate, Moment, PolicyBook, PolicyMemory, Process,
    ScalingGroup,
};
use capacity::Tally;
use history::{Cooldown, Motive};
use member::Member;
use versions::Versions;

/// Between what and what a capacity may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The fewest instances.
    pub min: u32,
    /// The most instances.
    pub max: u32,
}

/// What is kept of a group over restarts. Written as JSON or another format that names its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    /// The target group, should the configuration not know the group any more.
    pub target_group: GroupName,
    /// The desired capacity.
    pub desired: u32,
    /// The bounds that the configuration said.
    pub configured_bounds: Bounds,
    /// Bounds that a schedule has set instead.
    #[serde(default)]
    pub bounds: Option<Bounds>,
    /// Version of the launch template that new instances are started from.
    pub template: u32,
    /// Version of the launch template that the configuration says. Another one than `template` after a roll-back.
    pub configured: u32,
    /// Version to go back to.
    #[serde(default)]
    pub previous: Option<u32>,
    /// The launch templates that these versions and the instances name.
    pub templates: BTreeMap<u32, LaunchTemplate>,
    /// What runs.
    pub instances: Vec<Instance>,
    /// Activities that are under way.
    #[serde(default)]
    pub activities: Vec<Activity>,
    /// When simple policies may change the group again.
    #[serde(default)]
    pub cooldown_until: Option<Moment>,
    /// What is suspended by order, beside what the configuration suspends.
    #[serde(default)]
    pub suspended: Vec<Process>,
    /// The refresh that is under way.
    #[serde(default)]
    pub refresh: Option<RefreshState>,
    /// Whether launches failed lately.
    #[serde(default)]
    pub back_off: BackOff,
    /// What its policies remember.
    #[serde(default)]
    pub policies: PolicyMemory,
}

/// Whether a group goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It keeps its capacity.
    Running,
    /// It is no longer configured: everything ends, and it is forgotten.
    Leaving,
    /// The program ends, and everything of it.
    Stopping,
    /// The program ends, its instances go on: nothing is done any more.
    Kept,
}

/// One scaling group.
#[derive(Debug)]
pub(crate) struct Group {
    name: ScalingGroupName,
    settings: ScalingGroup,
    mode: Mode,
    /// Whether it knows what ran before it: nothing is launched before.
    adopted: bool,
    /// Always within [`Group::bounds`].
    desired: u32,
    /// Bounds that a schedule has set.
    scheduled: Option<Bounds>,
    versions: Versions,
    /// In the order of their launches.
    members: Vec<Member>,
    /// Activities that are under way.
    open: Vec<Activity>,
    /// Why the desired capacity was changed, until the actual one has followed.
    motive: Motive,
    cooldown: Cooldown,
    /// What is suspended by order.
    suspended: BTreeSet<Process>,
    refresh: Option<RefreshState>,
    back_off: BackOff,
    /// How long the last ones took from launch to service, the latest first.
    boots: Vec<Duration>,
    policies: PolicyBook,
    /// What policies ask for each time, counted when something changed.
    tally: Tally,
    /// Whether something is left to be done with the next tick.
    unsettled: bool,
    /// When something falls due, should nothing happen before.
    wake: Option<Moment>,
    /// Whether something is to be written down.
    changed: bool,
}

impl Group {
    /// Something happened to an instance.
    pub(crate) fn happened(&mut self, id: &InstanceId, event: Event, turn: &mut Turn<'_>) {
        let Some(at) = self.position(id) else { return };
        self.changed = true;
        match event {
            Event::Launched(launched) => self.launched(at, launched, turn),
            Event::LaunchFailed(reason) => self.launch_failed(at, &reason, turn),
            Event::Passed => self.passed(at, turn),
            Event::Ended(reason) => self.ended(at, &reason, turn),
            Event::Health { healthy, reason } => self.health(at, (!healthy).then_some(reason)),
            Event::Drained => self.drained(at, turn),
            Event::Stopped => self.stopped(at, turn),
            Event::StopFailed(reason) => self.stop_failed(at, &reason, turn),
            Event::Hooked { hook, failure } => self.hooked(at, &hook, failure, turn),
        }
        self.settle(None, turn);
    }

    /// What the capacity may be now.
    fn bounds(&self) -> Bounds {
        self.scheduled.unwrap_or(Bounds { min: self.settings.min, max: self.settings.max })
    }

    /// Whether the group does this by itself now.
    fn allows(&self, process: Process) -> bool {
        !self.suspended.contains(&process) && !self.settings.suspend.contains(&process)
    }

    fn position(&self, id: &InstanceId) -> Option<usize> {
        self.members.iter().position(|member| member.instance.id == *id)
    }

    pub(crate) fn target_group(&self) -> &GroupName {
        &self.settings.target_group
    }

    pub(crate) fn template(&self, version: u32) -> Option<&LaunchTemplate> {
        self.versions.get(version)
    }

    pub(crate) fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.members.iter().map(|member| &member.instance)
    }

    pub(crate) fn forecasts(&self) -> Vec<Forecast> {
        self.policies.forecasts()
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.mode == Mode::Leaving
    }

    /// Whether it can be forgotten.
    pub(crate) fn is_gone(&self) -> bool {
        self.mode == Mode::Leaving && self.adopted && self.members.is_empty()
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.mode == Mode::Kept || self.members.is_empty()
    }

    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
