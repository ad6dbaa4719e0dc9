//! Numbers that many threads add to and few read.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Numbers in one line. Two 64-byte lines, because x86-64 prefetches them in pairs and some arm64 cores have lines of 128.
const SLOTS: usize = 16;

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; SLOTS]);

/// A fixed number of sums, each kept once in every shard.
///
/// Every addition is relaxed: a sum is exact once its writers are done, and orders no other memory.
#[derive(Debug)]
pub(crate) struct Cells {
    /// `shards` times `lines_per_shard` lines, shard by shard.
    lines: Box<[Line]>,
    lines_per_shard: usize,
    /// Number of shards less one; that number is a power of two.
    mask: usize,
}

/// Threads are numbered in the order of their first recording, so the workers of a data plane land on different shards.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Relaxed));
    NUMBER.with(|number| *number)
}

impl Cells {
    /// `sums` zeros in `shards` shards, rounded up to a power of two.
    pub(crate) fn new(sums: usize, shards: usize) -> Self {
        let shards = shards.max(1).next_power_of_two();
        let lines_per_shard = sums.div_ceil(SLOTS).max(1);
        let lines = std::iter::repeat_with(Line::default).take(shards * lines_per_shard).collect();
        Self { lines, lines_per_shard, mask: shards - 1 }
    }

    fn cell(&self, shard: usize, index: usize) -> &AtomicU64 {
        &self.lines[shard * self.lines_per_shard + index / SLOTS].0[index % SLOTS]
    }

    /// Adds to sum `index`, wrapping: a negative number is added as its two's complement.
    pub(crate) fn add(&self, index: usize, amount: u64) {
        self.cell(thread_number() & self.mask, index).fetch_add(amount, Relaxed);
    }

    /// Sum `index` over all shards.
    pub(crate) fn sum(&self, index: usize) -> u64 {
        (0..=self.mask).fold(0, |sum, shard| sum.wrapping_add(self.cell(shard, index).load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_run_into_each_other() {
        let cells = Cells::new(40, 4);
        for index in 0..40 {
            cells.add(index, index as u64);
        }
        assert!((0..40).all(|index| cells.sum(index) == index as u64));
    }

    #[test]
    fn additions_from_many_threads_are_all_there() {
        let cells = Cells::new(1, 2); // fewer shards than threads, so some share one
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10_000).for_each(|_| cells.add(0, 1)));
            }
        });
        assert_eq!(cells.sum(0), 80_000);
    }
}
