//! retry: whether a failed attempt is followed by another.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use http::StatusCode;
use http::request::Parts;

use crate::body::RequestBody;
use crate::error::ForwardError;
use crate::group::Retry;
use crate::local::{Front, Route};
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
}

impl Attempts {
    /// Keeps a copy of the head when the request may be sent again after a target has seen it: its method is
    /// idempotent, and there is no body, which could be sent only once.
    pub(crate) fn new(front: &Rc<Front>, route: &Rc<Route>, retry: &Retry, head: &Parts, body: &RequestBody) -> Self {
        route.retries.budget.borrow_mut().earn();
        let twice = retry.attempts > 0 && body.is_empty() && head.method.is_idempotent();
        Self {
            front: Rc::clone(front),
            route: Rc::clone(route),
            left: retry.attempts,
            tried: Vec::new(),
            replay: twice.then(|| head.clone()),
        }
    }

    pub(crate) fn tried(&self) -> &[SocketAddr] {
        &self.tried
    }

    /// The request once more, and its error in `last` for the case that no target is left; or the error that it ends
    /// with.
    pub(crate) fn after(
        &mut self,
        failed: Failed,
        address: SocketAddr,
        last: &mut Option<ForwardError>,
    ) -> Result<(Parts, RequestBody), ForwardError> {
        let Failed { error, unsent, reused } = failed;
        if !error.is_retriable() {
            return Err(error);
        }
        let again = match unsent {
            Some(request) => request.into_parts(),
            None => match &self.replay {
                Some(head) => (head.clone(), RequestBody::Empty),
                None => return Err(error),
            },
        };
        if !self.pay() {
            return Err(error);
        }
        // The end of a connection that had waited says little about a target that is the only one.
        let alone = self.tried.is_empty() && self.is_alone();
        if !(reused && alone) {
            self.tried.push(address);
        }
        *last = Some(error);
        Ok(again)
    }

    /// The request once more when its response's status counts as a failure and there is a way to try again.
    pub(crate) fn after_status(&mut self, status: StatusCode, address: SocketAddr) -> Option<(Parts, RequestBody)> {
        let group = self.route.group.as_ref()?;
        if !group.settings().retry.statuses.contains(&status.as_u16()) || self.is_alone() {
            return None;
        }
        let head = self.replay.clone()?;
        if !self.pay() {
            return None;
        }
        self.tried.push(address);
        Some((head, RequestBody::Empty))
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
