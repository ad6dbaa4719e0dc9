//! `equipoise:plugin/clock`: time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bindings::router::equipoise::plugin::clock;
use crate::state::State;

impl State {
    /// Nanoseconds since the instance was made: tells nothing about the machine.
    pub(crate) fn monotonic(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Time since the Unix epoch.
#[allow(clippy::disallowed_methods, reason = "a guest that was granted the clock asks for the wall clock")]
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl clock::Host for State {
    fn monotonic(&mut self) -> u64 {
        State::monotonic(self)
    }

    fn wall(&mut self) -> u64 {
        u64::try_from(wall().as_nanos()).unwrap_or(u64::MAX)
    }
}
