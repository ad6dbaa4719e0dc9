//! The record of one target: who it is and how it has been doing.
//!
//! Records are keyed by identity (group and address) and shared between generations, so counters survive a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::{Circuit, Endpoint};

/// Share of a new observation in the moving average is `1 / 2^EWMA_SHIFT` = 1/8: TCP's smoothed round-trip time uses
/// the same gain (RFC 6298 section 2).
const EWMA_SHIFT: u32 = 3;

/// One place that answers requests: an address with its statistics.
///
/// Every counter is a relaxed atomic: each is exact by itself, none orders other memory.
#[derive(Debug)]
pub struct Target {
    address: Endpoint,
    in_flight: AtomicU32,
    successes: AtomicU64,
    failures: AtomicU64,
    /// Moving average in nanoseconds; 0 means nothing was observed yet.
    latency: AtomicU64,
    circuit: Circuit,
}

impl Target {
    /// A record without history.
    #[must_use]
    pub fn new(address: impl Into<Endpoint>) -> Self {
        Self {
            address: address.into(),
            in_flight: AtomicU32::new(0),
            successes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            circuit: Circuit::default(),
        }
    }

    /// Where requests are sent.
    #[must_use]
    pub fn address(&self) -> Endpoint {
        self.address
    }

    /// Requests that were sent to this target and whose last byte has not passed yet.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Attempts that this target answered in a way that speaks for it, since the record exists.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.successes.load(Relaxed)
    }

    /// Attempts that this target failed (no connection, no answer, or a server error), since the record exists.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Exponentially weighted moving average of the time to the response head; `None` before the first answer.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        match self.latency.load(Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Counts one request in flight until the returned lease is dropped.
    #[must_use]
    pub fn lease(self: &Arc<Self>) -> Lease {
        self.in_flight.fetch_add(1, Relaxed);
        Lease { target: Arc::clone(self) }
    }

    /// As [`Target::lease`], unless `limit` requests are in flight already. Exact over all who ask.
    #[must_use]
    pub fn lease_within(self: &Arc<Self>, limit: u32) -> Option<Lease> {
        let more = |in_flight| (in_flight < limit).then_some(in_flight + 1);
        self.in_flight.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Lease { target: Arc::clone(self) })
    }

    /// Whether the target is left alone because its requests fail.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Notes an attempt that spoke for the target, with its time to the response head.
    pub fn succeeded(&self, latency: Duration) {
        self.successes.fetch_add(1, Relaxed);
        let seen = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        // Two workers may race here and lose one observation of the average; that is cheaper than a loop and harmless.
        let old = self.latency.load(Relaxed);
        let new = if old == 0 { seen } else { old - (old >> EWMA_SHIFT) + (seen >> EWMA_SHIFT) };
        self.latency.store(new.max(1), Relaxed);
    }

    /// Notes an attempt that spoke against the target.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }
}

/// One request in flight on one target. It belongs to the response *body*, so that the request ends with its last byte,
/// and dropping it anywhere (abort, retry, time-out) keeps the count exact.
#[derive(Debug)]
pub struct Lease {
    target: Arc<Target>,
}

impl Lease {
    /// The target that was leased.
    #[must_use]
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.target.in_flight.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Arc<Target> {
        Arc::new(Target::new(std::net::SocketAddr::from(([127, 0, 0, 1], 1))))
    }

    #[test]
    fn leases_count_until_they_drop() {
        let target = target();
        let leases: Vec<_> = (0..3).map(|_| target.lease()).collect();
        assert_eq!(target.in_flight(), 3);
        drop(leases);
        assert_eq!(target.in_flight(), 0);
    }

    #[test]
    fn a_lease_within_a_limit_is_refused_above_it() {
        let target = target();
        let leases: Vec<_> = (0..3).map(|_| target.lease_within(2)).collect();
        assert_eq!(leases.iter().filter(|lease| lease.is_some()).count(), 2);
        drop(leases);
        assert!(target.lease_within(1).is_some());
        assert!(target.lease_within(0).is_none());
    }

    #[test]
    fn the_average_starts_at_the_first_observation_and_follows_slowly() {
        let target = target();
        assert_eq!(target.latency(), None);
        target.succeeded(Duration::from_millis(8));
        assert_eq!(target.latency(), Some(Duration::from_millis(8)));
        target.succeeded(Duration::from_millis(16));
        assert_eq!(target.latency(), Some(Duration::from_millis(9)));
    }
}
