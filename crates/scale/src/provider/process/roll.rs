//! The instances that this program knows, of all groups: whoever asks for one by its handle gets the same.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::entry::{Entry, Gone};
use super::leader::Identity;
use crate::InstanceId;
use crate::provider::Handle;

/// How many instances of one group that are gone are remembered, for those who ask a moment too late, and of all groups.
const REMEMBERED: usize = 32;
const ALL_REMEMBERED: usize = 4096;

static ROLL: LazyLock<Mutex<Roll>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Roll {
    here: HashMap<Handle, Arc<Entry>>,
    gone: VecDeque<(Arc<Entry>, Arc<Gone>)>,
    /// Instances between their fork and their entry here: who looks for strays leaves them alone.
    launching: HashSet<InstanceId>,
}

fn roll() -> MutexGuard<'static, Roll> {
    ROLL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps strays' finders from an instance that is being launched, until this is dropped.
#[derive(Debug)]
pub(super) struct Launching(InstanceId);

impl Drop for Launching {
    fn drop(&mut self) {
        roll().launching.remove(&self.0);
    }
}

pub(super) fn launching(instance: &InstanceId) -> Launching {
    roll().launching.insert(instance.clone());
    Launching(instance.clone())
}

/// Puts an instance on the roll, or finds it there: one process has one keeper.
pub(super) fn enter(identity: Identity, keep: impl FnOnce() -> Arc<Entry>) -> Arc<Entry> {
    let mut roll = roll();
    let handle = Handle(identity.to_string().into());
    if let Some(entry) = roll.here.get(&handle).filter(|entry| entry.is_kept()) {
        return Arc::clone(entry);
    }
    let entry = keep();
    roll.here.insert(handle, Arc::clone(&entry));
    entry
}

/// Takes an instance off the roll.
pub(super) fn leave(entry: &Arc<Entry>, gone: &Arc<Gone>) {
    let mut roll = roll();
    roll.here.remove(&entry.handle);
    let same = |known: &Arc<Entry>| known.belongs_to(entry.group.as_str(), &entry.owner);
    if roll.gone.iter().filter(|(known, _)| same(known)).count() >= REMEMBERED
        && let Some(oldest) = roll.gone.iter().position(|(known, _)| same(known))
    {
        roll.gone.remove(oldest);
    }
    if roll.gone.len() >= ALL_REMEMBERED {
        roll.gone.pop_front();
    }
    roll.gone.push_back((Arc::clone(entry), Arc::clone(gone)));
}

/// The instance of this handle, if it runs and is known. One whose keeper ended with its runtime is known no more.
pub(super) fn find(handle: &Handle) -> Option<Arc<Entry>> {
    roll().here.get(handle).filter(|entry| entry.is_kept()).cloned()
}

/// What became of an instance that is gone.
pub(super) fn remembered(handle: &Handle) -> Option<Arc<Gone>> {
    roll().gone.iter().rev().find(|(known, _)| known.handle == *handle).map(|(_, gone)| Arc::clone(gone))
}

/// Every instance of an owner's group.
pub(super) fn of_group(group: &str, owner: &str) -> Vec<Arc<Entry>> {
    let roll = roll();
    let ours = roll.here.values().filter(|entry| entry.is_kept() && entry.belongs_to(group, owner));
    ours.cloned().collect()
}

/// Whether an instance is known or about to be.
pub(super) fn knows(instance: &InstanceId) -> bool {
    let roll = roll();
    roll.launching.contains(instance) || roll.here.values().any(|entry| entry.instance == *instance && entry.is_kept())
}
