//! How much a target group takes at a time.

pub(crate) mod berth;
pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod epoch;
pub(crate) mod gate;
pub(crate) mod line;
pub(crate) mod rate;
pub(crate) mod shed;
pub(crate) mod tally;

use std::time::Duration;

/// How much a target group takes at a time, over all workers. Requests above it wait in line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupLimits {
    /// Requests under way to one target.
    pub requests_per_target: Option<u32>,
    /// Requests under way to all targets of the group.
    pub requests: Option<u32>,
    /// Who waits for a place.
    pub queue: Queue,
}

/// Who waits when a group is full. The first who came is the first served, over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// How many may wait; 0 for nobody.
    pub length: usize,
    /// How long one waits.
    pub wait: Duration,
}

impl Default for Queue {
    /// 100 wait for at most a second.
    fn default() -> Self {
        Self { length: 100, wait: Duration::from_secs(1) }
    }
}

impl GroupLimits {
    /// Whether there is a limit at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.requests_per_target.is_some() || self.requests.is_some()
    }
}
