//! The time, as scaling groups see it: what the calendar says, and never back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use equipoise_scale::Moment;

/// Tells moments that never go back: when the machine's clock is set back, they go on from where they were.
#[derive(Debug)]
pub(crate) struct Clock {
    latest: Moment,
    told: Instant,
}

impl Clock {
    /// One that goes on after `latest`.
    pub(crate) fn after(latest: Moment) -> Self {
        Self { latest, told: Instant::now() }
    }

    pub(crate) fn now(&mut self) -> Moment {
        let now = Instant::now();
        self.latest = self.latest.after(now - self.told).max(wall());
        self.told = now;
        self.latest
    }
}

/// How long it is until the next whole second of the calendar.
pub(crate) fn until_next_second() -> Duration {
    Duration::from_millis(1000 - wall().millis() % 1000)
}

#[expect(clippy::disallowed_methods, reason = "schedules, periods and histories are about the calendar's time")]
fn wall() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
