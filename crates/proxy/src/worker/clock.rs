//! Time that is cheap enough to ask for at every request.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One worker's clock: the time of the last sweep, and what a wall clock showed then.
#[derive(Debug)]
pub(crate) struct Clock {
    tick: Cell<Instant>,
    unix_millis: Cell<u64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let clock = Self { tick: Cell::new(Instant::now()), unix_millis: Cell::new(0) };
        clock.advance(Instant::now());
        clock
    }

    #[expect(clippy::disallowed_methods, reason = "wall-clock time is for logs and request ids only")]
    pub(crate) fn advance(&self, now: Instant) {
        self.tick.set(now);
        // A clock before 1970 is wrong anyway; 0 keeps ids and logs going.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.unix_millis.set(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    }

    /// When the last sweep was: at most an interval ago.
    pub(crate) fn tick(&self) -> Instant {
        self.tick.get()
    }

    /// What a wall clock shows at `instant`, in milliseconds since 1970.
    pub(crate) fn unix_millis(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.tick.get());
        self.unix_millis.get().saturating_add(u64::try_from(since.as_millis()).unwrap_or(0))
    }
}
