//! How many retries a target group may be sent.
//!
//! Pure: time comes in as an argument.

use std::time::Instant;

/// Most retries that can be saved up: enough to carry a busy group over the loss of one target, too few for a storm.
const SAVINGS: f64 = 100.0;

/// Retries are paid from what requests earn, and from a small allowance that grows with time, so that a group with few
/// requests can retry too. With every target failing, the load on them stays at (1 + `ratio`) × offered.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    /// Earned by each request.
    ratio: f64,
    earned: f64,
    /// Allowed each second; not saved beyond one second.
    rate: f64,
    allowance: f64,
    seen: Instant,
}

impl RetryBudget {
    /// A budget with its first second's allowance.
    pub(crate) fn new(percent: u8, per_second: f64, now: Instant) -> Self {
        let allowance = per_second.max(if per_second > 0.0 { 1.0 } else { 0.0 });
        Self { ratio: f64::from(percent) / 100.0, earned: 0.0, rate: per_second, allowance, seen: now }
    }

    /// Takes over what an earlier budget had left, so that reloads in a row are no source of retries.
    pub(crate) fn inherit(mut self, earlier: &Self) -> Self {
        self.earned = earlier.earned;
        self.allowance = self.allowance.min(earlier.allowance);
        self.seen = earlier.seen;
        self
    }

    /// Notes a first attempt.
    pub(crate) fn earn(&mut self) {
        self.earned = (self.earned + self.ratio).min(SAVINGS);
    }

    /// Pays for one retry; `false` when there is nothing left to pay with.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let grown = now.saturating_duration_since(self.seen).as_secs_f64() * self.rate;
        self.seen = self.seen.max(now);
        self.allowance = (self.allowance + grown).min(self.rate.max(1.0));
        for purse in [&mut self.allowance, &mut self.earned] {
            // Ten times 0.1 is a little less than 1 in floating point; that must still buy one retry.
            if *purse + 1e-9 >= 1.0 {
                *purse -= 1.0;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn spent(budget: &mut RetryBudget, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.spend(now)).count()
    }

    #[test]
    fn the_allowance_grows_with_time_but_is_not_saved() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(0, 10.0, start);
        assert_eq!(spent(&mut budget, start), 10);
        assert_eq!(spent(&mut budget, start + Duration::from_millis(500)), 5);
        assert_eq!(spent(&mut budget, start + Duration::from_secs(60)), 10);
    }

    #[test]
    fn requests_earn_their_share_up_to_a_cap() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(20, 0.0, start);
        assert_eq!(spent(&mut budget, start), 0);
        (0..50).for_each(|_| budget.earn());
        assert_eq!(spent(&mut budget, start), 10);
        (0..10_000).for_each(|_| budget.earn());
        assert_eq!(spent(&mut budget, start), 100);
    }

    #[test]
    fn a_share_below_one_a_second_still_allows_one_now_and_then() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(0, 0.5, start);
        assert_eq!(spent(&mut budget, start), 1);
        assert_eq!(spent(&mut budget, start + Duration::from_secs(1)), 0);
        assert_eq!(spent(&mut budget, start + Duration::from_secs(2)), 1);
    }

    #[test]
    fn a_reload_does_not_fill_the_purse() {
        let start = Instant::now();
        let mut old = RetryBudget::new(20, 10.0, start);
        assert_eq!(spent(&mut old, start), 10);
        let mut new = RetryBudget::new(20, 10.0, start).inherit(&old);
        assert_eq!(spent(&mut new, start), 0);
    }
}
