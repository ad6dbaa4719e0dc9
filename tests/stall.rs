//! How long this machine keeps a thread waiting, so that a bound on time can allow for it and for nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a test allows for scheduling when the machine is quiet.
const LEAST: Duration = Duration::from_millis(100);

/// A thread that asks to be woken each millisecond and notes how late it was at the worst.
#[derive(Debug)]
pub struct Stalls {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Stalls {
    /// Begins to watch.
    #[must_use]
    pub fn watch() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !stopped.load(Relaxed) {
                let before = Instant::now();
                std::thread::park_timeout(Duration::from_millis(1));
                worst = worst.max(before.elapsed());
            }
            worst
        });
        Self { stop, thread }
    }

    /// What a measurement made meanwhile may have lost to the machine: 100 ms, and four times the worst stall, since the
    /// client, the program's worker, the target and the client again each wait for their turn.
    ///
    /// # Panics
    /// Never in practice.
    #[must_use]
    pub fn allowance(self) -> Duration {
        self.stop.store(true, Relaxed);
        LEAST + 4 * self.thread.join().expect("the thread does not panic")
    }
}
