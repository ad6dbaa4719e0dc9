//! Targets that scaling groups add to target groups: beside the configured ones, without a new generation.

#![cfg_attr(not(feature = "scaling"), allow(dead_code, reason = "nobody adds targets in a build without it"))]

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use equipoise_config as config;
use equipoise_health::{GroupPlan, Initial};
use equipoise_target::{Endpoint, GroupName, Member, Membership, Target};
use tokio::time::Instant;

use crate::core::{Core, Serving};
use crate::departures::Departure;
use crate::metrics::lock;

/// How long after a target left nobody says yet that nothing is in flight at it.
const GRACE: Duration = Duration::from_millis(100);

/// Who joined which group, in the order in which they did. Locked while the monitor is told, so that it watches those who
/// are here and nobody else.
#[derive(Debug, Default)]
pub(crate) struct Joined(Mutex<BTreeMap<GroupName, Vec<Arc<Target>>>>);

impl Joined {
    /// Those who joined `group`, but for addresses that its configuration names too: one target is there once.
    pub(crate) fn of(&self, described: &config::TargetGroup) -> Vec<Arc<Target>> {
        let joined = lock(&self.0);
        let Some(targets) = joined.get(&described.name).filter(|targets| !targets.is_empty()) else {
            return Vec::new();
        };
        let configured: HashSet<_> = described.targets.iter().map(|target| target.address).collect();
        targets.iter().filter(|target| !configured.contains(&target.address())).cloned().collect()
    }

    /// Whether the target at this address joined `group`.
    pub(crate) fn holds(&self, group: &GroupName, address: Endpoint) -> bool {
        self.target(group, address).is_some()
    }

    /// The record of the target at this address, if it joined `group`.
    pub(crate) fn target(&self, group: &GroupName, address: Endpoint) -> Option<Arc<Target>> {
        lock(&self.0).get(group)?.iter().find(|target| target.address() == address).cloned()
    }

    /// Everybody.
    pub(crate) fn all(&self) -> Vec<(GroupName, Arc<Target>)> {
        let joined = lock(&self.0);
        let of_group = |(group, targets): (&GroupName, &Vec<Arc<Target>>)| {
            targets.iter().map(|target| (group.clone(), Arc::clone(target))).collect::<Vec<_>>()
        };
        joined.iter().flat_map(of_group).collect()
    }

    /// Forgets everybody.
    pub(crate) fn forget(&self) {
        lock(&self.0).clear();
    }

    /// Forgets these, of whom nobody was told.
    pub(crate) fn forget_early(&self, targets: &[(GroupName, Endpoint)]) {
        for (group, address) in targets {
            if let Some(joined) = lock(&self.0).get_mut(group) {
                joined.retain(|target| target.address() != *address);
            }
        }
    }

    /// Notes that targets are members before anything serves.
    pub(crate) fn begin_with(&self, targets: impl IntoIterator<Item = (GroupName, Endpoint)>) {
        let mut joined = lock(&self.0);
        for (group, address) in targets {
            let targets = joined.entry(group).or_default();
            if targets.iter().all(|target| target.address() != address) {
                targets.push(Arc::new(Target::new(address)));
            }
        }
    }
}

/// The members of a group: those that the configuration names, then those that joined.
pub(crate) fn with_joined(mut members: Vec<Member>, joined: Vec<Arc<Target>>) -> Vec<Member> {
    members.extend(joined.into_iter().map(Member::new));
    members
}

impl Core {
    /// The membership of a group as it is to be now: the one that is there, unless somebody joined or left.
    pub(crate) fn membership(&self, described: &config::TargetGroup, present: &Arc<Membership>) -> Arc<Membership> {
        let joined = self.joined.of(described);
        let (configured, others) = present.members().split_at(described.targets.len().min(present.members().len()));
        let same = |(member, target): (&Member, &Arc<Target>)| Arc::ptr_eq(&member.target, target);
        if others.len() == joined.len() && others.iter().zip(&joined).all(same) {
            return Arc::clone(present);
        }
        Arc::new(Membership::new(described.name.clone(), with_joined(configured.to_vec(), joined)))
    }

