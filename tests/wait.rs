//! Waiting for a condition, and ports to use.

use std::net::TcpListener;
use std::time::{Duration, Instant};

/// How long anything in a test may take before the test fails. Generous: shared machines stall.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks `question` until it answers `Some`, and fails the test, naming `what`, when time is up.
///
/// # Panics
/// When the answer stays `None` for 20 seconds.
#[track_caller]
pub fn eventually<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A loopback port that nothing listens on at this moment.
#[must_use]
pub fn free_port() -> u16 {
    free_ports::<1>()[0]
}

/// Several different free loopback ports.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("bound").port())
}
