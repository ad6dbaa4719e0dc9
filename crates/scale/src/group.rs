//! One scaling group: its instances, its capacity, and what brings the one to the other.

use serde::{Deserialize, Serialize};

use crate::{Instance, Moment, Process};

/// Between what and what a capacity may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The fewest instances.
    pub min: u32,
    /// The most instances.
    pub max: u32,
}

/// What is kept of a group over restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    /// The desired capacity.
    pub desired: u32,
    /// Bounds that a schedule has set, instead of the configured ones.
    pub bounds: Option<Bounds>,
    /// Version of the launch template that new instances are started from.
    pub template: u32,
    /// Digest of that template, to see whether the configuration says another one now.
    pub template_digest: String,
    /// What runs.
    pub instances: Vec<Instance>,
    /// When simple policies may change the group again.
    pub cooldown_until: Option<Moment>,
    /// What is suspended by order, beside what the configuration suspends.
    pub suspended: Vec<Process>,
}
