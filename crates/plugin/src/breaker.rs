//! How often a failing plugin is asked again. Pure: time comes in.
//!
//! ```text
//!            failure, rest > 0                       rest is over
//!   CLOSED ───────────────────▶ OPEN (fallback) ─────────────────▶ TRIAL (one call)
//!     ▲                           ▲                                  │
//!     │                           └────────── failure, longer rest ──┤
//!     └───────────────────────────────────────────────── success ────┘
//! ```
//!
//! Two things are bounded. **Time**: after a failure the plugin rests [`REST_FACTOR`] times as long as the failed call
//! took, so that failing calls take at most one fifth of a worker's time however long the limit is. **Futility**: from
//! the third failure in a row it also rests 10 ms, and twice as long after each further one, up to 30 s. One or two bad
//! requests therefore never take a plugin out for others, and a plugin that cannot answer at all is tried twice a minute.
//!
//! Each worker has its own: no lock, no line of memory that cores share, and a worker learns by itself within three calls.

use std::time::{Duration, Instant};

/// Rest after a failure, as a multiple of the time it took: 4 leaves four fifths of the time to other work.
const REST_FACTOR: u32 = 4;
/// Failures in a row that cost no more than their own time.
const FREE_FAILURES: u32 = 2;
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_REST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Failures since the last success.
    failures: u32,
    /// When a trial call is due; `None` when closed.
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether a call may be made at `now`.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        self.rests_until.is_none_or(|until| now >= until)
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Notes a failure that ended at `now` after taking `lost`, and says until when the plugin rests for it.
    pub(crate) fn failed(&mut self, now: Instant, lost: Duration) -> Instant {
        self.failures = self.failures.saturating_add(1);
        let rest = lost.saturating_mul(REST_FACTOR).max(backoff(self.failures)).min(LONGEST_REST);
        let until = now + rest;
        self.rests_until = Some(until);
        until
    }
}

fn backoff(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES + 1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_BACKOFF.saturating_mul(1 << doublings.min(16)).min(LONGEST_REST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Runs a plugin whose every call takes `call` and fails, for `total`; returns calls made and time lost.
    fn failing(call: Duration, total: Duration) -> (u32, Duration) {
        let start = Instant::now();
        let (mut now, mut breaker, mut calls, mut lost) = (start, Breaker::default(), 0, Duration::ZERO);
        while now < start + total {
            if breaker.admits(now) {
                now += call;
                breaker.failed(now, call);
                calls += 1;
                lost += call;
            } else {
                now += MS / 10;
            }
        }
        (calls, lost)
    }

    #[test]
    fn failing_calls_take_at_most_a_fifth_of_the_time() {
        for call in [MS, 10 * MS, 1000 * MS] {
            let total = Duration::from_secs(20);
            let (_, lost) = failing(call, total);
            assert!(lost <= total / 5 + call, "{call:?} lost {lost:?}");
        }
    }

    #[test]
    fn a_plugin_that_always_traps_is_tried_about_twice_a_minute_in_the_end() {
        let (calls, _) = failing(MS / 100, Duration::from_secs(600));
        assert!((25..45).contains(&calls), "{calls}");
    }

    #[test]
    fn two_quick_failures_rest_no_longer_than_four_times_their_time() {
        let (now, mut breaker) = (Instant::now(), Breaker::default());
        for _ in 0..2 {
            breaker.failed(now, MS / 100);
            assert!(!breaker.admits(now) && breaker.admits(now + MS / 25));
        }
        breaker.failed(now, MS / 100);
        assert!(!breaker.admits(now + 9 * MS) && breaker.admits(now + 10 * MS));
    }

    #[test]
    fn a_success_forgives_everything() {
        let (now, mut breaker) = (Instant::now(), Breaker::default());
        for _ in 0..40 {
            breaker.failed(now, MS);
        }
        assert!(!breaker.admits(now + Duration::from_secs(29)) && breaker.admits(now + Duration::from_secs(30)));
        breaker.succeeded();
        assert!(breaker.admits(now));
        breaker.failed(now, Duration::ZERO);
        assert!(breaker.admits(now));
    }
}
