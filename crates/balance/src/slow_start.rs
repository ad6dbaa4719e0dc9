//! A target that comes back gets its share little by little: its caches are cold, its connections closed, and whoever
//! waited for it waits all at once.

use std::time::Duration;

/// How a target's share grows once it takes requests again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowStart {
    /// How long it takes until the share is whole.
    pub window: Duration,
}

/// Steps in which a share grows. Each is a new round of turns, so they are few.
const STEPS: u32 = 10;

impl SlowStart {
    /// The share after `elapsed`, in percent: a tenth at first, a tenth more with each tenth of the window. `None` when it
    /// is whole.
    #[must_use]
    pub fn percent(self, elapsed: Duration) -> Option<u8> {
        let passed = elapsed.as_nanos().checked_div(self.step().as_nanos())?;
        let step = u8::try_from(passed).ok().filter(|step| u32::from(*step) < STEPS - 1)?;
        Some((step + 1) * 10)
    }

    /// How long a share stays as it is.
    #[must_use]
    pub fn step(self) -> Duration {
        self.window / (STEPS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_from_a_tenth_to_the_whole_in_steps() {
        let start = SlowStart { window: Duration::from_secs(9) };
        let percents: Vec<_> = (0..10).map(|second| start.percent(Duration::from_secs(second))).collect();
        let wanted: Vec<_> = (1..10).map(|tenth| Some(tenth * 10)).chain([None]).collect();
        assert_eq!(percents, wanted);
        assert_eq!(start.percent(Duration::MAX), None);
    }

    #[test]
    fn without_a_window_there_is_no_start() {
        assert_eq!(SlowStart { window: Duration::ZERO }.percent(Duration::ZERO), None);
    }
}
