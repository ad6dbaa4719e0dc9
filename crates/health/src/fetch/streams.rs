//! One request over HTTP/2, on a connection that carries nothing else.

use std::convert::Infallible;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use equipoise_stream::Stream;
use equipoise_target::Endpoint;
use h2::RecvStream;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Uri, Version, header};

use super::{FetchError, Fetched};

/// Most bytes of an answer's head.
const LARGEST_HEAD: u32 = 64 * 1024;

/// Sends `request` over `stream`, and reads at most `limit` bytes of the answer's body.
pub(super) async fn exchange(
    address: Endpoint,
    stream: Stream,
    request: Request<Bytes>,
    limit: usize,
) -> Result<Fetched, FetchError> {
    let failed = |source| FetchError::Stream { address, source };
    let secure = stream.tls().is_some();
    let mut builder = h2::client::Builder::new();
    builder.enable_push(false).max_header_list_size(LARGEST_HEAD);
    let (sender, connection) = builder.handshake(stream).await.map_err(failed)?;
    // Driven here, as in HTTP/1.1, so that nothing outlives this future.
    let mut driver = pin!(async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    });
    let answer = async {
        let mut sender = sender.ready().await.map_err(failed)?;
        let (head, body) = request.into_parts();
        let (response, mut sending) = sender.send_request(in_http2(head, secure), body.is_empty()).map_err(failed)?;
        if !body.is_empty() {
            sending.send_data(body, true).map_err(failed)?;
        }
        let (head, mut body) = response.await.map_err(failed)?.into_parts();
        let broke = |source| FetchError::Stream { address, source };
        let (body, trailers) = collect(&mut body, limit).await.map_err(broke)?;
        let complete = trailers.is_some();
        Ok(Fetched { head, body, complete, trailers: trailers.flatten() })
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        never = &mut driver => match never {},
    }
}

/// The head without what HTTP/2 says in other ways.
fn in_http2(head: http::request::Parts, secure: bool) -> Request<()> {
    let mut request = Request::from_parts(head, ());
    let host = request.headers_mut().remove(header::HOST);
    request.headers_mut().remove(header::CONNECTION);
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    uri.authority.get_or_insert(Authority::from_static("localhost"));
    uri.path_and_query = Some(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    // It has all three parts.
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
    *request.version_mut() = Version::HTTP_2;
    request
}

/// Reads at most `limit` bytes; the second value is there, with the trailers if there are some, when that was all.
async fn collect(body: &mut RecvStream, limit: usize) -> Result<(Bytes, Option<Option<HeaderMap>>), h2::Error> {
    let mut read = BytesMut::new();
    while limit > 0 || body.is_end_stream() {
        let Some(data) = body.data().await else { return Ok((read.freeze(), Some(body.trailers().await?))) };
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        let room = limit - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            break;
        }
    }
    Ok((read.freeze(), None))
}
