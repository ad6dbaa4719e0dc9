//! retry: whether a failed attempt is followed by another.

use std::rc::Rc;
use std::time::{Duration, Instant};

use equipoise_target::Endpoint;
use http::StatusCode;
use http::request::Parts;

use crate::error::ForwardError;
use crate::group::Retry;
use crate::hedge::Hedge;
use crate::limit::epoch::nanos;
use crate::outgoing::Outgoing;
use crate::send::Failed;
use crate::worker::local::{Front, Route};

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    front: Rc<Front>,
    route: Rc<Route>,
    left: u8,
    /// Retries that the budget paid for.
    paid: u8,
    /// Whether the last one cost nothing.
    last_was_free: bool,
    /// Targets that failed.
    tried: Vec<Endpoint>,
    /// A copy of the head, when the request may be sent twice.
    replay: Option<Parts>,
    /// Why the last attempt failed.
    last: Option<ForwardError>,
}

/// In which state a request is whole again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// As it came out of routing; the target has still to be told who asks.
    AsRouted,
    /// Ready to be sent.
    AsSent,
}

impl Attempts {
    /// Keeps a copy of the head when the request may be sent again after a target has seen it: its method is
    /// idempotent, and there is no body, which could be sent only once.
    pub(crate) fn new(front: &Rc<Front>, route: &Rc<Route>, retry: &Retry, request: &Outgoing) -> Self {
        route.retries.budget.earn();
        let wanted = retry.attempts > 0 || hedges(route);
        let harmless = retry.non_idempotent || request.head.method.is_idempotent();
        let twice = wanted && request.body.is_empty() && harmless;
        Self {
            front: Rc::clone(front),
            route: Rc::clone(route),
            left: retry.attempts,
            paid: 0,
            last_was_free: true,
            tried: Vec::new(),
            last: None,
            replay: twice.then(|| request.head.clone()),
        }
    }

    pub(crate) fn tried(&self) -> &[Endpoint] {
        &self.tried
    }

    /// Makes `request` whole again for another attempt, or gives the error that it ends with.
    pub(crate) fn after(
        &mut self,
        failed: Failed,
        address: Endpoint,
        request: &mut Outgoing,
    ) -> Result<Whole, ForwardError> {
        let Failed { error, unsent, reused } = failed;
        // An attempt that reached nobody was no load on anybody, so its retry costs the budget nothing: losing one target
        // of two must not turn half of the requests into errors until its health check has noticed. Neither does the
        // retry after a connection that ended between two requests: each has an answered request to its credit.
        let free = unsent || reused;
        let wanted = self.retry().is_some_and(|retry| error.is_retriable(&retry.on));
        let possible = wanted && self.left > 0 && (unsent || self.replay.is_some());
        if !possible || !(free || self.pay()) {
            return Err(error);
        }
        self.count(free);
        // The end of a connection that had waited says little about a target that is the only one.
        if !(reused && self.tried.is_empty() && self.is_alone()) {
            self.avoid(address);
        }
        self.last = Some(error);
        Ok(if unsent { Whole::AsSent } else { self.replay(request) })
    }

    /// Makes `request` whole again when its response's status counts as a failure and there is a way to try again.
    pub(crate) fn after_status(
        &mut self,
        status: StatusCode,
        address: Endpoint,
        request: &mut Outgoing,
    ) -> Option<Whole> {
        let allowed =
            self.is_failure(status) && self.replay.is_some() && self.left > 0 && !self.is_alone() && self.pay();
        if !allowed {
            return None;
        }
        self.count(false);
        self.avoid(address);
        Some(self.replay(request))
    }

    /// What the request ends with when no target is left: the failure of the last attempt, if there was one.
    pub(crate) fn exhausted(self, error: ForwardError) -> ForwardError {
        self.last.unwrap_or(error)
    }

    fn replay(&mut self, request: &mut Outgoing) -> Whole {
        if let Some(head) = &self.replay {
            request.head = head.clone();
        }
        Whole::AsRouted
    }

    fn is_alone(&self) -> bool {
        self.route.group.as_ref().is_none_or(|group| group.snapshot().available().count() <= self.tried.len() + 1)
    }

    /// Whether a response with this status is as good as none.
    pub(crate) fn is_failure(&self, status: StatusCode) -> bool {
        self.retry().is_some_and(|retry| !retry.statuses.is_empty() && retry.statuses.contains(&status.as_u16()))
    }

    /// The target at `address` is not to be picked for this request again.
    pub(crate) fn avoid(&mut self, address: Endpoint) {
        if !self.tried.contains(&address) {
            self.tried.push(address);
        }
    }

    /// When the request is to be sent to another target too, if it may be.
    pub(crate) fn hedge(&self) -> Option<Hedge> {
        self.route.group.as_ref()?.settings().hedge.filter(|_| self.replay.is_some())
    }

    /// The head as it came out of routing, if the request may be sent twice.
    pub(crate) fn copy(&self) -> Option<Parts> {
        self.replay.clone()
    }

    /// How long to wait before the next attempt, after one that the budget paid for: a random part of a time that doubles,
    /// so that those who failed together do not come back together.
    /// Never beyond `deadline`.
    pub(crate) fn pause(&self, deadline: Option<Instant>) -> Option<Duration> {
        let retry = self.retry().filter(|retry| !self.last_was_free && !retry.backoff.is_zero())?;
        let doubled = retry.backoff.saturating_mul(1 << self.paid.saturating_sub(1).min(16));
        let pause = doubled.min(retry.max_backoff.max(retry.backoff)).mul_f64(fastrand::f64());
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Some(left.map_or(pause, |left| left.min(pause)))
    }

    fn retry(&self) -> Option<&Retry> {
        self.route.group.as_ref().map(|group| &group.settings().retry)
    }

    /// Whether the group's budget pays for another attempt.
    pub(crate) fn pay(&self) -> bool {
        let paid = self.route.retries.budget.spend(nanos(Instant::now()));
        if !paid {
            self.front.attempts(&self.route).budget_exhausted.increment();
        }
        paid
    }

    fn count(&mut self, free: bool) {
        self.left -= 1;
        self.paid += u8::from(!free);
        self.last_was_free = free;
        self.front.attempts(&self.route).retries.increment();
    }
}

fn hedges(route: &Route) -> bool {
    route.group.as_ref().is_some_and(|group| group.settings().hedge.is_some())
}
