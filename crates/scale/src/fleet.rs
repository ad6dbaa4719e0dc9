//! All scaling groups and alarms together: the pure core's door.

use std::collections::BTreeMap;

use equipoise_target::{AlarmName, GroupName, HookName, ScalingGroupName};

use crate::provider::{Found, Launched};
use crate::{
    Action, Activity, Alarm, GroupState, GroupView, InstanceId, LaunchTemplate, Moment, Process, Readings,
    ScalingGroup, Transition,
};

/// What is to be scaled, as configured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Scaling groups by name.
    pub groups: BTreeMap<ScalingGroupName, ScalingGroup>,
    /// Alarms by name.
    pub alarms: BTreeMap<AlarmName, Alarm>,
}

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It runs.
    Launched(Launched),
    /// It could not be started, or a launch was given up.
    LaunchFailed(String),
    /// It passed its first check: it may join.
    Passed,
    /// It ended without having been asked to.
    Ended(String),
    /// Its target's checks changed their mind.
    Health {
        /// Whether it passes.
        healthy: bool,
        /// Why not.
        reason: String,
    },
    /// It left the target group and its last request has ended, or was cut.
    Drained,
    /// It is gone.
    Stopped,
    /// It could not be stopped; it is tried again.
    StopFailed(String),
    /// A hook has ended.
    Hooked {
        /// Which.
        hook: HookName,
        /// Why it did not agree, if it did not.
        failure: Option<String>,
    },
}

/// Something that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// This capacity.
    SetDesired {
        /// How many instances.
        desired: u32,
        /// Whether a cooldown that is under way forbids it.
        honor_cooldown: bool,
    },
    /// Replace every instance, also those of the present launch template.
    Refresh,
    /// Stop replacing; what was replaced stays.
    CancelRefresh,
    /// Go back to the launch template from before.
    RollBack,
    /// Suspend processes; all when empty.
    Suspend(Vec<Process>),
    /// Resume processes; all when empty.
    Resume(Vec<Process>),
    /// Protect an instance from scaling in, or not.
    Protect(InstanceId, bool),
    /// Stop an instance.
    Terminate {
        /// Which.
        instance: InstanceId,
        /// Whether the desired capacity falls by one; a new one takes its place otherwise.
        shrink: bool,
    },
}

/// Why an order is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// No group of this name.
    #[error("there is no scaling group `{0}`")]
    NoGroup(String),
    /// No instance of this name.
    #[error("scaling group `{group}` has no instance `{instance}`")]
    NoInstance {
        /// The group.
        group: ScalingGroupName,
        /// What was asked for.
        instance: String,
    },
    /// Outside of minimum and maximum.
    #[error("scaling group `{group}` has {min} to {max} instances: {desired} is outside of that")]
    OutOfBounds {
        /// The group.
        group: ScalingGroupName,
        /// What was asked for.
        desired: u32,
        /// The present minimum.
        min: u32,
        /// The present maximum.
        max: u32,
    },
    /// A cooldown is under way.
    #[error("scaling group `{group}` cools down until {until}")]
    CoolingDown {
        /// The group.
        group: ScalingGroupName,
        /// When it ends.
        until: Moment,
    },
    /// No refresh is under way, or there is nothing to go back to.
    #[error("scaling group `{group}` is not being refreshed")]
    NoRefresh {
        /// The group.
        group: ScalingGroupName,
    },
}

/// Something for the shell to do. What it comes to is told by an [`Event`].
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start an instance from a version of the group's launch template, which [`Fleet::template`] gives.
    /// → `Launched` or `LaunchFailed`.
    Launch {
        /// Whose.
        group: ScalingGroupName,
        /// Its name.
        instance: InstanceId,
        /// The template's version.
        template: u32,
    },
    /// Run a hook. → `Hooked`.
    Hook {
        /// Whose.
        group: ScalingGroupName,
        /// About which instance.
        instance: InstanceId,
        /// Which hook.
        hook: HookName,
    },
    /// Look at an instance until it passes the checks of its target group, or [`Effect::Stop`] follows. → `Passed`.
    Check {
        /// Whose.
        group: ScalingGroupName,
        /// Which instance.
        instance: InstanceId,
    },
    /// Make it a healthy target. → `Health` when that changes.
    Join {
        /// Whose.
        group: ScalingGroupName,
        /// Which instance.
        instance: InstanceId,
    },
    /// Take it out of the target group; what is under way ends within the deregistration delay. → `Drained`.
    Leave {
        /// Whose.
        group: ScalingGroupName,
        /// Which instance.
        instance: InstanceId,
    },
    /// Stop it, or what is left of it when it has ended. One that is still being launched is given up first: neither
    /// `Launched` nor `LaunchFailed` follows then. → `Stopped` or `StopFailed`.
    Stop {
        /// Whose.
        group: ScalingGroupName,
        /// Which instance.
        instance: InstanceId,
    },
    /// Keep an activity: a new one, or one that was kept before and ended now.
    Keep(Activity),
    /// An alarm changed its state.
    Alarmed(Transition),
    /// Do what an alarm's settings say.
    Act {
        /// Which alarm.
        alarm: AlarmName,
        /// What.
        action: Action,
        /// Why.
        transition: Transition,
    },
}

