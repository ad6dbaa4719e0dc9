//! The shell: looks at targets at the right time and keeps what was seen.

use std::net::SocketAddr;
use std::sync::Arc;

use equipoise_target::{Condition, GroupName, Target};

use crate::{GroupReport, GuardSettings, HealthCheck, HealthEvent, Probe};

/// What is to be watched in one target group.
#[derive(Debug, Clone)]
pub struct GroupPlan {
    /// The group.
    pub group: GroupName,
    /// Its checks, each with what it looks with.
    pub checks: Vec<(HealthCheck, Arc<dyn Probe>)>,
    /// Its targets.
    pub targets: Vec<Arc<Target>>,
    /// When to doubt a check.
    pub guard: GuardSettings,
}

/// Who is told. Called from the monitor's tasks, never while a lock of the monitor is held.
pub trait Observer: Send + Sync {
    /// The condition of a target in `group` changed.
    fn changed(&self, group: &GroupName);
    /// Something happened.
    fn event(&self, event: &HealthEvent);
}

/// Watches target groups.
pub struct Monitor {}

impl Monitor {
    /// A monitor that watches nothing yet.
    #[must_use]
    pub fn new(_observer: Arc<dyn Observer>) -> Self {
        Self {}
    }

    /// Watches exactly what `plans` say. What did not change keeps its state and its timers.
    pub fn apply(&self, _plans: Vec<GroupPlan>) {}

    /// What all checks together say about a target; ready when nobody watches it.
    #[must_use]
    pub fn condition(&self, _group: &GroupName, _address: SocketAddr) -> Condition {
        Condition::Ready
    }

    /// Everything that is known.
    #[must_use]
    pub fn report(&self) -> Vec<GroupReport> {
        Vec::new()
    }

    /// Ends every watch. States are forgotten.
    pub fn stop(&self) {}
}
