//! How a new connection to a target comes about: socket, announcement, TLS, and which HTTP it then speaks.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use equipoise_stream::{DialError, Stream};
use equipoise_target::Endpoint;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::TargetVersion;
use crate::body::RequestBody;
use crate::downstream::connection::BUFFER;
use crate::error::ForwardError;
use crate::record::Record;
use crate::send::timeouts;
use crate::tunnel::Switched;
use crate::upstream::multiplex::{self, Connection};
use crate::upstream::pool::{Link, Pool};
use crate::upstream::target_io::TargetIo;
use crate::upstream::transport::{HTTP1, HTTP2};
use crate::upstream::{Terms, Upstream};
use crate::worker::Worker;
use crate::worker::local::Route;

/// Most bytes of a response's head.
const HEAD_LIMIT: usize = 64 << 10;

/// A new connection.
pub(crate) enum Opened {
    /// HTTP/1.1: it is for the request that asked for it.
    Line(Link),
    /// HTTP/2: it is for everybody.
    Stream(Connection),
}

/// Connects to the pool's target within the group's time-out.
pub(crate) async fn connect(
    record: &Record,
    route: &Rc<Route>,
    pool: &Rc<Pool>,
    terms: &Terms,
) -> Result<Opened, ForwardError> {
    let address = pool.address();
    let opening = async {
        if pool.transport().is_bare() {
            let stream = Stream::connect(address).await?;
            return line(record.worker(), stream, address).await.map(Fresh::Line);
        }
        // Boxed, so that it is not the size of every request.
        Box::pin(dressed(record, pool, terms.owner)).await
    };
    let opened = within(route, address, terms, opening).await;
    if opened.is_err() {
        record.front().attempts(route).connect_failures.increment();
    }
    Ok(match opened? {
        Fresh::Line((sender, upstream)) => {
            upstream.begin(route, &Terms { now: Instant::now(), ..*terms });
            Opened::Line(Link::line(sender, upstream, Rc::clone(pool), terms.owner))
        }
        Fresh::Stream(connection) => Opened::Stream(connection),
    })
}

/// A connection of HTTP/1.1 to a target that may speak HTTP/2 as well, for a request that may change its protocol.
pub(crate) async fn aside(
    record: &Record,
    route: &Rc<Route>,
    pool: &Rc<Pool>,
    terms: &Terms,
) -> Result<Link, ForwardError> {
    let (transport, address) = (pool.transport(), pool.address());
    let opening = async {
        let ends = record.client().ends().filter(|_| transport.announces());
        let stream = transport.dial.speaking(HTTP1).connect(address, ends).await?;
        line(record.worker(), stream, address).await
    };
    let opened = within(route, address, terms, opening).await;
    if opened.is_err() {
        record.front().attempts(route).connect_failures.increment();
    }
    let (sender, upstream) = opened?;
    upstream.begin(route, &Terms { now: Instant::now(), ..*terms });
    Ok(Link::line(sender, upstream, Rc::clone(pool), terms.owner))
}

/// Waits for the connection that another request is opening.
pub(crate) async fn wait(route: &Rc<Route>, pool: &Rc<Pool>, terms: &Terms) -> Result<(), ForwardError> {
    within(route, pool.address(), terms, pool.opened()).await
}

/// `opening`, as long as the group lets a connection take.
async fn within<T>(
    route: &Rc<Route>,
    address: Endpoint,
    terms: &Terms,
    opening: impl Future<Output = Result<T, DialError>>,
) -> Result<T, ForwardError> {
    let limit = terms.connect_limit(timeouts(route).connect);
    match tokio::time::timeout(limit, opening).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(DialError::Handshake { source })) => Err(ForwardError::Handshake { address, source }),
        Ok(Err(DialError::Connect { source })) => Err(ForwardError::Connect { address, source }),
        Ok(Err(other)) => Err(ForwardError::Connect { address, source: io::Error::other(other) }),
        Err(_) => Err(ForwardError::ConnectTimeout { address, limit }),
    }
}

type Sender = http1::SendRequest<RequestBody>;

enum Fresh {
    Line((Sender, Rc<Upstream>)),
    Stream(Connection),
}

/// A connection that is more than a socket, or speaks HTTP/2.
async fn dressed(record: &Record, pool: &Pool, owner: u64) -> Result<Fresh, DialError> {
    let (transport, address, worker) = (pool.transport(), pool.address(), record.worker());
    let ends = record.client().ends().filter(|_| transport.announces());
    let stream = transport.dial.connect(address, ends).await?;
    let chosen = stream.tls().is_some_and(|facts| facts.alpn.as_deref() == Some(HTTP2));
    match transport.version {
        TargetVersion::Http2 if transport.is_tls() && !chosen => Err(no_http2().into()),
        TargetVersion::Negotiated if !chosen => line(worker, stream, address).await.map(Fresh::Line),
        TargetVersion::Http1 => line(worker, stream, address).await.map(Fresh::Line),
        _ => Ok(multiplex::open(worker, stream, address, owner).await.map(Fresh::Stream)?),
    }
}

fn no_http2() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the target did not agree to HTTP/2")
}

/// HTTP/1.1 on `stream`, driven by a task of its own: that saves each request a turn of its own task.
async fn line(worker: &Rc<Worker>, stream: Stream, address: Endpoint) -> Result<(Sender, Rc<Upstream>), DialError> {
    let mut builder = http1::Builder::new();
    builder.max_header_size(HEAD_LIMIT).max_buf_size(BUFFER);
    let upstream = worker.upstreams.join(|key| Upstream::new(key, address));
    let leaving = Leaving { worker: Rc::clone(worker), key: upstream.key };
    let io = TokioIo::new(TargetIo::new(stream, Rc::clone(&upstream)));
    let (sender, connection) = builder.handshake(io).await.map_err(io::Error::other)?;
    let driven = Rc::clone(&upstream);
    let task = tokio::task::spawn_local(async move {
        let _leaving = leaving;
        if let Err(error) = drive(connection, &driven).await {
            tracing::debug!(%error, %address, "a connection to a target ended in an error");
        }
    });
    upstream.driven_by(task.abort_handle());
    Ok((sender, upstream))
}

/// Runs a connection until HTTP is over on it, and hands its socket over if it goes on as something else.
async fn drive(mut connection: LineConnection, upstream: &Upstream) -> hyper::Result<()> {
    (&mut connection).await?;
    if let Some(heir) = upstream.heir() {
        let parts = connection.into_parts();
        let (stream, first) = parts.io.into_inner().into_parts(parts.read_buf);
        let _ = heir.send(Switched { stream: Box::new(stream), first }); // who asked may be gone
    }
    Ok(())
}

type LineConnection = http1::Connection<TokioIo<TargetIo>, RequestBody>;

/// Takes a connection out of the worker's when its task ends, whichever way.
struct Leaving {
    worker: Rc<Worker>,
    key: u64,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.worker.upstreams.leave(self.key);
    }
}
