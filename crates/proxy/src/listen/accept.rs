//! accept: connections come in, if they may.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use equipoise_stream::{Ends, Stream};
use equipoise_target::Endpoint;
use tokio::sync::oneshot;

use crate::downstream::connection;
use crate::downstream::peer::Peer;
use crate::l4;
use crate::listen::acceptor::Acceptor;
use crate::listen::greeting::{self, Expected};
use crate::listen::seat::{Full, Seat};
use crate::worker::Worker;
use crate::worker::local::Front;

/// First pause after an error that will not go away by itself (no descriptors, no memory), doubled up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// Connections that are still taken from a socket that is about to be closed: as many as can have waited there.
const REST: usize = 65_535;

/// Most that is read of what a client above the limit has said already.
const UNREAD: usize = 4096;

/// What a client above the limit gets. It has not said anything yet, and is not asked to.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A client's connection that has a place.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    /// What was read from it already, and comes before the rest.
    pub(crate) first: BytesMut,
    /// Who is at its other end, or who a load balancer says is.
    pub(crate) peer: Peer,
    /// The ends of the client's connection, if a load balancer names them.
    pub(crate) ends: Option<Ends>,
    pub(crate) seat: Seat,
}

/// Takes connections until `retired` brings the last view of the listener, then takes those that wait, and ends.
pub(crate) async fn accept(
    worker: Rc<Worker>,
    bind: Endpoint,
    listener: Acceptor,
    mut retired: oneshot::Receiver<Rc<Front>>,
) {
    let _listening = Listening::new(&worker);
    let mut pause = PAUSE;
    let last = loop {
        let accepted = tokio::select! {
            biased;
            last = &mut retired => break last,
            accepted = listener.accept() => accepted,
        };
        // Looked up for each connection: a view that is kept while nobody comes keeps its generation, plugins and all.
        let front = worker.local.borrow().fronts.get(&bind).cloned();
        match (accepted, &front) {
            (Ok((stream, peer)), Some(front)) => {
                pause = PAUSE;
                admit(&worker, front, stream, peer);
            }
            (Err(error), Some(front)) if is_shortage(&error) => {
                front.fault("accept-shortage");
                tracing::warn!(%error, %bind, "cannot accept connections");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            // The client was gone before it was accepted.
            _ => {}
        }
    };
    // Without one, the worker itself has ended.
    if let Ok(front) = last {
        listener.rest(REST, |stream, peer| admit(&worker, &front, stream, peer));
    }
}

fn admit(worker: &Rc<Worker>, front: &Rc<Front>, stream: Stream, peer: Peer) {
    let listener = front.listener();
    let expected = greeting::expected(listener, peer);
    if expected == Expected::Nothing {
        return front.fault("not-a-proxy");
    }
    // Of whom a load balancer speaks is not known yet.
    if expected == Expected::Client && !permits(front, peer) {
        return;
    }
    let seat = match Seat::take(front.place(), listener.limits.connections) {
        Ok(seat) => seat,
        Err(full) => return refuse(front, stream, full),
    };
    let accepted = Accepted { stream, first: BytesMut::new(), peer, ends: None, seat };
    match expected {
        Expected::Header => {
            tokio::task::spawn_local(greeting::read(Rc::clone(worker), Rc::clone(front), accepted));
        }
        _ => begin(worker, front, accepted),
    }
}

/// Lets in whom a load balancer has named.
pub(crate) fn enter(worker: &Rc<Worker>, front: &Rc<Front>, accepted: Accepted) {
    if permits(front, accepted.peer) {
        begin(worker, front, accepted);
    }
}

/// Serves a connection of somebody who may connect.
fn begin(worker: &Rc<Worker>, front: &Rc<Front>, mut accepted: Accepted) {
    if let (Some(limit), Some(source)) = (front.listener().limits.connections_per_source, accepted.peer.ip()) {
        accepted.seat = match accepted.seat.of_source(front.place(), source, limit) {
            Ok(seat) => seat,
            Err(full) => return refuse(front, accepted.stream, full),
        };
    }
    front.stats.accepted.increment();
    let (worker, front) = (Rc::clone(worker), Rc::clone(front));
    if front.speaks_http() {
        tokio::task::spawn_local(connection::run(worker, front, accepted));
    } else {
        tokio::task::spawn_local(l4::run(worker, front, accepted));
    }
}

/// Whether the listener lets `peer` in. Who connects to a Unix socket has no address: the permissions of its file decide.
fn permits(front: &Front, peer: Peer) -> bool {
    let permitted = peer.ip().is_none_or(|ip| front.listener().access.permits(ip));
    if !permitted {
        front.fault("access-denied");
    }
    permitted
}

fn refuse(front: &Front, mut stream: Stream, full: Full) {
    front.fault(full.reason());
    if front.speaks_http() && front.listener().protocol.tls().is_none() {
        // A socket that is closed with something unread in it resets the connection, and the answer with it.
        let _ = stream.try_read_buf(&mut BytesMut::with_capacity(UNREAD));
        // The socket's buffer is empty, so this goes out at once or not at all.
        let _ = stream.try_write(FULL);
    }
}

fn is_shortage(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Counts what still may bring clients in, while it does.
pub(crate) struct Listening(Rc<Worker>);

impl Listening {
    pub(crate) fn new(worker: &Rc<Worker>) -> Self {
        worker.listening.set(worker.listening.get() + 1);
        Self(Rc::clone(worker))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listening.set(self.0.listening.get() - 1);
        self.0.left.notify_waiters();
    }
}
