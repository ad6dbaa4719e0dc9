//! One HTTP/1.1 request to one address, bounded in time and size. For checks and for guests that ask for HTTP; requests
//! of clients never pass here.

mod streams;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use equipoise_stream::DialError;
use equipoise_stream::tls::HandshakeError;
use equipoise_target::Endpoint;
use http::{HeaderMap, HeaderValue, Request, header, response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::reach::Reach;

/// Most bytes of an answer's head.
const LARGEST_HEAD: usize = 64 * 1024;

/// Bounds of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first connect to the last byte that is read.
    pub time: Duration,
    /// Most bytes of the body that are read; the rest is left, and the answer is marked. With 0 the head alone counts:
    /// the body is not waited for.
    pub body: usize,
}

/// An answer.
#[derive(Debug)]
pub struct Fetched {
    /// Status and fields.
    pub head: response::Parts,
    /// The body, up to the limit.
    pub body: Bytes,
    /// Whether `body` is all of it.
    pub complete: bool,
    /// What came after the body, over HTTP/2.
    pub trailers: Option<HeaderMap>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection.
    #[error("connecting to {address}")]
    Connect {
        /// Where to.
        address: Endpoint,
        /// What the operating system said.
        source: io::Error,
    },
    /// A connection, but no TLS on it.
    #[error("agreeing on TLS with {address}")]
    Handshake {
        /// Where to.
        address: Endpoint,
        /// What went wrong.
        source: HandshakeError,
    },
    /// A connection, but no whole answer on its stream.
    #[error("asking {address} for an answer over HTTP/2")]
    Stream {
        /// Where to.
        address: Endpoint,
        /// What went wrong.
        source: h2::Error,
    },
    /// A connection, but no HTTP answer on it.
    #[error("asking {address} for an answer")]
    Exchange {
        /// Where to.
        address: Endpoint,
        /// What went wrong.
        source: hyper::Error,
    },
    /// The head of an answer, but its body broke off.
    #[error("reading the body that {address} sent")]
    Body {
        /// Where from.
        address: Endpoint,
        /// What went wrong.
        source: hyper::Error,
    },
    /// The time was up.
    #[error("no answer from {address} within {limit:?}")]
    Timeout {
        /// Where from.
        address: Endpoint,
        /// The time that there was.
        limit: Duration,
    },
}

impl FetchError {
    /// One line for people who know which address was asked.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Connect { source, .. } => format!("connect: {source}"),
            Self::Handshake { source, .. } => format!("TLS: {}", root_cause(source)),
            Self::Stream { source, .. } => format!("no answer over HTTP/2: {source}"),
            Self::Exchange { source, .. } if source.is_parse() => format!("the answer is not HTTP: {source}"),
            Self::Exchange { source, .. } if hung_up(source) => "the connection was closed without an answer".into(),
            Self::Exchange { source, .. } => format!("no answer: {}", root_cause(source)),
            Self::Body { source, .. } => format!("the body broke off: {}", root_cause(source)),
            Self::Timeout { limit, .. } => {
                format!("no answer within {}", humantime_serde::re::humantime::format_duration(*limit))
            }
        }
    }
}

fn hung_up(error: &hyper::Error) -> bool {
    let reset = root_cause(error).downcast_ref::<io::Error>().map(io::Error::kind);
    let reset = matches!(reset, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe));
    error.is_incomplete_message() || error.is_closed() || error.is_canceled() || reset
}

/// hyper's own level says "connection error"; what people need to know lies below.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Sends `request` to `address` on a connection of its own, which is closed afterwards.
///
/// The URI is sent as it is: give it path and query only. `Host` is taken from `address` when it is missing; `Connection`
/// and the framing fields are ours, whatever a guest wrote. Redirects are answers like any other. Dropping the future closes the connection.
///
/// # Errors
/// [`FetchError`] when no answer came in time; a status of any kind is an answer.
pub async fn fetch(address: Endpoint, request: Request<Bytes>, limits: Limits) -> Result<Fetched, FetchError> {
    fetch_by(&Reach::default(), address, request, limits).await
}

/// The same as [`fetch`] at a target that is reached by `reach`, and in the version of HTTP that is spoken there.
///
/// # Errors
/// [`FetchError`] when no answer came in time; a status of any kind is an answer.
pub async fn fetch_by(
    reach: &Reach,
    address: Endpoint,
    mut request: Request<Bytes>,
    limits: Limits,
) -> Result<Fetched, FetchError> {
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    if !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, host_of(address));
    }
    match tokio::time::timeout(limits.time, exchange(reach, address, request, limits.body)).await {
        Ok(result) => result,
        Err(_) => Err(FetchError::Timeout { address, limit: limits.time }),
    }
}

/// What `Host` says of an address. A Unix socket has no name that HTTP knows.
pub(crate) fn host_of(address: Endpoint) -> HeaderValue {
    let text = address.socket().map_or_else(|| "localhost".to_owned(), |address| address.to_string());
    // A socket address prints as visible ASCII, so this never falls through.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("localhost"))
}

async fn exchange(
    reach: &Reach,
    address: Endpoint,
    request: Request<Bytes>,
    limit: usize,
) -> Result<Fetched, FetchError> {
    let stream = reach.dial.connect(address, None).await.map_err(|error| match error {
        DialError::Connect { source } => FetchError::Connect { address, source },
        DialError::Handshake { source } => FetchError::Handshake { address, source },
        other => FetchError::Connect { address, source: io::Error::other(other) },
    })?;
    if reach.is_http2(&stream) {
        // Boxed, so that it is not the size of every look.
        return Box::pin(streams::exchange(address, stream, request, limit)).await;
    }
    let failed = |source| FetchError::Exchange { address, source };
    let request = request.map(Full::new);
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // The connection is driven here and not by a task of its own, so that nothing outlives this future. Its end is not
    // ours: what it still delivered is in the answer, and what it broke shows there as an error.
    let mut driver = pin!(async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    });
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
        let (body, complete) = collect(body, limit).await.map_err(|source| FetchError::Body { address, source })?;
        Ok(Fetched { head, body, complete, trailers: None })
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        never = &mut driver => match never {},
    }
}

/// Reads at most `limit` bytes; the second value tells whether that was all.
async fn collect(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), hyper::Error> {
    if limit == 0 {
        return Ok((Bytes::new(), hyper::body::Body::is_end_stream(&body)));
    }
    let mut read = BytesMut::new();
    loop {
        let Some(frame) = body.frame().await else { return Ok((read.freeze(), true)) };
        let Ok(data) = frame?.into_data() else { continue };
        let room = limit - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((read.freeze(), false));
        }
    }
}