    /// Puts a generation in the place of the one before, and lets the monitor watch what it plans and who joined, in one step
    /// as whoever joins or leaves sees it.
    pub(crate) fn take_over(&self, serving: Serving) {
        let joined = lock(&self.joined.0);
        let plans: Vec<_> = serving.plans.values().map(|plan| completed(plan, joined.get(&plan.group))).collect();
        self.serving.store(Arc::new(serving));
        self.monitor.apply(plans);
    }

    /// Makes `target` a member of `group` that is believed to be healthy. False when there is no such group.
    pub(crate) fn join(&self, group: &GroupName, target: &Arc<Target>) -> bool {
        let is_there = self.change(group, |targets| {
            if targets.iter().all(|other| !Arc::ptr_eq(other, target)) {
                targets.retain(|other| other.address() != target.address());
                targets.push(Arc::clone(target));
            }
        });
        let address = target.address();
        // One that comes back while it finishes what it had need not go any more.
        self.departures.update(Vec::new(), |other, departed| other == group && departed == address);
        self.publish(group);
        is_there
    }

    /// Takes `target` out of `group`. Completes when its last request has ended, or was cut at the end of the
    /// deregistration delay; at once when it is no member.
    pub(crate) fn leave(
        self: &Arc<Self>,
        group: &GroupName,
        target: &Arc<Target>,
    ) -> impl Future<Output = ()> + Send + use<> {
        self.change(group, |targets| targets.retain(|other| !Arc::ptr_eq(other, target)));
        self.publish(group);
        let delay = self.serving.load().group(group).map(|(_, described)| described.deregistration_delay);
        let deadline = Instant::now() + delay.unwrap_or_default();
        let departure = Departure { group: group.clone(), target: Arc::clone(target), deadline };
        let departure = self.departures.begin(departure);
        let core = Arc::clone(self);
        async move {
            // A worker that chose it a moment ago may not hold its lease yet.
            tokio::time::sleep(GRACE).await;
            core.finish(departure).await;
        }
    }

    /// Waits for the end of a departure, and cuts what its delay did not suffice for.
    pub(crate) async fn finish(self: Arc<Self>, departure: Departure) {
        let finish = self.departures.finish(&departure);
        let Some(true) = self.ended.run_until_cancelled(finish).await else { return };
        let (group, address) = (&departure.group, departure.target.address());
        tracing::warn!(target_group = %group, target = %address, "deregistration delay is over: cutting what is left");
        self.plane.cut(group, address);
    }

    /// Changes who joined a group, and whom the monitor watches with that. False when there is no such group.
    fn change(&self, name: &GroupName, change: impl FnOnce(&mut Vec<Arc<Target>>)) -> bool {
        let mut joined = lock(&self.joined.0);
        let targets = joined.entry(name.clone()).or_default();
        change(targets);
        let serving = self.serving.load();
        if let Some(plan) = serving.plans.get(name) {
            self.monitor.apply_group(completed(plan, Some(targets)), &|_| Some(Initial::Healthy));
        }
        if targets.is_empty() {
            joined.remove(name);
        }
        serving.group(name).is_some()
    }
}

/// A plan for the configured targets of a group, made one for those that joined too.
fn completed(plan: &GroupPlan, joined: Option<&Vec<Arc<Target>>>) -> GroupPlan {
    let mut plan = plan.clone();
    let Some(joined) = joined else { return plan };
    let configured: HashSet<_> = plan.targets.iter().map(|target| target.address()).collect();
    plan.targets.extend(joined.iter().filter(|target| !configured.contains(&target.address())).cloned());
    plan
}

#[cfg(test)]
mod tests;
