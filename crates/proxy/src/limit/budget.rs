//! How many attempts beyond the first a target group may be sent, by all workers together.
//!
//! Pure: time comes in as an argument, as nanoseconds since any fixed moment.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most retries that can be saved up: enough to carry a busy group over the loss of one target, too few for a storm.
const SAVINGS: u64 = 100 * RETRY;
/// What a retry costs: a hundredth of it is what one request earns for each percent.
const RETRY: u64 = 100;
/// Requests that a worker notes by itself before it tells the others, so that their common purse is not written by each.
const BATCH: u64 = 16;
const SECOND: u64 = 1_000_000_000;

/// What a group's budget is filled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Income {
    /// Retries that requests earn, in percent of their number.
    pub(crate) percent: u8,
    /// Retries that are allowed each second, whatever was earned; not saved beyond one second.
    pub(crate) per_second: u32,
}

/// What all workers pay from. Retries are paid from a small allowance that grows with time, so that a group with few
/// requests can retry too, and else from what requests earned. With every target failing, the load on them stays at
/// (1 + `percent` / 100) × offered, and the allowance.
#[derive(Debug, Default)]
pub(crate) struct Purse {
    /// In hundredths of a retry.
    earned: AtomicU64,
    /// When the allowance will be whole again, as the generic cell rate algorithm counts it.
    whole_at: AtomicU64,
}

impl Purse {
    fn earn(&self, requests: u64, income: Income) {
        let more = requests * u64::from(income.percent);
        let _ = self.earned.fetch_update(Relaxed, Relaxed, |earned| Some((earned + more).min(SAVINGS))); // always some
    }

    /// Pays for one retry; `false` when there is nothing left to pay with.
    fn spend(&self, income: Income, now: u64) -> bool {
        self.allowed(income.per_second, now)
            || self.earned.fetch_update(Relaxed, Relaxed, |earned| earned.checked_sub(RETRY)).is_ok()
    }

    fn allowed(&self, per_second: u32, now: u64) -> bool {
        let Some(each) = SECOND.checked_div(per_second.into()) else { return false };
        let next = |whole_at: u64| {
            let next = whole_at.max(now) + each;
            (next <= now + each * u64::from(per_second)).then_some(next)
        };
        self.whole_at.fetch_update(Relaxed, Relaxed, next).is_ok()
    }
}

/// One worker's hand in the purse.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    purse: Arc<Purse>,
    income: Income,
    /// Requests that the purse does not know of.
    unpaid: Cell<u64>,
}

impl RetryBudget {
    pub(crate) fn new(purse: Arc<Purse>, income: Income) -> Self {
        Self { purse, income, unpaid: Cell::new(0) }
    }

    /// Notes a first attempt.
    pub(crate) fn earn(&self) {
        let unpaid = self.unpaid.get() + 1;
        self.unpaid.set(unpaid);
        if unpaid >= BATCH {
            self.pay_in();
        }
    }

    /// Pays for one more attempt; `false` when there is nothing left to pay with.
    pub(crate) fn spend(&self, now: u64) -> bool {
        self.pay_in();
        self.purse.spend(self.income, now)
    }

    fn pay_in(&self) {
        let unpaid = self.unpaid.take();
        if unpaid > 0 && self.income.percent > 0 {
            self.purse.earn(unpaid, self.income);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(percent: u8, per_second: u32) -> RetryBudget {
        RetryBudget::new(Arc::default(), Income { percent, per_second })
    }

    fn spent(budget: &RetryBudget, now: u64) -> usize {
        (0..1000).take_while(|_| budget.spend(now)).count()
    }

    #[test]
    fn the_allowance_grows_with_time_but_is_not_saved() {
        let budget = budget(0, 10);
        assert_eq!(spent(&budget, 0), 10);
        assert_eq!(spent(&budget, SECOND / 2), 5);
        assert_eq!(spent(&budget, 60 * SECOND), 10);
    }

    #[test]
    fn requests_earn_their_share_up_to_a_cap() {
        let budget = budget(20, 0);
        assert_eq!(spent(&budget, 0), 0);
        (0..50).for_each(|_| budget.earn());
        assert_eq!(spent(&budget, 0), 10);
        (0..10_000).for_each(|_| budget.earn());
        assert_eq!(spent(&budget, 0), 100);
    }

    #[test]
    fn one_workers_requests_pay_for_anothers_retries() {
        let (purse, income) = (Arc::default(), Income { percent: 50, per_second: 4 });
        let [busy, other] = [0, 1].map(|_| RetryBudget::new(Arc::clone(&purse), income));
        (0..BATCH).for_each(|_| busy.earn());
        assert_eq!(spent(&other, 0), 4 + 8);
        assert_eq!(spent(&busy, 0), 0, "the allowance is one for all");
    }

    #[test]
    fn threads_together_spend_no_more_than_there_is() {
        let (purse, income) = (Arc::default(), Income { percent: 10, per_second: 50 });
        let spent: usize = std::thread::scope(|scope| {
            let work = || {
                let budget = RetryBudget::new(Arc::clone(&purse), income);
                (0..2000)
                    .filter(|_| {
                        budget.earn();
                        budget.spend(0)
                    })
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(spent, 50 + 4 * 2000 / 10);
    }

    proptest! {
        /// However requests and retries mix over time and workers.
        #[test]
        fn retries_never_exceed_what_was_earned_and_allowed(
            percent in 0_u8..=100,
            per_second in 0_u32..100,
            steps in prop::collection::vec((0_usize..3, any::<bool>(), 0_u64..200_000_000), 1..400),
        ) {
            let (purse, income) = (Arc::default(), Income { percent, per_second });
            let workers = [(); 3].map(|()| RetryBudget::new(Arc::clone(&purse), income));
            let (mut now, mut requests, mut retries) = (0, 0_u64, 0_u64);
            for (worker, is_request, pause) in steps {
                now += pause;
                if is_request {
                    workers[worker].earn();
                    requests += 1;
                } else {
                    retries += u64::from(workers[worker].spend(now));
                }
            }
            let allowed = u64::from(per_second) * (now / SECOND + 2);
            prop_assert!(retries <= requests * u64::from(percent) / 100 + allowed);
        }
    }
}