/// All scaling groups and alarms. Pure: the same calls give the same answers.
#[derive(Debug)]
pub struct Fleet {}

impl Fleet {
    /// Nothing to scale yet. Names of instances come from `seed`; `next_activity` is the first free number of an activity.
    #[must_use]
    pub fn new(seed: u64, next_activity: u64) -> Self {
        let _ = (seed, next_activity);
        Self {}
    }

    /// Takes over what an earlier program knew of a group. Before the first [`Fleet::configure`].
    pub fn restore(&mut self, group: ScalingGroupName, state: GroupState) {
        let _ = (group, state);
    }

    /// What is to be kept of a group, so that a later program can restore it; `None` for a group that is not there.
    #[must_use]
    pub fn state(&self, group: &ScalingGroupName) -> Option<GroupState> {
        let _ = group;
        None
    }

    /// From now on, this is to be scaled. Groups that are not in it are scaled in to nothing and forgotten then.
    pub fn configure(&mut self, plan: &Plan, now: Moment) -> Vec<Effect> {
        let _ = (plan, now);
        Vec::new()
    }

    /// What a group's provider found running, after [`Fleet::configure`]: known instances go on, strangers of the group are
    /// taken in, and those that are gone are replaced. A group that was never told launches nothing.
    pub fn adopt(&mut self, group: &ScalingGroupName, found: Vec<Found>, now: Moment) -> Vec<Effect> {
        let _ = (group, found, now);
        Vec::new()
    }

    /// Time has passed: alarms are evaluated, policies followed, capacities brought to what is desired.
    pub fn tick(&mut self, readings: &dyn Readings, in_flight: &dyn InFlight, now: Moment) -> Vec<Effect> {
        let _ = (readings, in_flight, now);
        Vec::new()
    }

    /// Something happened to an instance.
    pub fn happened(
        &mut self,
        group: &ScalingGroupName,
        instance: &InstanceId,
        event: Event,
        now: Moment,
    ) -> Vec<Effect> {
        let _ = (group, instance, event, now);
        Vec::new()
    }

    /// Somebody wants something; `by` says who, for the history.
    ///
    /// # Errors
    /// [`OrderError`] says why nothing changes.
    pub fn order(
        &mut self,
        group: &ScalingGroupName,
        order: Order,
        by: &str,
        now: Moment,
    ) -> Result<Vec<Effect>, OrderError> {
        let _ = (group, order, by, now);
        Ok(Vec::new())
    }

    /// The program ends: scales every group in that does not keep its instances. Nothing is launched from now on.
    pub fn shut_down(&mut self, now: Moment) -> Vec<Effect> {
        let _ = now;
        Vec::new()
    }

    /// Whether nothing is left to wait for after [`Fleet::shut_down`]: only instances that are kept run.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        true
    }

    /// Groups whose [`Fleet::state`] may differ from when this was last called, also those that were forgotten: what is
    /// to be written down.
    pub fn changed(&mut self) -> Vec<ScalingGroupName> {
        Vec::new()
    }

    /// The launch template of a version that [`Effect::Launch`] named, or that an instance was started from.
    #[must_use]
    pub fn template(&self, group: &ScalingGroupName, version: u32) -> Option<&LaunchTemplate> {
        let _ = (group, version);
        None
    }

    /// What there is to see of a group.
    #[must_use]
    pub fn view(&self, group: &ScalingGroupName) -> Option<GroupView> {
        let _ = group;
        None
    }

    /// Every group, also those that are no longer configured and still have instances, with its target group.
    #[must_use]
    pub fn groups(&self) -> Vec<(ScalingGroupName, GroupName)> {
        Vec::new()
    }
}

/// Requests under way, for the choice of who goes first.
pub trait InFlight {
    /// Requests under way at an instance; 0 when it is no target.
    fn in_flight(&self, group: &ScalingGroupName, instance: &InstanceId) -> u32;
}
