//! One client's connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use equipoise_stream::{Ends, Stream};
use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt as _;

use crate::body::ResponseBody;
use crate::downstream::handshake::{is_http2, shake_hands};
use crate::downstream::io::ClientIo;
use crate::downstream::linger::linger;
use crate::downstream::peer::Peer;
use crate::downstream::refused;
use crate::downstream::{Downstream, Order};
use crate::listen::accept::Accepted;
use crate::listen::seat::Seat;
use crate::serve::serve;
use crate::stats::ListenerStats;
use crate::tunnel::Ready;
use crate::worker::Worker;
use crate::worker::local::Front;

/// What an HTTP/2 client says first when it knows beforehand that it will be understood (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Room for the first read: most requests fit, and what is read here is copied once more.
const FIRST_READ: usize = 2048;

/// Bytes that hyper may hold of one HTTP/1 connection in each direction, if no head may be longer. Its own choice is 408 KiB,
/// and then each of many clients that read slowly holds more than a mebibyte; half of this costs a response of 64 KiB one
/// more read and write, a fifth of its price.
pub(crate) const BUFFER: usize = 128 << 10;

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;
/// Bytes of one HTTP/2 stream that may wait here.
const STREAM_WINDOW: u32 = 64 << 10;
/// Bytes of all streams of one connection that may wait here.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Streams that a client may reset before they are served: what CVE-2023-44487 is bounded by.
const RESETS: usize = 20;
/// How long an HTTP/2 client may leave a ping without an answer, and how often it is sent one.
const PING: Duration = Duration::from_secs(20);

/// Serves a connection until it ends.
pub(crate) async fn run(worker: Rc<Worker>, front: Rc<Front>, accepted: Accepted) {
    let Accepted { mut stream, mut first, peer, ends, seat } = accepted;
    let here = Here::new(worker, &front, peer, seat);
    if front.announces() {
        let seen = |stream: &Stream| if let Stream::Tcp(tcp) = stream { Ends::of(tcp) } else { None };
        here.client.ends.set(ends.or_else(|| seen(&stream)));
    }
    // From here on the client's own view counts, which moves on with each generation.
    let tls = front.listener().protocol.tls().cloned();
    drop(front);
    if let Some(tls) = tls {
        // Boxed, so that it is not the size of every connection without TLS.
        let shaking = Box::pin(shake_hands(&here.worker, &here.client, tls, stream, std::mem::take(&mut first)));
        let Some(secure) = here.obeying(shaking).await.flatten() else { return };
        stream = secure;
        if is_http2(&stream) {
            return here.serve_http2(stream, BytesMut::new()).await;
        }
    }
    let Some((first, http2)) = here.obeying(first_bytes(&mut stream, first)).await.flatten() else { return };
    // Inside TLS, HTTP/2 is spoken by agreement only (RFC 9113 section 3.2).
    let http2 = http2 && stream.tls().is_none();
    here.client.received(|| here.worker.clock.tick());
    if http2 { here.serve_http2(stream, first).await } else { here.serve_http1(stream, first).await }
}

/// The socket and what was read from it. All else goes now: an empty view of a buffer would hold all of it while the
/// socket waits.
fn take_apart<S>(parts: http1::Parts<TokioIo<ClientIo>, S>) -> (Stream, BytesMut) {
    let (stream, rest) = parts.io.into_inner().into_parts();
    // A copy: what is nearly always empty would keep its buffer.
    let mut first = BytesMut::new();
    first.extend_from_slice(&parts.read_buf);
    first.extend_from_slice(&rest);
    (stream, first)
}

fn http1_builder(front: &Front) -> http1::Builder {
    let limits = &front.listener().limits;
    let mut builder = http1::Builder::new();
    // Heads have their time-out in the sweep. A client that closes its side while it waits has given up.
    builder.header_read_timeout(None).half_close(false).max_header_size(limits.head_bytes);
    builder.max_buf_size(limits.head_bytes.max(BUFFER));
    if limits.fields > DEFAULT_FIELDS {
        builder.max_headers(limits.fields);
    }
    builder
}

/// hyper's own limit, for which alone it needs no allocation. A lower one is the policy's business.
const DEFAULT_FIELDS: usize = 100;

