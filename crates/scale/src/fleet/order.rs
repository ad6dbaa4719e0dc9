//! What people ask of a group.

use equipoise_target::ScalingGroupName;

use crate::{InstanceId, Moment, Process};

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
