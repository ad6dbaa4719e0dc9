//! What all workers count of a target group together. It outlives generations, as the group's name does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::limit::budget::Purse;
use crate::limit::line::Line;

/// What all workers count of a group together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) purse: Arc<Purse>,
    pub(crate) line: Arc<Line>,
    /// Attempts under way; counted only for a group with limits.
    in_flight: AtomicU32,
}

impl Tally {
    /// Counts an attempt, unless `limit` are under way.
    pub(crate) fn enter(&self, limit: u32) -> bool {
        self.in_flight.fetch_update(Relaxed, Relaxed, |count| (count < limit).then_some(count + 1)).is_ok()
    }

    /// An attempt that was counted is over, and its target's lease given back.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }
}
