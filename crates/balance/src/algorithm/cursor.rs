//! A position that all workers advance.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts picks. On a cache line pair of its own, since every worker writes it and its neighbours are only read.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Cursor(AtomicU64);

impl Cursor {
    /// The next position below `length`, which must not be 0. Concurrent callers get different turns, so over a whole
    /// number of rounds each position comes up equally often.
    pub(super) fn next(&self, length: usize) -> usize {
        // Less than `length`, which is a `usize`.
        (self.0.fetch_add(1, Relaxed) % length as u64) as usize
    }
}
