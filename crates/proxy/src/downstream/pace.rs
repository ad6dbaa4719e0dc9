//! Whether a body comes as fast as it must. Pure: when and how much are arguments.

use std::time::{Duration, Instant};

/// What a rate is an average over.
const OVER: Duration = Duration::from_secs(10);

/// The pace of one body.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Pace {
    /// Least bytes a second; 0 for any.
    least: u64,
    /// Since when it is measured, and the bytes before.
    since: Option<(Instant, u64)>,
}

impl Pace {
    pub(crate) fn new(least: u64) -> Self {
        Self { least, since: None }
    }

    /// Notes that `bytes` have come until `now`. Whether that is too slow, as far as the sender is `owing`: a body that is
    /// there and not asked for is its receiver's fault.
    pub(crate) fn is_slow(&mut self, now: Instant, bytes: u64, owing: bool) -> bool {
        let (since, before) = *self.since.get_or_insert((now, bytes));
        if self.least == 0 || now.saturating_duration_since(since) < OVER {
            return false;
        }
        self.since = Some((now, bytes));
        owing && bytes - before < self.least * OVER.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: u64 = 240;

    /// Looks ten times a second at a body of which `bytes(second)` have come.
    #[track_caller]
    fn check(owing: bool, seconds: u64, bytes: impl Fn(u64) -> u64, slow: bool) {
        let (mut pace, start) = (Pace::new(LEAST), Instant::now());
        let mut tenths = 0..=10 * seconds;
        let found =
            tenths.any(|tenth| pace.is_slow(start + Duration::from_millis(100 * tenth), bytes(tenth / 10), owing));
        assert_eq!(found, slow);
    }

    #[test]
    fn a_body_below_its_rate_is_found_slow() {
        check(true, 9, |_| 0, false);
        check(true, 10, |_| 0, true);
        check(true, 10, |second| second * (LEAST - 1), true);
        check(true, 60, |second| second * LEAST, false);
    }

    #[test]
    fn a_burst_helps_for_ten_seconds_only() {
        check(true, 30, |second| if second == 0 { 0 } else { 1 << 20 }, true);
        check(true, 15, |second| if second == 0 { 0 } else { 1 << 20 }, false);
    }

    #[test]
    fn a_body_that_nobody_takes_is_not_slow() {
        check(false, 60, |_| 0, false);
    }

    #[test]
    fn without_a_rate_none_is_too_slow() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert!((0..100).all(|second| !pace.is_slow(start + Duration::from_secs(second), 0, true)));
    }
}
