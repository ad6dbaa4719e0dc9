//! One moment that time is counted from where it is kept in a word.

use std::sync::LazyLock;
use std::time::Instant;

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds from a moment that is the same for all threads; 0 before it. They last for five centuries.
pub(crate) fn nanos(now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(*EPOCH).as_nanos()).unwrap_or(u64::MAX)
}

/// The same in milliseconds.
pub(crate) fn millis(now: Instant) -> u64 {
    nanos(now) / 1_000_000
}
