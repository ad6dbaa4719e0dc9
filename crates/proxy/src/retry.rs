//! retry: whether a failed attempt is followed by another.

use std::rc::Rc;
use std::time::Instant;

use equipoise_target::Endpoint;
use http::StatusCode;
use http::request::Parts;

use crate::error::ForwardError;
use crate::group::Retry;
use crate::local::{Front, Route};
use crate::outgoing::Outgoing;
use crate::send::Failed;

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    front: Rc<Front>,
    route: Rc<Route>,
    left: u8,
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
        route.retries.budget.borrow_mut().earn();
        let twice = retry.attempts > 0 && request.body.is_empty() && request.head.method.is_idempotent();
        Self {
            front: Rc::clone(front),
            route: Rc::clone(route),
            left: retry.attempts,
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
        let possible = error.is_retriable() && self.left > 0 && (unsent || self.replay.is_some());
        if !possible || !(free || self.pay()) {
            return Err(error);
        }
        self.count();
        // The end of a connection that had waited says little about a target that is the only one.
        if !(reused && self.tried.is_empty() && self.is_alone()) {
            self.tried.push(address);
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
        let statuses = &self.route.group.as_ref()?.settings().retry.statuses;
        let wanted = !statuses.is_empty() && statuses.contains(&status.as_u16());
        let allowed = wanted && self.replay.is_some() && self.left > 0 && !self.is_alone() && self.pay();
        if !allowed {
            return None;
        }
        self.count();
        self.tried.push(address);
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

    /// Whether the group's budget pays for another attempt.
    fn pay(&self) -> bool {
        let paid = self.route.retries.budget.borrow_mut().spend(Instant::now());
        if !paid {
            self.front.attempts(&self.route).budget_exhausted.increment();
        }
        paid
    }

    fn count(&mut self) {
        self.left -= 1;
        self.front.attempts(&self.route).retries.increment();
    }
}
