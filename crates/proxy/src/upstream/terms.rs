//! What one request, and one attempt of it, asks of a connection to a target.

use std::time::{Duration, Instant};

use crate::worker::local::Route;

/// Terms of one request on a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) now: Instant,
    pub(crate) deadline: Option<Instant>,
    /// When the present attempt must have its response's head.
    pub(crate) try_until: Option<Instant>,
    pub(crate) client_limit: Duration,
    /// Least bytes a second of the request's body.
    pub(crate) body_rate: u64,
    pub(crate) has_body: bool,
    /// Whom a connection has to have been announced for; 0 for nobody.
    pub(crate) owner: u64,
    /// Whether the response has no body: HEAD.
    pub(crate) bodiless: bool,
}

impl Terms {
    /// The terms of an attempt that begins at `now`.
    pub(crate) fn attempt(self, now: Instant, route: &Route) -> Self {
        Self { now, try_until: per_try(route).map(|limit| now + limit), ..self }
    }

    /// How long a connection may take to be made, when it may take `limit` by itself.
    pub(crate) fn connect_limit(&self, limit: Duration) -> Duration {
        let ends = [self.deadline, self.try_until].into_iter().flatten();
        ends.map(|end| end.saturating_duration_since(self.now)).fold(limit, Duration::min)
    }
}

pub(super) fn per_try(route: &Route) -> Option<Duration> {
    route.group.as_ref()?.settings().timeouts.per_try
}
