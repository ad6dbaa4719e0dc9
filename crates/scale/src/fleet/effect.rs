//! What the shell is asked to do.

use equipoise_target::{AlarmName, HookName, ScalingGroupName};

use crate::{Action, Activity, InstanceId, Transition};

/// Something for the shell to do. What it comes to is told by an [`Event`](crate::Event).
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start an instance from a version of the group's launch template, which [`Fleet::template`](crate::Fleet::template) gives.
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
