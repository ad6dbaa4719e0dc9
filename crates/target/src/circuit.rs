//! The circuit of one target: whether it is left alone for a while because its requests fail.
//!
//! A circuit is *closed* while requests flow, *open* while the target gets none, and *half open* while a few requests
//! show whether it has recovered. [`State`] is the machine, pure; [`Circuit`] keeps it in the target's record, where all
//! workers share it: every change is one compare-and-swap of one word, so nobody waits for anybody.
//!
//! Time is milliseconds since any moment that stays the same for the life of the record.

mod state;
mod window;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub use state::{Admission, State};
use window::Bucket;

/// When circuits open, and how they close again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitTerms {
    /// Failures in a row that open a circuit; `None` when a row alone does not.
    pub consecutive_failures: Option<NonZeroU32>,
    /// Share of failures over the window that opens a circuit, in percent; `None` when a share does not.
    pub failure_percent: Option<u8>,
    /// What the share is taken of: at least the newest half of it, at most all.
    pub window: Duration,
    /// Requests within the window below which the share says nothing.
    pub min_requests: u32,
    /// How long a circuit stays open for the first time; doubled each time that a half-open circuit opens again.
    pub open_time: Duration,
    /// Longest time that it stays open, before the jitter of up to a quarter.
    pub max_open_time: Duration,
    /// Requests that a half-open circuit lets through at a time, and that must pass to close it.
    pub probes: u16,
}

/// One target's circuit, shared by all workers.
#[derive(Debug, Default)]
pub struct Circuit {
    /// A [`State`].
    state: AtomicU64,
    /// Failures in a row.
    streak: AtomicU32,
    /// Outcomes of this half window and of the one before, by parity.
    window: [AtomicU64; 2],
}

/// What an outcome did to a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing that anybody has to know.
    None,
    /// It opened.
    Opened,
    /// It closed.
    Closed,
}

impl Circuit {
    /// The state now.
    #[must_use]
    pub fn state(&self) -> State {
        State::unpack(self.state.load(Relaxed))
    }

    /// Asks for a way through. A probe must be given back by [`Circuit::passed`], [`Circuit::failed`] or
    /// [`Circuit::released`].
    pub fn admit(&self, terms: &CircuitTerms, now: u64) -> Admission {
        let state = self.state();
        if state.is_closed() {
            return Admission::Free;
        }
        let admitted = self.advance(|state| {
            let (next, admission) = state.admit(terms, now);
            (admission != Admission::Refused).then_some(next)
        });
        admitted.map_or(Admission::Refused, |(before, _)| before.admit(terms, now).1)
    }

    /// Notes a request that spoke for the target.
    pub fn passed(&self, admission: Admission, terms: &CircuitTerms, now: u64) -> Turn {
        if let Admission::Probe { round } = admission {
            let advanced = self.advance(|state| state.passed(round, terms));
            return advanced.filter(|(_, after)| after.is_closed()).map_or(Turn::None, |_| Turn::Closed);
        }
        // Only written when it changes: a healthy target's record is read by every worker.
        if self.streak.load(Relaxed) != 0 {
            self.streak.store(0, Relaxed);
        }
        if terms.failure_percent.is_some() && self.state().is_closed() {
            self.count(true, terms, now);
        }
        Turn::None
    }

    /// Notes a request that spoke against the target. `random` spreads the ends of open times.
    pub fn failed(&self, admission: Admission, terms: &CircuitTerms, now: u64, random: u32) -> Turn {
        let opens = match admission {
            Admission::Probe { .. } => true,
            // What was under way when the circuit opened says nothing new.
            _ if !self.state().is_closed() => false,
            _ => self.is_too_much(terms, now),
        };
        if !opens {
            return Turn::None;
        }
        let round = if let Admission::Probe { round } = admission { Some(round) } else { None };
        if self.advance(|state| state.opened(round, terms, now, random)).is_none() {
            return Turn::None;
        }
        self.streak.store(0, Relaxed);
        self.window.iter().for_each(|bucket| bucket.store(0, Relaxed));
        Turn::Opened
    }

    /// Notes that a request ended without saying anything about the target.
    pub fn released(&self, admission: Admission) {
        if let Admission::Probe { round } = admission {
            self.advance(|state| state.released(round));
        }
    }

    /// Counts a failure, and says whether there were too many.
    fn is_too_much(&self, terms: &CircuitTerms, now: u64) -> bool {
        let streak = self.streak.fetch_add(1, Relaxed).saturating_add(1);
        let in_a_row = terms.consecutive_failures.is_some_and(|most| streak >= most.get());
        let share = terms.failure_percent.is_some_and(|percent| {
            let epoch = self.count(false, terms, now);
            let buckets = self.window.iter().map(|bucket| Bucket::unpack(bucket.load(Relaxed)));
            window::exceeds(buckets, epoch, percent, terms.min_requests)
        });
        in_a_row || share
    }

    fn count(&self, good: bool, terms: &CircuitTerms, now: u64) -> u64 {
        let half = u64::try_from(terms.window.as_millis() / 2).unwrap_or(u64::MAX).max(1);
        let epoch = now / half;
        let bucket = &self.window[usize::from(epoch % 2 == 1)];
        let next = |word| Some(Bucket::unpack(word).after(good, epoch).pack());
        let _ = bucket.fetch_update(Relaxed, Relaxed, next); // `next` never refuses
        epoch
    }

    /// The state before and after, if `next` had one.
    fn advance(&self, next: impl Fn(State) -> Option<State>) -> Option<(State, State)> {
        let packed = |word| next(State::unpack(word)).map(State::pack);
        let before = State::unpack(self.state.fetch_update(Relaxed, Relaxed, packed).ok()?);
        next(before).map(|after| (before, after))
    }
}

#[cfg(test)]
mod tests;
