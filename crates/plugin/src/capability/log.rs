//! `equipoise:plugin/log`: lines in the balancer's log.

use std::time::{Duration, Instant};

use crate::bindings::router::equipoise::plugin::log::{self, Level};
use crate::state::State;
use crate::text;

const LONGEST_LINE: usize = 1024;
/// Lines that one instance may write in a second; a guest that logs each request must not fill a disk.
const LINES_PER_SECOND: u32 = 20;

/// Counts lines of one instance in one-second windows.
#[derive(Debug, Default)]
pub(crate) struct LogBudget {
    window: Option<Instant>,
    written: u32,
    dropped: u64,
}

impl LogBudget {
    /// Whether a line may be written at `now`, and how many were dropped before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if self.window.is_none_or(|start| now.saturating_duration_since(start) >= Duration::from_secs(1)) {
            self.window = Some(now);
            self.written = 0;
        }
        if self.written >= LINES_PER_SECOND {
            self.dropped += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.dropped))
    }
}

impl State {
    pub(crate) fn log_line(&mut self, level: Level, message: &str) {
        let Some(dropped) = self.log.take(Instant::now()) else { return };
        let message = text::one_line(message, LONGEST_LINE);
        let plugin = self.plugin.name.as_str();
        match level {
            Level::Trace => tracing::trace!(plugin, dropped, "{message}"),
            Level::Debug => tracing::debug!(plugin, dropped, "{message}"),
            Level::Info => tracing::info!(plugin, dropped, "{message}"),
            Level::Warn => tracing::warn!(plugin, dropped, "{message}"),
            Level::Error => tracing::error!(plugin, dropped, "{message}"),
        }
    }
}

impl log::Host for State {
    fn write(&mut self, level: Level, message: String) {
        self.log_line(level, &message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_logs_too_much_loses_lines_and_the_next_says_how_many() {
        let (now, mut budget) = (Instant::now(), LogBudget::default());
        assert_eq!((0..25).filter(|_| budget.take(now).is_some()).count(), 20);
        assert_eq!(budget.take(now + Duration::from_secs(1)), Some(5));
    }
}
