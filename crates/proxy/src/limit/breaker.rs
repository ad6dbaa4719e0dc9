//! When targets are left alone because their requests fail.

use equipoise_target::CircuitTerms;

/// When targets of a group are left alone because their requests fail.
///
/// A circuit judges by live requests, at once, and for seconds; a health check judges by its own questions. A target takes
/// requests when both let it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// When one target's circuit opens and closes.
    pub terms: CircuitTerms,
    /// Share of the available targets, in percent, above which open circuits are ignored: so many targets do not fail
    /// each for itself, and the few that are left would be next.
    pub max_open_percent: u8,
    /// Sends requests to all rather than to nobody, also when more than that share is open.
    pub fail_open: bool,
}

impl Breaker {
    /// Whether circuits are ignored when `open` of `available` targets are open and `left` could be picked.
    pub(crate) fn is_ignored(&self, open: usize, available: usize, left: usize) -> bool {
        self.fail_open && open > 0 && (left == 0 || open * 100 > available * usize::from(self.max_open_percent))
    }
}