fn http2_builder(front: &Front, worker: &Rc<Worker>) -> http2::Builder<OnThisThread> {
    let limits = &front.listener().limits;
    let mut builder = http2::Builder::new(OnThisThread(Rc::clone(worker)));
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS)
        .enable_connect_protocol()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(STREAM_WINDOW as usize)
        .max_pending_accept_reset_streams(RESETS)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    builder
}

/// Reads until it is clear which protocol is spoken, beginning with what was read before. `None` when the client left.
async fn first_bytes(stream: &mut Stream, mut first: BytesMut) -> Option<(BytesMut, bool)> {
    loop {
        let common = first.len().min(PREFACE.len());
        if first[..common] != PREFACE[..common] {
            return Some((first, false));
        }
        if common == PREFACE.len() {
            return Some((first, true));
        }
        stream.readable().await.ok()?;
        first.reserve(FIRST_READ);
        // Not `try_read_buf`: after that tokio would have to ask the kernel once more whether there is nothing left.
        if stream.read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
    }
}

/// A connection's place among the worker's; its drop is the connection's end.
struct Here {
    worker: Rc<Worker>,
    client: Rc<Downstream>,
    stats: Rc<ListenerStats>,
    _seat: Seat,
}

impl Here {
    fn new(worker: Rc<Worker>, front: &Rc<Front>, peer: Peer, seat: Seat) -> Self {
        let bind = front.listener().bind;
        let now = worker.clock.tick();
        let client = worker.downstreams.join(|key| Downstream::new(key, bind, peer, front, now));
        // Its listener may have left while it waited to be accepted.
        if let Some(deadline) = worker.draining.get() {
            client.retire(deadline);
        } else if !worker.local.borrow().fronts.contains_key(&bind) {
            client.retire(std::time::Instant::now() + front.generation().drain_timeout);
        }
        front.stats.active.increment();
        Self { worker, client, stats: Rc::clone(&front.stats), _seat: seat }
    }

