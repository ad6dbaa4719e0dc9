//! dial: a connection to a target, or to the next one.

use std::io;
use std::time::{Duration, Instant};

use equipoise_stream::{DialError, Ends, Stream};
use equipoise_target::{Endpoint, Turn};
use http::Request;

use super::relay::Relay;
use crate::Group;
use crate::error::ForwardError;
use crate::limit::berth::Berth;
use crate::pick::Wanted;
use crate::queue;
use crate::upstream::Terms;
use crate::worker::local::{Front, Route};

/// A connection to a target.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    pub(crate) berth: Berth,
}

/// A listener's way to a group.
pub(crate) struct Passage<'a> {
    pub(crate) front: &'a Front,
    pub(crate) route: &'a Route,
    pub(crate) group: &'a Group,
}

impl Passage<'_> {
    /// Connects to a target of the group, or to the next one when that fails. Nothing has been sent by then, so that
    /// trying again is free of charge, as it is for requests that nobody has seen.
    pub(crate) async fn dial(&self, relay: &Relay, ends: Option<Ends>) -> Result<Dialled, ForwardError> {
        // What a picker may look at of a request is not there.
        let mut head = Request::new(()).into_parts().0;
        let mut terms = terms();
        let mut tried: Vec<Endpoint> = Vec::new();
        let mut last = None;
        loop {
            let (client, now) = (relay.peer.ip_or_nobody(), Instant::now());
            let mut wanted = Wanted { head: &mut head, client, only: None, tried: &tried, now };
            terms = terms.attempt(now, self.route);
            let berth = queue::berth(self.front, self.route, self.group, &mut wanted, &mut terms).await;
            let mut berth = match berth {
                Ok(berth) => berth,
                Err(error) => return Err(last.unwrap_or(error)),
            };
            let address = berth.target().address();
            relay.goes_to(address);
            let attempt = self.attempt(address, ends, &terms).await;
            self.report(&mut berth, &attempt, terms.now);
            let error = match attempt {
                Ok(stream) => return Ok(Dialled { stream, berth }),
                Err(error) => error,
            };
            if tried.len() >= usize::from(self.group.settings().retry.attempts) {
                return Err(error);
            }
            self.front.attempts(self.route).retries.increment();
            tried.push(address);
            last = Some(error);
        }
    }

    async fn attempt(&self, address: Endpoint, ends: Option<Ends>, terms: &Terms) -> Result<Stream, ForwardError> {
        let settings = self.group.settings();
        let limit = terms.connect_limit(settings.timeouts.connect);
        match tokio::time::timeout(limit, settings.transport.dial.connect(address, ends)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(DialError::Handshake { source })) => Err(ForwardError::Handshake { address, source }),
            Ok(Err(DialError::Connect { source })) => Err(ForwardError::Connect { address, source }),
            Ok(Err(other)) => Err(ForwardError::Connect { address, source: io::Error::other(other) }),
            Err(_) => Err(ForwardError::ConnectTimeout { address, limit }),
        }
    }

    /// Notes what an attempt says about its target.
    fn report(&self, berth: &mut Berth, attempt: &Result<Stream, ForwardError>, started: Instant) {
        let stats = self.front.attempts(self.route);
        match attempt {
            Ok(_) => berth.target().succeeded(started.elapsed()),
            Err(_) => {
                stats.connect_failures.increment();
                berth.target().failed();
            }
        }
        let Some(breaker) = &self.group.settings().breaker else { return };
        if berth.judge(breaker, attempt.is_ok()) == Turn::Opened {
            stats.circuits_opened.increment();
            let (group, target) = (self.route.name(), berth.target().address());
            tracing::warn!(target_group = group, %target, "a circuit opened: connections to this target failed");
        }
    }
}

/// Those of a connection: it may last as long as it likes.
fn terms() -> Terms {
    Terms {
        now: Instant::now(),
        deadline: None,
        try_until: None,
        body_rate: 0,
        client_limit: Duration::MAX,
        has_body: false,
        owner: 0,
        bodiless: false,
    }
}
