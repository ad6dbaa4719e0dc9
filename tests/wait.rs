//! Waiting for a condition, and ports to use.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
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

/// Several different free loopback ports, each of which is given out once.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
pub fn free_ports<const N: usize>() -> [u16; N] {
    std::array::from_fn(|_| (0..PORTS).map(|_| candidate()).find(|port| is_free(*port)).expect("a free port"))
}

/// Below those that systems give to outgoing connections and to port 0, which could be taken between being found free
/// and being used.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;

/// The next port in turn. Runs of the tests beside this one begin elsewhere.
fn candidate() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let turn = std::process::id().wrapping_mul(1009).wrapping_add(NEXT.fetch_add(1, Relaxed));
    FIRST_PORT + (turn % u32::from(PORTS)) as u16
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
