//! What the monitor knows, as plain values for status pages.

use std::sync::Arc;
use std::time::Duration;

use equipoise_target::{Condition, Endpoint, GroupName};

use crate::{Effect, Health, Layer, Outcome};

/// One target group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupReport {
    /// The group.
    pub group: GroupName,
    /// Its checks, in the order of the plan.
    pub checks: Vec<CheckReport>,
    /// Its targets, by address.
    pub targets: Vec<TargetReport>,
}

/// One check of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// What people recognise it by.
    pub label: Arc<str>,
    /// What it looks at.
    pub layer: Layer,
    /// What a failure does.
    pub effect: Effect,
    /// Whether the guard distrusts the check and holds the last good state of its targets.
    pub held: bool,
}

/// One target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetReport {
    /// The target.
    pub address: Endpoint,
    /// What all its checks together say.
    pub condition: Condition,
    /// What each check says, in the order of [`GroupReport::checks`].
    pub checks: Vec<VerdictReport>,
}

/// What one check says about one target.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictReport {
    /// What is believed.
    pub health: Health,
    /// Whether the guard keeps an unhealthy verdict from taking effect.
    pub spared: bool,
    /// The last outcome and its age; `None` before the first look.
    pub last: Option<(Outcome, Duration)>,
    /// How long `health` has been healthy, or unhealthy, without a break.
    pub unchanged_for: Duration,
}
