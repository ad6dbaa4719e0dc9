//! A table of a fixed size: when each key's allowance will be whole again.
//!
//! Keys live in sets of eight places. A key whose allowance is whole needs no place, since one that is not found is as
//! good as new: forgetting it loses nothing. Only when all eight are in debt is the one with the least debt forgotten,
//! which is what bounded memory costs, and it costs it in the client's favour.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// Places in a set: two cache lines.
const WAYS: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Table {
    /// A power of two of them.
    sets: Box<[[Place; WAYS]]>,
}

#[derive(Debug, Default)]
struct Place {
    /// 0 for nobody.
    key: AtomicU64,
    /// In nanoseconds since the limiter was made.
    whole_at: AtomicU64,
}

impl Table {
    /// A table with room for about `keys`.
    pub(super) fn new(keys: usize) -> Self {
        let sets = keys.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Default::default()).collect() }
    }

    fn set(&self, key: u64) -> &[Place; WAYS] {
        // The number of sets is a power of two; the upper half of a key says which, so that the place does not say it again.
        &self.sets[(key >> 32) as usize & (self.sets.len() - 1)]
    }

    /// Takes the place of whoever in the set is the least in debt, for a `key` that is not in it.
    fn take(set: &[Place; WAYS], key: u64) -> Option<&Place> {
        let place = set.iter().min_by_key(|place| place.whole_at.load(Relaxed))?;
        let before = place.key.load(Relaxed);
        place.key.compare_exchange(before, key, Relaxed, Relaxed).ok()?;
        place.whole_at.store(0, Relaxed);
        Some(place)
    }
}

impl StateStore for Table {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let key = (*key).max(1);
        let set = self.set(key);
        let place = loop {
            let found = set.iter().find(|place| place.key.load(Relaxed) == key);
            // Another worker may have taken the place meanwhile, perhaps for the same key: then look again.
            if let Some(place) = found.or_else(|| Self::take(set, key)) {
                break place;
            }
        };
        let mut before = place.whole_at.load(Relaxed);
        loop {
            let (outcome, after) = measure((before > 0).then(|| Nanos::new(before)))?;
            match place.whole_at.compare_exchange_weak(before, after.as_u64(), Relaxed, Relaxed) {
                Ok(_) => return Ok(outcome),
                Err(now) => before = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: u64 = 1000;

    /// One request in each `EACH`, with a burst of `burst`.
    fn admit(table: &Table, key: u64, now: u64, burst: u64) -> bool {
        let measured = table.measure_and_replace(&key, |whole_at| {
            let next = whole_at.map_or(0, Nanos::as_u64).max(now) + EACH;
            if next <= now + burst * EACH { Ok(((), Nanos::new(next))) } else { Err(()) }
        });
        measured.is_ok()
    }

    #[test]
    fn keys_are_told_apart_and_their_allowance_comes_back() {
        let table = Table::new(64);
        for key in 0..4 {
            assert_eq!([(); 4].map(|()| admit(&table, key << 33, 1, 3)), [true, true, true, false], "{key}");
            assert_eq!([(); 2].map(|()| admit(&table, key << 33, 1 + EACH, 3)), [true, false], "{key}");
        }
    }

    #[test]
    fn whoever_is_forgotten_is_the_one_least_in_debt() {
        let table = Table::new(1);
        (0..WAYS as u64).for_each(|key| assert!(admit(&table, key + 1, 1, 2)));
        assert!(admit(&table, 1, 1, 2) && !admit(&table, 1, 1, 2), "the first is deepest in debt");
        (10..20).for_each(|key| assert!(admit(&table, key, 2, 2)));
        assert!(!admit(&table, 1, 2, 2), "and is remembered");
    }

    #[test]
    fn a_million_keys_take_no_more_room_than_the_table_has() {
        let table = Table::new(1000);
        assert_eq!(table.sets.len(), 128);
        for key in 0..1_000_000_u64 {
            assert!(admit(&table, key.wrapping_mul(0x9E37_79B9_7F4A_7C15), key * EACH, 1));
        }
        assert_eq!(table.sets.len(), 128);
    }

    #[test]
    fn threads_together_are_admitted_as_often_as_one() {
        let table = Table::new(64);
        let admitted: usize = std::thread::scope(|scope| {
            let work = || (0..10_000).filter(|_| admit(&table, 7 << 40, 1, 500)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 500);
    }
}
