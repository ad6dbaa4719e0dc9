//! The shell: looks at targets at the right time, keeps what was seen and tells who asked for it.

mod group;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use equipoise_target::{Condition, Endpoint, GroupName, Target};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::group::WatchedGroup;
use crate::{GroupReport, GuardSettings, HealthCheck, HealthEvent, Initial, Probe};

/// Looks under way at the same time, over all groups: each costs a socket, and a start with many targets, or a network
/// that swallows packets, must not take every descriptor of the process. More wait their turn.
const LOOKS_AT_ONCE: usize = 512;

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

/// Who is told. Called from the monitor's tasks, never while a lock of the monitor is held, so it may ask the monitor.
/// It must not block.
pub trait Observer: Send + Sync {
    /// The condition of a target in `group` changed; [`Monitor::condition`] gives the new one.
    fn changed(&self, group: &GroupName);
    /// Something happened.
    fn event(&self, event: &HealthEvent);
}

/// Watches target groups: one task for each check of each target.
///
/// Dropping the monitor ends every watch, and closes the connections of the looks that are under way.
pub struct Monitor {
    shared: Arc<Shared>,
    groups: Mutex<HashMap<GroupName, WatchedGroup>>,
    /// What is believed of targets that nobody has looked at yet.
    beliefs: Mutex<Beliefs>,
}

/// Whether targets are healthy, by group and address, as somebody else knows who looked at them before.
pub type Beliefs = HashMap<(GroupName, Endpoint), Initial>;

/// What every task needs.
struct Shared {
    observer: Arc<dyn Observer>,
    turns: Semaphore,
    /// The moment that the ledgers count from.
    epoch: Instant,
}

impl Shared {
    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }
}

impl Monitor {
    /// A monitor that watches nothing yet.
    #[must_use]
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        let shared = Shared { observer, turns: Semaphore::new(LOOKS_AT_ONCE), epoch: Instant::now() };
        Self { shared: Arc::new(shared), groups: Mutex::default(), beliefs: Mutex::default() }
    }

    /// Takes over what another monitor found out: targets of the next plans start with it, instead of with what their
    /// checks say of targets that are not known yet. What is believed of a target already stays.
    pub fn believe(&self, beliefs: Beliefs) {
        let mut known = locked(&self.beliefs);
        for (target, belief) in beliefs {
            known.entry(target).or_insert(belief);
        }
    }

    /// What is believed of a target that the next plans bring, if anything is.
    #[must_use]
    pub fn belief(&self, group: &GroupName, address: Endpoint) -> Option<Initial> {
        locked(&self.beliefs).get(&(group.clone(), address)).copied()
    }

    /// Watches exactly what `plans` say, with tasks on the current tokio runtime.
    ///
    /// Groups, targets (by address) and checks (by equal settings) that were watched before keep what is believed of them
    /// and their timers; only the probe is exchanged, so that a plugin can be swapped. A check whose settings changed
    /// starts again from the present belief. Conditions may differ right after this call; the observer is not told of
    /// that.
    ///
    /// # Panics
    /// When called outside of a tokio runtime that has its timer and I/O enabled.
    pub fn apply(&self, plans: Vec<GroupPlan>) {
        let mut groups = locked(&self.groups);
        let mut old = std::mem::take(&mut *groups);
        let beliefs = std::mem::take(&mut *locked(&self.beliefs));
        for plan in plans {
            let name = plan.group.clone();
            let mut group = old.remove(&name).unwrap_or_else(|| WatchedGroup::new(name.clone(), &self.shared));
            group.apply(plan, &|address| beliefs.get(&(name.clone(), address)).copied());
            groups.insert(name, group);
        }
    }

    /// As [`Monitor::apply`], for the group of this plan alone: the others are watched as before. Targets that are new start
    /// with what `belief` says of them, if it says anything.
    ///
    /// # Panics
    /// As [`Monitor::apply`].
    pub fn apply_group(&self, plan: GroupPlan, belief: &dyn Fn(Endpoint) -> Option<Initial>) {
        let name = plan.group.clone();
        let mut groups = locked(&self.groups);
        let group = groups.entry(name.clone()).or_insert_with(|| WatchedGroup::new(name, &self.shared));
        group.apply(plan, belief);
    }

    /// What all checks together say about a target; ready when nobody watches it.
    #[must_use]
    pub fn condition(&self, group: &GroupName, address: Endpoint) -> Condition {
        locked(&self.groups).get(group).map_or(Condition::Ready, |group| group.condition(address))
    }

    /// Everything that is known, by group name.
    #[must_use]
    pub fn report(&self) -> Vec<GroupReport> {
        let mut reports: Vec<_> = locked(&self.groups).values().map(WatchedGroup::report).collect();
        reports.sort_by(|one, other| one.group.cmp(&other.group));
        reports
    }

    /// Ends every watch. What was believed is forgotten.
    pub fn stop(&self) {
        locked(&self.groups).clear();
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("groups", &locked(&self.groups).len()).finish_non_exhaustive()
    }
}

/// No code of others runs under our locks, so a poisoned one guards nothing half-done worth stopping for.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
