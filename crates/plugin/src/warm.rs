//! Warm instances, sharded by worker thread.
//!
//! A fresh instance costs ten to a hundred times what a call does, so each thread keeps one. A thread always comes back
//! to the shard of its own, so its lock is never contended; if there are more threads than shards, or one is just being
//! asked on behalf of another, the next free shard serves.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Instant;

use crate::breaker::Breaker;
use crate::failure::Failure;
use crate::template::{Guest, Instance, Template};

const FEWEST_SHARDS: usize = 64;
/// Calls after which an instance is replaced, so that what a guest leaks or breaks in its own memory does not stay.
const CALLS_PER_INSTANCE: u32 = 100_000;
/// Calls that an instance serves however full its memory is: replacing more often would cost more than a failure.
const LEAST_CALLS: u32 = 100;

/// Instances of one plugin.
pub(crate) struct Warm<G> {
    shards: Box<[Shard<G>]>,
}

/// A line of its own for each shard: a lock that is never contended must not share one with another.
#[repr(align(128))]
struct Shard<G>(Mutex<Slot<G>>);

struct Slot<G> {
    instance: Option<Box<Instance<G>>>,
    breaker: Breaker,
}

/// Why a call was not answered by the guest.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It failed, and was counted.
    Failed,
    /// It rests after failures.
    Rests,
}

impl<G: Guest> Warm<G> {
    /// More shards than there can sensibly be workers and threads of an embedding program; an empty one is a line.
    pub(crate) fn new() -> Self {
        let count = FEWEST_SHARDS.max(2 * thread::available_parallelism().map_or(1, usize::from));
        let slot = || Slot { instance: None, breaker: Breaker::default() };
        Self { shards: (0..count).map(|_| Shard(Mutex::new(slot()))).collect() }
    }

    /// Lets `job` call a warm instance, within the plugin's limits. Whatever fails costs the instance.
    pub(crate) fn call<R>(
        &self,
        template: &Arc<Template<G>>,
        job: impl FnOnce(&mut Instance<G>) -> Result<R, Failure>,
    ) -> Result<R, Unanswered> {
        let identity = &template.identity;
        let mut slot = self.slot();
        let started = Instant::now();
        if !slot.breaker.admits(started) {
            identity.stats.rested();
            return Err(Unanswered::Rests);
        }
        let taken = slot.instance.take().map_or_else(|| template.fresh(), Ok);
        let result = taken.and_then(|mut instance| {
            identity.host.ticker.bound(&mut instance.store, identity.limits.time);
            job(&mut instance).map(|answer| (answer, instance))
        });
        let now = Instant::now();
        let took = now - started;
        identity.stats.called(took);
        match result {
            Ok((answer, instance)) => {
                slot.breaker.succeeded();
                slot.instance = renewed(template, instance);
                Ok(answer)
            }
            Err(failure) => {
                let rests_until = slot.breaker.failed(now, took);
                drop(slot);
                identity.stats.rests(rests_until);
                identity.stats.failed(&failure, now);
                Err(Unanswered::Failed)
            }
        }
    }

    /// The calling thread's shard, or the next one that is free.
    fn slot(&self) -> MutexGuard<'_, Slot<G>> {
        let home = thread_index() % self.shards.len();
        let (before, from) = self.shards.split_at(home);
        for shard in from.iter().chain(before) {
            match shard.0.try_lock() {
                Ok(slot) => return slot,
                // A panic in the host while the guest ran: the instance was out of the slot and is gone.
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.shards[home].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instance for the next call: this one, or another when this one has served its time.
fn renewed<G: Guest>(template: &Arc<Template<G>>, mut instance: Box<Instance<G>>) -> Option<Box<Instance<G>>> {
    instance.calls += 1;
    let limiter = &instance.store.data().limiter;
    template.identity.stats.held(limiter.held());
    if limiter.is_nearly_full() && instance.calls >= LEAST_CALLS {
        return template.spare();
    }
    if instance.calls < CALLS_PER_INSTANCE {
        return Some(instance);
    }
    // Nothing is wrong with this one yet: it serves until another is ready, so that no request waits for a start.
    template.spare().or_else(|| {
        template.order_spare();
        Some(instance)
    })
}

/// A small number that differs between threads.
fn thread_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static INDEX: usize = NEXT.fetch_add(1, Relaxed);
    }
    INDEX.with(|index| *index)
}
