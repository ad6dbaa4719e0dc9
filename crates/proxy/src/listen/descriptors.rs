//! How many clients the process has descriptors for. What is left over is for targets, the admin address, logs and files:
//! a process that gives its last descriptor to a client cannot serve any.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::io::Errno;

/// Descriptors of the program itself: standard streams, control runtime, admin address, logs, file watch, plugins.
const OWN: usize = 48;
/// Descriptors of a worker: its reactor, wakers, and what it just accepts only to say no.
const WORKER: usize = 6;
/// Clients that are taken in any case.
const LEAST: usize = 8;

/// Connections of all listeners against the descriptors of the process.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) taken: Arc<AtomicUsize>,
    limit: AtomicUsize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { taken: Arc::default(), limit: AtomicUsize::new(usize::MAX) }
    }
}

impl Budget {
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Asks the system anew, and warns when the listeners, of `sockets` sockets and `wanted` connections together, are
    /// promised more than there can be.
    pub(crate) fn renew(&self, workers: usize, sockets: usize, wanted: usize) {
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = allowed.map_or(usize::MAX, |allowed| clients(allowed, workers, sockets));
        if self.limit.swap(limit, Relaxed) != limit && wanted > limit {
            tracing::warn!(
                descriptors = allowed,
                connections = limit,
                configured = wanted,
                "the process may open fewer descriptors than `limits.connections` needs: raise `ulimit -n` or LimitNOFILE"
            );
        }
    }
}

/// Whether the process, or the system, has no descriptor left.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Clients that `allowed` descriptors suffice for: each may need a second one for its target.
fn clients(allowed: u64, workers: usize, sockets: usize) -> usize {
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    // Each listening socket is there twice: a worker's, and the one that a successor is given.
    let fixed = OWN + WORKER * workers + 2 * sockets;
    (allowed.saturating_sub(fixed) / 2).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_the_program_does_not_need_itself_is_for_clients() {
        assert_eq!(clients(256, 2, 2), 96);
        assert_eq!(clients(65_536, 8, 16), 32_704);
        assert_eq!(clients(10, 1, 1), LEAST);
        assert_eq!(clients(u64::MAX, 1, 1), (usize::MAX - 56) / 2);
    }
}
