//! Replacing what runs by instances of another launch template, a few at a time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{ActivityId, InstanceId, Moment};

/// A refresh that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshState {
    /// Version of the launch template from before.
    pub from: u32,
    /// Version that instances are replaced with.
    pub to: u32,
    /// When it began.
    pub started: Moment,
    /// How many instances there were to replace.
    pub total: u32,
    /// Those that are still to be replaced.
    pub old: BTreeSet<InstanceId>,
    /// How many of the new ones failed.
    pub failures: u32,
    /// How many of the checkpoints are behind it.
    pub checkpoint: u32,
    /// When it goes on after a checkpoint.
    pub paused_until: Option<Moment>,
    /// Whether it goes back after one that failed, or by order.
    pub rolling_back: bool,
    /// Its activity.
    pub activity: ActivityId,
}
