//! Connections to one target that wait for their next request, or take several at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use equipoise_stream::DialError;
use equipoise_target::Endpoint;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::Notify;

use crate::body::RequestBody;
use crate::error::ForwardError;
use crate::upstream::multiplex::{Connection, Lane, Slot};
use crate::upstream::{Terms, Upstream};
use crate::worker::local::Route;
use crate::{TargetVersion, Transport};

/// One worker's connections to one target by one transport. They survive a reload: address and transport are their
/// identity.
#[derive(Debug)]
pub(crate) struct Pool {
    address: Endpoint,
    transport: Rc<Transport>,
    /// Connections of HTTP/1.1. The one that was used last is at the back, and is the next to be used: the others can
    /// grow old.
    idle: RefCell<VecDeque<Idle>>,
    /// Connections of HTTP/2, busy and idle.
    streams: RefCell<Vec<Rc<Connection>>>,
    /// Whether the target speaks HTTP/2, as far as is known.
    multiplexes: Cell<bool>,
    opening: Opening,
    /// Whether the target is in a group; connections to one that is not are closed after their request.
    kept: Cell<bool>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestBody>,
    upstream: Rc<Upstream>,
    /// Which client it was announced for; 0 for all.
    owner: u64,
    /// When it must be closed, unless it is used before.
    until: Instant,
}

/// The one connection that is being opened for all requests that would share it.
#[derive(Debug, Default)]
struct Opening {
    under_way: Cell<bool>,
    over: Notify,
    failures: Cell<u64>,
    last: Cell<Option<io::ErrorKind>>,
}

impl Pool {
    pub(crate) fn new(address: Endpoint, transport: Rc<Transport>) -> Self {
        Self {
            address,
            multiplexes: Cell::new(transport.may_multiplex()),
            transport,
            idle: RefCell::default(),
            streams: RefCell::default(),
            opening: Opening::default(),
            kept: Cell::new(true),
        }
    }

    pub(crate) fn address(&self) -> Endpoint {
        self.address
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Notes whether the target is in a group. Whether the pool is worth keeping.
    pub(crate) fn keep(&self, kept: bool) -> bool {
        self.kept.set(kept);
        if !kept {
            self.idle.borrow_mut().clear();
            self.streams.borrow_mut().clear();
        }
        kept
    }

    /// Closes what has waited too long. Whether the pool is worth keeping.
    pub(crate) fn sweep(&self, now: Instant) -> bool {
        let mut idle = self.idle.borrow_mut();
        // Groups may differ in how long they let a connection wait, so age is not quite the order of the queue.
        idle.retain(|idle| idle.until > now && !idle.sender.is_closed());
        self.streams.borrow_mut().retain(|connection| connection.is_alive() && !connection.is_overdue(now));
        self.kept.get() || !idle.is_empty()
    }

    /// A connection that is ready for a request, `terms` of which have begun on it.
    pub(crate) async fn take(self: &Rc<Self>, route: &Rc<Route>, terms: &Terms) -> Option<Link> {
        loop {
            let Idle { sender, upstream, owner, .. } = self.next(terms.owner)?;
            if sender.is_closed() {
                continue;
            }
            upstream.begin(route, terms);
            let mut link = Link::line(sender, upstream, Rc::clone(self), owner);
            if link.is_ready().await {
                return Some(link);
            }
        }
    }

    fn next(&self, owner: u64) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        if idle.back()?.owner == owner {
            return idle.pop_back();
        }
        let position = idle.iter().rposition(|idle| idle.owner == owner)?;
        idle.remove(position)
    }
}

fn idle_timeout(route: &Route) -> Duration {
    route.group.as_ref().map_or(Duration::ZERO, |group| group.settings().pool.idle_timeout)
}

/// What HTTP/2 asks of a pool.
impl Pool {
    /// Whether requests go over HTTP/2, as far as is known.
    pub(crate) fn is_multiplexing(&self) -> bool {
        self.multiplexes.get()
    }

    /// Notes what the target chose.
    pub(crate) fn multiplexes(&self, multiplexes: bool) {
        // A target that was said to speak HTTP/2 speaks nothing else.
        self.multiplexes.set(multiplexes || self.transport.version == TargetVersion::Http2);
    }

    /// Room for a request on one of the connections.
    pub(crate) fn slot(&self, route: &Route, owner: u64) -> Option<Slot> {
        let streams = self.streams.borrow();
        let mut own = streams.iter().filter(|connection| connection.owner == owner);
        own.find_map(|connection| connection.slot(idle_timeout(route)))
    }

