//! One scaling group: its instances, its capacity, and what brings the one to the other.

mod back_off;
mod refresh;
mod view;

use std::collections::BTreeMap;

use equipoise_target::GroupName;
use serde::{Deserialize, Serialize};

pub use back_off::BackOff;
pub use refresh::RefreshState;
pub use view::{BackOffView, GroupView, PoolView, RefreshView};

use crate::{Activity, Instance, LaunchTemplate, Moment, Process};

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
    /// Bounds that a schedule has set, instead of the configured ones.
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
}
