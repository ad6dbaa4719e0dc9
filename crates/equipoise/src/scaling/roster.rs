//! What the shell knows of each instance: who started it, where it answers, and what is being done about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use equipoise_health::{EventKind, HealthEvent};
use equipoise_scale::provider::{Handle, Launched, Provider};
use equipoise_scale::{Event, InFlight, InstanceId};
use equipoise_target::{Condition, Endpoint, GroupName, ScalingGroupName, Target};
use tokio::task::JoinHandle;

/// A task that ends with whoever holds it.
#[derive(Debug)]
pub(super) struct Job(JoinHandle<()>);

impl Job {
    pub(super) fn new(task: JoinHandle<()>) -> Self {
        Self(task)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What is done about an instance; of each kind one at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Waiting for its end.
    Watch,
    Check,
    Hook(equipoise_target::HookName),
    Leave,
    Stop,
}

/// What a launch that was given up has left to be stopped.
pub(super) type Launch = JoinHandle<Option<Launched>>;

/// One instance.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) provider: Arc<dyn Provider>,
    /// What the provider knows it by, once it runs.
    pub(super) handle: Option<Handle>,
    /// Its record as a target, once it runs.
    pub(super) target: Option<Arc<Target>>,
    /// The target group that it is a member of.
    pub(super) joined: Option<GroupName>,
    /// Whether the fleet believes it to be healthy.
    pub(super) healthy: bool,
    /// Why its last look before joining failed.
    pub(super) last_failure: Option<String>,
    pub(super) launch: Option<Launch>,
    pub(super) stopping: bool,
    /// How often it could not be stopped.
    pub(super) failed_stops: u32,
    pub(super) jobs: BTreeMap<Task, Job>,
}

impl Entry {
    pub(super) fn new(provider: Arc<dyn Provider>) -> Self {
        Self {
            provider,
            handle: None,
            target: None,
            joined: None,
            healthy: true,
            last_failure: None,
            launch: None,
            stopping: false,
            failed_stops: 0,
            jobs: BTreeMap::new(),
        }
    }

    /// Whether nothing is under way that could make it go: it stays as it is, or it could not be stopped `often` enough.
    pub(super) fn rests(&self, often: u32) -> bool {
        let waits = |task: &Task| !matches!(task, Task::Leave | Task::Hook(_));
        self.failed_stops >= often || !self.stopping && self.launch.is_none() && self.jobs.keys().all(waits)
    }

    pub(super) fn runs(&mut self, launched: Launched) {
        self.handle = Some(launched.handle);
        if self.target.as_ref().is_none_or(|target| target.address() != launched.address) {
            self.target = Some(Arc::new(Target::new(launched.address)));
        }
    }
}

/// Names an instance of a group.
pub(super) type Name = (ScalingGroupName, InstanceId);

/// Every instance, and who starts them.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pub(super) entries: BTreeMap<Name, Entry>,
    /// By the version of the launch template that they start from.
    pub(super) providers: BTreeMap<(ScalingGroupName, u32), Arc<dyn Provider>>,
}

impl Roster {
    pub(super) fn entry(&mut self, group: &ScalingGroupName, instance: &InstanceId) -> Option<&mut Entry> {
        self.entries.get_mut(&(group.clone(), instance.clone()))
    }

    pub(super) fn remove(&mut self, group: &ScalingGroupName, instance: &InstanceId) -> Option<Entry> {
        self.entries.remove(&(group.clone(), instance.clone()))
    }

    /// Forgets providers of launch templates that nobody needs any more.
    pub(super) fn forget_providers(&mut self, is_needed: impl Fn(&ScalingGroupName, u32) -> bool) {
        self.providers.retain(|(group, version), _| is_needed(group, *version));
    }

    /// Instances of which the health is another than the fleet believes, now that something was told of their group.
    pub(super) fn flips(
        &mut self,
        told: &HealthEvent,
        condition: impl Fn(Endpoint) -> Condition,
    ) -> Vec<(ScalingGroupName, InstanceId, Event)> {
        let mut flips = Vec::new();
        for ((group, instance), entry) in &mut self.entries {
            let (Some(joined), Some(target)) = (&entry.joined, &entry.target) else { continue };
            if *joined != told.group {
                continue;
            }
            let healthy = condition(target.address()) != Condition::Unhealthy;
            if std::mem::replace(&mut entry.healthy, healthy) != healthy {
                let reason = if healthy { String::new() } else { reason(told, target.address()) };
                flips.push((group.clone(), instance.clone(), Event::Health { healthy, reason }));
            }
        }
        flips
    }
}

/// Why a target is not healthy.
fn reason(told: &HealthEvent, of: Endpoint) -> String {
    match &told.kind {
        EventKind::Unhealthy { address, reason, .. } if *address == of => {
            format!("check `{}` of target group `{}` fails: {reason}", told.check, told.group)
        }
        _ => format!("its target is unhealthy in target group `{}`", told.group),
    }
}

impl InFlight for Roster {
    fn in_flight(&self, group: &ScalingGroupName, instance: &InstanceId) -> u32 {
        let entry = self.entries.get(&(group.clone(), instance.clone()));
        entry.and_then(|entry| entry.target.as_ref()).map_or(0, |target| target.in_flight())
    }
}
