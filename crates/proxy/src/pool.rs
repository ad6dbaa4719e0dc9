//! Connections to one target that wait for their next request.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use equipoise_target::Endpoint;
use hyper::client::conn::http1::SendRequest;

use crate::body::RequestBody;
use crate::local::Route;
use crate::upstream::{Terms, Upstream};

/// One worker's connections to one target. They survive a reload: the address is their identity.
#[derive(Debug)]
pub(crate) struct Pool {
    address: Endpoint,
    /// The one that was used last is at the back, and is the next to be used: the others can grow old.
    idle: RefCell<VecDeque<Idle>>,
    /// Whether the target is in a group; connections to one that is not are closed after their request.
    kept: Cell<bool>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestBody>,
    upstream: Rc<Upstream>,
    /// When it must be closed, unless it is used before.
    until: Instant,
}

impl Pool {
    pub(crate) fn new(address: Endpoint) -> Self {
        Self { address, idle: RefCell::default(), kept: Cell::new(true) }
    }

    pub(crate) fn address(&self) -> Endpoint {
        self.address
    }

    /// Notes whether the target is in a group. Whether the pool is worth keeping.
    pub(crate) fn keep(&self, kept: bool) -> bool {
        self.kept.set(kept);
        if !kept {
            self.idle.borrow_mut().clear();
        }
        kept
    }

    /// Closes what has waited too long. Whether the pool is worth keeping.
    pub(crate) fn sweep(&self, now: Instant) -> bool {
        let mut idle = self.idle.borrow_mut();
        // Groups may differ in how long they let a connection wait, so age is not quite the order of the queue.
        idle.retain(|idle| idle.until > now && !idle.sender.is_closed());
        self.kept.get() || !idle.is_empty()
    }

    /// A connection that is ready for a request, `terms` of which have begun on it.
    pub(crate) async fn take(self: &Rc<Self>, route: &Rc<Route>, terms: &Terms) -> Option<Link> {
        loop {
            let Idle { sender, upstream, .. } = self.idle.borrow_mut().pop_back()?;
            if sender.is_closed() {
                continue;
            }
            upstream.begin(route, terms);
            let mut link = Link::new(sender, upstream, Rc::clone(self));
            if link.is_ready().await {
                return Some(link);
            }
        }
    }
}

/// A connection to a target in the hands of one request. Dropped before [`Link::release`], it is closed: nobody knows
/// what is still to come on it.
#[derive(Debug)]
pub(crate) struct Link {
    sender: SendRequest<RequestBody>,
    busy: Busy,
    pool: Rc<Pool>,
}

impl Link {
    pub(crate) fn new(sender: SendRequest<RequestBody>, upstream: Rc<Upstream>, pool: Rc<Pool>) -> Self {
        Self { sender, busy: Busy { upstream, done: false }, pool }
    }

    pub(crate) fn sender(&mut self) -> &mut SendRequest<RequestBody> {
        &mut self.sender
    }

    pub(crate) fn upstream(&self) -> &Rc<Upstream> {
        &self.busy.upstream
    }

    /// A connection that was used is ready when its own task has seen the end of the message, which may be a moment
    /// later than the request has.
    async fn is_ready(&mut self) -> bool {
        self.sender.is_ready() || self.sender.ready().await.is_ok()
    }

    /// Gives the connection back for the next request, if nothing of this one is still under way.
    pub(crate) fn release(self, now: Instant) {
        let Self { sender, mut busy, pool } = self;
        let upstream = &busy.upstream;
        let whole = upstream.sent_all.get() && upstream.verdict.get().is_none();
        let Some(settings) = upstream.pool_settings() else { return };
        let mut idle = pool.idle.borrow_mut();
        if whole && pool.kept.get() && idle.len() < settings.max_idle && !sender.is_closed() {
            busy.done = true;
            upstream.end();
            idle.push_back(Idle { sender, upstream: Rc::clone(upstream), until: now + settings.idle_timeout });
        }
    }
}

/// Closes the connection when the request did not get so far that it may be used again.
#[derive(Debug)]
struct Busy {
    upstream: Rc<Upstream>,
    done: bool,
}

impl Drop for Busy {
    fn drop(&mut self) {
        if !self.done {
            self.upstream.end();
            self.upstream.abort();
        }
    }
}
