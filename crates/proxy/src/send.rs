//! send: one attempt, on one connection to one target.

use equipoise_stream::Stream;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use equipoise_target::Endpoint;
use http::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::body::RequestBody;
use crate::connection::BUFFER;
use crate::error::ForwardError;
use crate::group::GroupTimeouts;
use crate::local::Route;
use crate::outgoing::Outgoing;
use crate::policy;
use crate::policy::BadResponse;
use crate::pool::{Link, Pool};
use crate::record::Record;
use crate::target_io::TargetIo;
use crate::upstream::{Terms, Upstream, Verdict};
use crate::worker::Worker;

/// Most bytes of a response's head.
const HEAD_LIMIT: usize = 64 << 10;

/// A target's answer, as far as it has come, and the connection that the rest comes on.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) link: Link,
}

/// An attempt that came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ForwardError,
    /// Whether nothing of the request has left; then it is where it was.
    pub(crate) unsent: bool,
    /// Whether the connection had carried a request before, so that its end need not speak against the target.
    pub(crate) reused: bool,
}

/// Sends the request to the target at `address` and waits for the response's head.
///
/// A connection that the target closed while it waited in the pool is found out only by using it. As long as nothing of
/// the request has left, that is no failed attempt: the next connection is taken, at last a new one.
pub(crate) async fn send(
    record: &mut Record,
    route: &Rc<Route>,
    address: Endpoint,
    request: &mut Outgoing,
    terms: &Terms,
) -> Result<Answer, Failed> {
    let pool = record.worker().pool(address);
    loop {
        let (mut link, reused) = match pool.take(route, terms).await {
            Some(link) => (link, true),
            None => match connect(record, route, &pool, terms).await {
                Ok(link) => (link, false),
                Err(error) => return Err(Failed { error, unsent: true, reused: false }),
            },
        };
        if terms.has_body {
            request.body.attach(link.upstream());
            record.carried_by(link.upstream());
        }
        let mut error = match link.sender().try_send_request(request.take()).await {
            Ok(response) => return check(response, link, reused),
            Err(error) => error,
        };
        let unsent = error.take_message().map(|message| request.put_back(message)).is_some();
        if !(unsent && reused && link.upstream().verdict.get().is_none()) {
            let error = explain(link.upstream(), error.into_error(), route);
            return Err(Failed { error, unsent, reused });
        }
    }
}

fn check(response: Response<Incoming>, link: Link, reused: bool) -> Result<Answer, Failed> {
    let (mut head, body) = response.into_parts();
    match policy::clean(&mut head) {
        Ok(()) => {
            link.upstream().passed_on();
            Ok(Answer { response: Response::from_parts(head, body), link })
        }
        Err(source) => {
            let error = ForwardError::BadResponse { address: link.upstream().address, source };
            Err(Failed { error, unsent: false, reused })
        }
    }
}

/// What went wrong: what we did to the connection ourselves, or else what hyper saw on it.
fn explain(upstream: &Upstream, source: hyper::Error, route: &Route) -> ForwardError {
    let address = upstream.address;
    match upstream.verdict.get() {
        // The last two belong to bodies of responses, and there is none yet.
        Some(Verdict::FirstByte | Verdict::Idle | Verdict::Unread) => {
            ForwardError::FirstByte { address, limit: timeouts(route).first_byte }
        }
        Some(Verdict::Total) => ForwardError::Total { address },
        Some(Verdict::Upload) => ForwardError::Upload,
        Some(Verdict::BrokenUpload) => ForwardError::BrokenUpload,
        Some(Verdict::Flood) => ForwardError::BadResponse { address, source: BadResponse::TooMuchBefore },
        Some(Verdict::Cut) => ForwardError::Cut { address },
        None if source.is_parse() => ForwardError::Garbage { address, source },
        None => ForwardError::Closed { address, source },
    }
}

fn timeouts(route: &Route) -> GroupTimeouts {
    // Only requests that a group got are sent anywhere.
    route.group.as_ref().map(|group| group.settings().timeouts).unwrap_or_default()
}

async fn connect(record: &Record, route: &Rc<Route>, pool: &Rc<Pool>, terms: &Terms) -> Result<Link, ForwardError> {
    let address = pool.address();
    let limit = timeouts(route).connect;
    let limit = terms.deadline.map_or(limit, |deadline| limit.min(deadline.saturating_duration_since(terms.now)));
    let result = match tokio::time::timeout(limit, open(record.worker(), address)).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(source)) => Err(ForwardError::Connect { address, source }),
        Err(_) => Err(ForwardError::ConnectTimeout { address, limit }),
    };
    if result.is_err() {
        record.front().attempts(route).connect_failures.increment();
    }
    let (sender, upstream) = result?;
    upstream.begin(route, &Terms { now: Instant::now(), ..*terms });
    Ok(Link::new(sender, upstream, Rc::clone(pool)))
}

/// Opens a connection, driven by a task of its own: that saves each request a turn of its own task.
async fn open(worker: &Rc<Worker>, address: Endpoint) -> io::Result<(Sender, Rc<Upstream>)> {
    let stream = Stream::connect(address).await?;
    let mut builder = http1::Builder::new();
    builder.max_header_size(HEAD_LIMIT).max_buf_size(BUFFER);
    let upstream = worker.upstreams.join(|key| Upstream::new(key, address));
    let leaving = Leaving { worker: Rc::clone(worker), key: upstream.key };
    let io = TokioIo::new(TargetIo::new(stream, Rc::clone(&upstream)));
    let (sender, connection) = builder.handshake(io).await.map_err(io::Error::other)?;
    let task = tokio::task::spawn_local(async move {
        let _leaving = leaving;
        if let Err(error) = connection.await {
            tracing::debug!(%error, %address, "a connection to a target ended in an error");
        }
    });
    upstream.driven_by(task.abort_handle());
    Ok((sender, upstream))
}

type Sender = http1::SendRequest<RequestBody>;

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