    /// `future`, unless the connection is to end.
    async fn obeying<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| match self.client.order(cx) {
            Order::Serve | Order::Park => future.as_mut().poll(cx).map(Some),
            Order::Finish | Order::Cut => Poll::Ready(None),
        })
        .await
    }

    /// `future`, unless the connection is cut.
    async fn until_cut<F: Future + Unpin>(&self, mut future: F) -> Option<F::Output> {
        poll_fn(|cx| match self.client.order(cx) {
            Order::Cut => Poll::Ready(None),
            Order::Serve | Order::Park | Order::Finish => Pin::new(&mut future).poll(cx).map(Some),
        })
        .await
    }

    async fn serve_http1(&self, mut stream: Stream, mut first: BytesMut) {
        self.client.guard.borrow_mut().look_first(&mut first);
        loop {
            let builder = http1_builder(&self.client.front());
            let mut connection = builder.serve_connection(self.io(stream, first), self.service());
            match self.drive(Pin::new(&mut connection), http1::Connection::graceful_shutdown).await {
                Driven::Parked => {}
                Driven::Broken => return self.leave(connection.into_parts()).await,
                Driven::Ended => {
                    let parts = connection.into_parts();
                    return match self.client.take_tunnel() {
                        // Boxed, so that it is not the size of every connection.
                        Some(tunnel) => Box::pin(self.go_on(tunnel, parts)).await,
                        None => self.leave(parts).await,
                    };
                }
            }
            // Idle for long: the buffers go, the socket waits.
            (stream, first) = take_apart(connection.into_parts());
            if !first.is_empty() {
                // The beginning of a head that came with the request before.
                self.client.received(|| self.worker.clock.tick());
            } else if !matches!(self.obeying(stream.readable()).await, Some(Ok(()))) {
                return;
            }
            self.client.unpark();
        }
    }

    /// Goes on as a tunnel, unless what came after the request that asked for it was bad HTTP.
    async fn go_on<S>(&self, tunnel: Box<Ready>, parts: http1::Parts<TokioIo<ClientIo>, S>) {
        if self.client.guard.borrow().has_refused() {
            return self.leave(parts).await;
        }
        let (stream, first) = take_apart(parts);
        self.until_cut(pin!(tunnel.run(Box::new(stream), first))).await;
    }

    /// Ends a connection that hyper is done with.
    async fn leave<S>(&self, parts: http1::Parts<TokioIo<ClientIo>, S>) {
        let (amid, reason) = {
            let mut guard = self.client.guard.borrow_mut();
            (guard.is_amid(), guard.reason())
        };
        if let Some(reason) = reason {
            // In a body that nobody read.
            self.client.front().fault(reason);
        }
        if amid {
            Box::pin(self.obeying(linger(take_apart(parts).0))).await;
        }
    }

    async fn serve_http2(&self, stream: Stream, first: BytesMut) {
        self.client.multiplexes();
        let builder = http2_builder(&self.client.front(), &self.worker);
        // Boxed, so that it is not the size of every HTTP/1 connection.
        let mut connection = Box::pin(builder.serve_connection(self.io(stream, first), self.boxed_service()));
        self.drive(connection.as_mut(), http2::Connection::graceful_shutdown).await;
    }

    fn io(&self, stream: Stream, first: BytesMut) -> TokioIo<ClientIo> {
        TokioIo::new(ClientIo::new(stream, first, Rc::clone(&self.worker), Rc::clone(&self.client)))
    }

    fn service(
        &self,
    ) -> impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible, Future: 'static> + use<> {
        let (worker, client) = (Rc::clone(&self.worker), Rc::clone(&self.client));
        service_fn(move |request| serve(Rc::clone(&worker), Rc::clone(&client), request))
    }

    /// The same for HTTP/2, where each request becomes a task: on its way into one it is moved five times.
    fn boxed_service(
        &self,
    ) -> impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible, Future: 'static> + use<> {
        let (worker, client) = (Rc::clone(&self.worker), Rc::clone(&self.client));
        service_fn(move |request| Box::pin(serve(Rc::clone(&worker), Rc::clone(&client), request)))
    }

    /// Runs a connection of either protocol to its end, to an order to cut it, or until it may be parked.
    async fn drive<C: Future<Output = hyper::Result<()>>>(
        &self,
        mut connection: Pin<&mut C>,
        finish: impl Fn(Pin<&mut C>),
    ) -> Driven {
        let mut finishing = false;
        let result = poll_fn(|cx: &mut Context<'_>| {
            match self.client.order(cx) {
                Order::Cut => return Poll::Ready(Ok(Driven::Broken)),
                Order::Finish if !finishing => {
                    finishing = true;
                    finish(connection.as_mut());
                }
                Order::Park if self.client.park() => return Poll::Ready(Ok(Driven::Parked)),
                _ => {}
            }
            connection.as_mut().poll(cx).map_ok(|()| Driven::Ended)
        })
        .await;
        result.unwrap_or_else(|error| {
            self.fault(&error);
            Driven::Broken
        })
    }

    /// Notes a connection that ended in an error of the client's: hyper has answered what can be answered.
    fn fault(&self, error: &hyper::Error) {
        let (status, reason) = if error.is_parse_too_large() {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large")
        } else if error.is_parse() {
            (StatusCode::BAD_REQUEST, self.client.guard.borrow_mut().reason().unwrap_or("bad-request"))
        } else {
            if let Some(reason) = refused::http2(error) {
                self.client.front().fault(reason);
            }
            return; // a client that goes away is no fault
        };
        refused::note(&self.worker, &self.client, status, reason);
        tracing::debug!(%error, client = %self.client.peer, "a connection ended in an error");
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        drop(self.client.take_tunnel());
        if let Some(reason) = self.client.overdue.get() {
            refused::note(&self.worker, &self.client, StatusCode::REQUEST_TIMEOUT, reason);
        }
        self.worker.downstreams.leave(self.client.key);
        self.stats.active.decrement();
        self.worker.left.notify_waiters();
    }
}

/// How far a connection was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driven {
    Ended,
    /// It was cut, or its client left in the middle of something.
    Broken,
    Parked,
}

/// Runs an HTTP/2 connection's requests as tasks of the worker's own thread.
#[derive(Debug, Clone)]
struct OnThisThread(Rc<Worker>);

impl<F> hyper::rt::Executor<F> for OnThisThread
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        let worker = Rc::clone(&self.0);
        let task = tokio::task::spawn_local(async move {
            let _leaving = tokio::task::try_id().map(|id| Leaving { worker, id });
            future.await;
        });
        self.0.streams.borrow_mut().insert(task.id(), task.abort_handle());
    }
}

/// Takes a stream's task out of the worker's when it ends.
struct Leaving {
    worker: Rc<Worker>,
    id: tokio::task::Id,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.worker.streams.borrow_mut().remove(&self.id);
    }
}
