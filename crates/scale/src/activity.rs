//! What a scaling group did, and why: the history that people read.

use equipoise_target::ScalingGroupName;
use serde::{Deserialize, Serialize};

use crate::{InstanceId, Moment};

/// Names an activity: a number that only grows, also over restarts.
pub type ActivityId = u64;

/// How an activity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityStatus {
    /// Under way.
    InProgress,
    /// Done.
    Successful,
    /// It came to nothing; the message says why.
    Failed,
    /// Something else took its place.
    Cancelled,
}

/// One activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its number.
    pub id: ActivityId,
    /// Whose it is.
    pub group: ScalingGroupName,
    /// The instance that it is about, if it is about one.
    pub instance: Option<InstanceId>,
    /// What is done, such as "launching instance i-…".
    pub description: String,
    /// Everything that led to it, as sentences that begin with a time: the alarm that triggered a policy, the order that was
    /// given, the difference between desired and actual capacity.
    pub cause: String,
    /// When it began.
    pub start: Moment,
    /// When it ended.
    pub end: Option<Moment>,
    /// How it stands.
    pub status: ActivityStatus,
    /// Why it failed, or what it waits for.
    pub message: Option<String>,
}
