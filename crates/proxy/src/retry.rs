//! retry: whether a failed attempt is followed by another.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

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
    tried: Vec<SocketAddr>,
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

    pub(crate) fn tried(&self) -> &[SocketAddr] {
        &self.tried
    }

    /// Makes `request` whole again for another attempt, or gives the error that it ends with.
    pub(crate) fn after(
        &mut self,
        failed: Failed,
        address: SocketAddr,
        request: &mut Outgoing,
    ) -> Result<Whole, ForwardError> {
        let Failed { error, unsent, reused } = failed;
        if !error.is_retriable() || !(unsent || self.replay.is_some()) || !self.pay() {
            return Err(error);
        }
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
        address: SocketAddr,
        request: &mut Outgoing,
    ) -> Option<Whole> {
        let statuses = &self.route.group.as_ref()?.settings().retry.statuses;
        let wanted = !statuses.is_empty() && statuses.contains(&status.as_u16());
        if !wanted || self.replay.is_none() || self.is_alone() || !self.pay() {
            return None;
        }
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

    fn pay(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        let stats = self.front.attempts(&self.route);
        if !self.route.retries.budget.borrow_mut().spend(Instant::now()) {
            stats.budget_exhausted.increment();
            return false;
        }
        self.left -= 1;
        stats.retries.increment();
        true
    }
}
