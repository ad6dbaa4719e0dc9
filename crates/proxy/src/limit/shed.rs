//! How many requests are turned away while a worker cannot keep up.
//!
//! Pure: what was measured and chance come in as arguments.

use std::time::Duration;

/// What a late look adds to the share that is turned away, and a timely one takes from it: it rises faster than it
/// falls, so that a worker which is too busy is relieved within ten looks and does not swing.
const UP: u16 = 100;
const DOWN: u16 = 25;
/// Everybody but one in twenty, who shows whether it is over.
const MOST: u16 = 950;

/// The share of requests that is turned away, in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shedding(u16);

impl Shedding {
    /// The share after a look that was `lag` late, when `limit` is still fine.
    pub(crate) fn after(self, lag: Duration, limit: Option<Duration>) -> Self {
        match limit {
            None => Self(0),
            Some(limit) if lag > limit => Self((self.0 + UP).min(MOST)),
            Some(_) => Self(self.0.saturating_sub(DOWN)),
        }
    }

    /// Whether a request is turned away; `random` only when it matters.
    pub(crate) fn refuses(self, random: impl FnOnce() -> u16) -> bool {
        self.0 > 0 && random() % 1000 < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Option<Duration> = Some(Duration::from_millis(100));

    fn after(looks: usize, lag: u64, from: Shedding) -> Shedding {
        (0..looks).fold(from, |shedding, _| shedding.after(Duration::from_millis(lag), LIMIT))
    }

    #[test]
    fn nobody_is_turned_away_while_looks_are_timely() {
        assert_eq!(after(1000, 100, Shedding::default()), Shedding(0));
        assert!(!Shedding(0).refuses(|| unreachable!("nothing to decide")));
    }

    #[test]
    fn late_looks_turn_away_more_and_more_but_never_everybody() {
        let busy = after(3, 101, Shedding::default());
        assert_eq!((busy.refuses(|| 299), busy.refuses(|| 300)), (true, false));
        assert!(!after(1000, 101, busy).refuses(|| 950));
    }

    #[test]
    fn it_ends_by_itself_and_with_the_limit() {
        let busy = after(4, 500, Shedding::default());
        assert_eq!(after(16, 0, busy), Shedding(0));
        assert_eq!(busy.after(Duration::MAX, None), Shedding(0));
    }

    /// A worker that serves `capacity` requests a look and is late by what is left over.
    #[test]
    fn in_a_simulation_what_is_served_comes_near_the_capacity() {
        let (capacity, offered) = (100.0_f64, 150.0);
        let (mut shedding, mut backlog, mut served, mut worst) = (Shedding::default(), 0.0_f64, 0.0, 0.0_f64);
        for _ in 0..4000 {
            backlog += offered * f64::from(1000 - shedding.0) / 1000.0;
            let done = backlog.min(capacity);
            (backlog, served) = (backlog - done, served + done);
            worst = worst.max(backlog);
            shedding = shedding.after(Duration::from_secs_f64(backlog / capacity * 0.05), LIMIT);
        }
        assert!(served > 0.9 * 4000.0 * capacity, "{served}");
        assert!(worst < 10.0 * capacity, "{worst}");
    }
}