    /// Takes a new connection in, unless the target is in no group any more. Room on it for the request that opened it.
    pub(crate) fn add(&self, connection: Connection, route: &Route) -> Option<Slot> {
        self.multiplexes(true);
        let connection = Rc::new(connection);
        let slot = connection.slot(idle_timeout(route));
        if self.kept.get() {
            self.streams.borrow_mut().push(connection);
        }
        slot
    }

    /// The right to open a connection for all that wait; `None` while somebody has it.
    pub(crate) fn turn(self: &Rc<Self>) -> Option<Turn> {
        let free = !self.opening.under_way.replace(true);
        free.then(|| Turn(Rc::clone(self)))
    }

    /// Waits until whoever has the right to open a connection has done so, or failed.
    pub(crate) async fn opened(&self) -> Result<(), DialError> {
        let failures = self.opening.failures.get();
        self.opening.over.notified().await;
        match self.opening.last.get() {
            Some(kind) if self.opening.failures.get() != failures => Err(io::Error::from(kind).into()),
            _ => Ok(()),
        }
    }
}

/// The right to open a connection. Others wait for its end.
#[derive(Debug)]
pub(crate) struct Turn(Rc<Pool>);

impl Turn {
    /// It came to nothing, and will not come to more for those who wait.
    pub(crate) fn failed(self, error: &ForwardError) {
        let opening = &self.0.opening;
        opening.failures.set(opening.failures.get() + 1);
        opening.last.set(Some(match error {
            ForwardError::Connect { source, .. } => source.kind(),
            ForwardError::Handshake { .. } => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::TimedOut,
        }));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.opening.under_way.set(false);
        self.0.opening.over.notify_waiters();
    }
}

/// A connection to a target, or a stream on one, in the hands of one request. Dropped before [`Link::release`], it is
/// closed: nobody knows what is still to come on it.
#[derive(Debug)]
pub(crate) struct Link {
    // Dropped in this order: a stream is reset before its place is given to another.
    busy: Busy,
    way: Way,
    pool: Rc<Pool>,
}

#[derive(Debug)]
enum Way {
    Line { sender: SendRequest<RequestBody>, owner: u64 },
    Stream(Lane),
}

impl Link {
    /// A connection of HTTP/1.1, which is the request's own.
    pub(crate) fn line(sender: SendRequest<RequestBody>, upstream: Rc<Upstream>, pool: Rc<Pool>, owner: u64) -> Self {
        Self { way: Way::Line { sender, owner }, busy: Busy { upstream, done: false }, pool }
    }

    /// A place on a connection of HTTP/2.
    pub(crate) fn stream(lane: Lane, upstream: Rc<Upstream>, pool: Rc<Pool>) -> Self {
        Self { way: Way::Stream(lane), busy: Busy { upstream, done: false }, pool }
    }

    /// What a request is sent by, on a connection of HTTP/1.1.
    pub(crate) fn sender(&mut self) -> Option<&mut SendRequest<RequestBody>> {
        match &mut self.way {
            Way::Line { sender, .. } => Some(sender),
            Way::Stream(_) => None,
        }
    }

    pub(crate) fn upstream(&self) -> &Rc<Upstream> {
        &self.busy.upstream
    }

    /// A connection that was used is ready when its own task has seen the end of the message, which may be a moment
    /// later than the request has.
    async fn is_ready(&mut self) -> bool {
        match self.sender() {
            Some(sender) => sender.is_ready() || sender.ready().await.is_ok(),
            None => true,
        }
    }

    /// HTTP is over on the connection: it is left to whoever took over its socket. A stream keeps its place until the drop
    /// of what is given back, which resets it if it has not ended.
    pub(crate) fn dissolve(mut self) -> Option<Self> {
        self.busy.upstream.end();
        self.busy.done = matches!(self.way, Way::Line { .. });
        matches!(self.way, Way::Stream(_)).then_some(self)
    }

    /// Gives the connection back for the next request, if nothing of this one is still under way.
    pub(crate) fn release(self, now: Instant) {
        let Self { mut busy, way, pool } = self;
        let upstream = &busy.upstream;
        let whole = upstream.sent_all.get() && !upstream.deaf.get() && upstream.verdict.get().is_none();
        let Some(settings) = upstream.pool_settings().filter(|_| whole) else { return };
        match way {
            Way::Line { sender, owner } => {
                let mut idle = pool.idle.borrow_mut();
                if pool.kept.get() && idle.len() < settings.max_idle && !sender.is_closed() {
                    busy.done = true;
                    upstream.end();
                    let upstream = Rc::clone(upstream);
                    idle.push_back(Idle { sender, upstream, owner, until: now + settings.idle_timeout });
                }
            }
            // Its place is free for another as soon as it is dropped.
            Way::Stream(_lane) => {
                busy.done = true;
                upstream.end();
            }
        }
    }
}

/// Closes the connection, or resets the stream, when the request did not get so far that it may be used again.
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
