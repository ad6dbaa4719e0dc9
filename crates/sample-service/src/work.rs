//! Burning CPU on purpose.
//!
//! Work is an amount of computing, not a span of time: an instance that shares its core becomes slower, as a real
//! service does. The amount for a millisecond is measured once.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Most work that a request may ask for.
pub(crate) const MOST: Duration = Duration::from_secs(10);
const SAMPLE: u64 = 200_000;

/// As many requests work at once as there are cores; the others queue.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    cores: Arc<Semaphore>,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self { cores: Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))) }
    }

    /// Computes for about `amount` of CPU time, at most [`MOST`].
    pub(crate) async fn burn(&self, amount: Duration) {
        if amount.is_zero() {
            return;
        }
        // The semaphore is never closed; were it, burning without a place would still be right.
        let _place = Arc::clone(&self.cores).acquire_owned().await.ok();
        let steps = u64::try_from(amount.min(MOST).as_micros()).unwrap_or(u64::MAX).saturating_mul(steps_per_micro());
        // Cancelled with the request only before it starts; afterwards it is bounded by `MOST`.
        let _ = spawn_blocking(move || spin(steps)).await;
    }
}

fn steps_per_micro() -> u64 {
    static STEPS: OnceLock<u64> = OnceLock::new();
    *STEPS.get_or_init(|| {
        // The quickest of several: an interruption only ever makes a sample slower.
        let quickest = (0..5).map(|_| sample()).min().unwrap_or_default();
        let micros = u64::try_from(quickest.as_micros()).unwrap_or(u64::MAX).max(1);
        (SAMPLE / micros).max(1)
    })
}

fn sample() -> Duration {
    let start = Instant::now();
    spin(SAMPLE);
    start.elapsed()
}

fn spin(steps: u64) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        black_box(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_work_takes_longer() {
        let work = Work::new();
        work.burn(Duration::from_millis(1)).await;
        let start = Instant::now();
        work.burn(Duration::from_millis(40)).await;
        // A tenth: the machine may be faster now than when it was measured, never by that much.
        assert!(start.elapsed() >= Duration::from_millis(4));
    }
}
