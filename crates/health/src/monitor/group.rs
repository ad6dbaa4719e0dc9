//! One group that is watched: its ledger, which the tasks share, and the tasks themselves.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use equipoise_target::{Condition, Endpoint, GroupName};
use tokio::task::JoinHandle;

use super::watch::{Slot, Watcher};
use super::{GroupPlan, Shared, locked};
use crate::ledger::{CheckId, Ledger, Recorded, Watch};
use crate::{GroupReport, Initial, Outcome, Probe};

/// Belongs to the monitor alone: tasks know only the [`Book`], so dropping this ends them.
pub(super) struct WatchedGroup {
    book: Arc<Book>,
    /// What each check looks with; exchanged in place when a plugin was swapped.
    slots: HashMap<CheckId, Arc<Slot>>,
    tasks: HashMap<(CheckId, Endpoint), Task>,
}

/// What a group's tasks write into.
pub(super) struct Book {
    name: GroupName,
    shared: Arc<Shared>,
    ledger: Mutex<Ledger>,
}

/// A task that ends with its owner.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl WatchedGroup {
    pub(super) fn new(name: GroupName, shared: &Arc<Shared>) -> Self {
        let ledger = Mutex::new(Ledger::new(name.clone()));
        let book = Arc::new(Book { name, shared: Arc::clone(shared), ledger });
        Self { book, slots: HashMap::new(), tasks: HashMap::new() }
    }

    pub(super) fn apply(&mut self, plan: GroupPlan, belief: &dyn Fn(Endpoint) -> Option<Initial>) {
        let (checks, probes): (Vec<_>, Vec<_>) = plan.checks.into_iter().unzip();
        let now = self.book.shared.now();
        let mut ledger = locked(&self.book.ledger);
        ledger.believe(plan.targets.iter().filter_map(|target| Some((target.address(), belief(target.address())?))));
        let watches = ledger.apply(&checks, &plan.targets, plan.guard, now);
        drop(ledger);
        let mut old_tasks = std::mem::take(&mut self.tasks);
        let mut old_slots = std::mem::take(&mut self.slots);
        for (watch, probe) in watches.into_iter().zip(probes) {
            let slot = slot(old_slots.remove(&watch.id), probe);
            for target in &plan.targets {
                let key = (watch.id, target.address());
                if !self.tasks.contains_key(&key) {
                    let task = old_tasks.remove(&key).unwrap_or_else(|| self.start(&watch, &slot, key.1));
                    self.tasks.insert(key, task);
                }
            }
            self.slots.insert(watch.id, slot);
        }
    }

    fn start(&self, watch: &Watch, slot: &Arc<Slot>, target: Endpoint) -> Task {
        let watcher = Watcher::new(Arc::clone(&self.book), Arc::clone(slot), *watch, target, fastrand::Rng::new());
        Task(tokio::spawn(watcher.run()))
    }

    pub(super) fn condition(&self, address: Endpoint) -> Condition {
        locked(&self.book.ledger).condition(address)
    }

    pub(super) fn report(&self) -> GroupReport {
        let now = self.book.shared.now();
        locked(&self.book.ledger).report(now)
    }
}

fn slot(old: Option<Arc<Slot>>, probe: Arc<dyn Probe>) -> Arc<Slot> {
    match old {
        Some(slot) => {
            slot.put(probe);
            slot
        }
        None => Arc::new(Slot::new(probe)),
    }
}

impl Book {
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Notes an outcome, then tells the observer: never both at once.
    pub(super) fn record(&self, check: CheckId, target: Endpoint, outcome: Outcome) {
        let now = self.shared.now();
        let recorded = locked(&self.ledger).record(check, target, outcome, now);
        // An observer that panics must not end the watch. The panic hook has told of it already.
        let _ = catch_unwind(AssertUnwindSafe(|| self.tell(&recorded)));
    }

    fn tell(&self, recorded: &Recorded) {
        let observer = &*self.shared.observer;
        if recorded.changed {
            observer.changed(&self.name);
        }
        recorded.events.iter().for_each(|event| observer.event(event));
    }
}
