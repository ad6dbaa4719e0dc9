//! One check of one target, over and over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use equipoise_target::Endpoint;
use tokio::time::{Instant, sleep_until};

use super::group::Book;
use super::locked;
use crate::ledger::Watch;
use crate::{Probe, Terms, look};

/// First looks that somebody waits for are spread over this much at most.
const URGENT_SPREAD: Duration = Duration::from_secs(1);

/// The probe of a check, which may be exchanged between looks.
pub(super) struct Slot(Mutex<Arc<dyn Probe>>);

impl Slot {
    pub(super) fn new(probe: Arc<dyn Probe>) -> Self {
        Self(Mutex::new(probe))
    }

    pub(super) fn put(&self, probe: Arc<dyn Probe>) {
        // The old probe may be the last handle of a plugin: it is dropped after the lock is released.
        let old = std::mem::replace(&mut *locked(&self.0), probe);
        drop(old);
    }

    fn probe(&self) -> Arc<dyn Probe> {
        Arc::clone(&locked(&self.0))
    }
}

pub(super) struct Watcher {
    book: Arc<Book>,
    slot: Arc<Slot>,
    watch: Watch,
    target: Endpoint,
    random: fastrand::Rng,
}

impl Watcher {
    pub(super) fn new(book: Arc<Book>, slot: Arc<Slot>, watch: Watch, target: Endpoint, random: fastrand::Rng) -> Self {
        Self { book, slot, watch, target, random }
    }

    pub(super) async fn run(mut self) {
        let terms = self.watch.terms;
        let address = checked_address(self.target, &terms);
        let mut next = Instant::now() + first_wait(&terms, self.watch.urgent, self.random.f64());
        loop {
            sleep_until(next).await;
            // The semaphore is never closed. Should it be, unbounded looks are better than none.
            let turn = self.book.shared().turns.acquire().await;
            let began = Instant::now();
            let probe = self.slot.probe();
            let outcome = look(&*probe, address, terms.timeout).await;
            drop((turn, probe));
            self.book.record(self.watch.id, self.target, outcome);
            // A look that took longer than its interval is followed by the next at once, never by two.
            next = began + wait(&terms, self.random.f64());
        }
    }
}

/// A port of the check's own replaces the target's. A Unix socket has none to replace.
fn checked_address(target: Endpoint, terms: &Terms) -> Endpoint {
    match (target, terms.port) {
        (Endpoint::Ip(mut address), Some(port)) => {
            address.set_port(port.get());
            address.into()
        }
        _ => target,
    }
}

/// Spreads the first looks, so that a start does not look at everything in one moment. `random` is from 0 to 1.
fn first_wait(terms: &Terms, urgent: bool, random: f64) -> Duration {
    let spread = if urgent { terms.interval.min(URGENT_SPREAD) } else { terms.interval };
    spread.mul_f64(random)
}

/// The interval, give or take the jitter. `random` is from 0 to 1.
fn wait(terms: &Terms, random: f64) -> Duration {
    terms.interval - terms.jitter + (terms.jitter * 2).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HealthCheck, TcpCheck};

    fn terms(interval: u64, jitter: u64) -> Terms {
        let interval = Duration::from_secs(interval);
        let jitter = Some(Duration::from_secs(jitter));
        HealthCheck::Tcp(TcpCheck { interval, jitter, ..TcpCheck::default() }).terms()
    }

    #[test]
    fn a_wait_is_the_interval_give_or_take_the_jitter() {
        let check = |random, want| assert_eq!(wait(&terms(10, 2), random), Duration::from_secs(want));
        check(0.0, 8);
        check(0.5, 10);
        check(1.0, 12);
    }

    #[test]
    fn first_looks_spread_over_the_interval_and_urgent_ones_over_a_second() {
        assert_eq!(first_wait(&terms(10, 0), false, 0.5), Duration::from_secs(5));
        assert_eq!(first_wait(&terms(10, 0), true, 0.5), Duration::from_millis(500));
    }

    #[test]
    fn the_check_port_replaces_the_targets() {
        let target: Endpoint = "[::1]:80".parse().unwrap();
        let port = Some(9000.try_into().unwrap());
        assert_eq!(checked_address(target, &Terms { port, ..terms(1, 0) }), "[::1]:9000".parse().unwrap());
        assert_eq!(checked_address(target, &terms(1, 0)), target);
    }
}
