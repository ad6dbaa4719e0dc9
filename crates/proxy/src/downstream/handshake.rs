//! TLS before HTTP: a client's handshake, from its first byte to the stream inside.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use bytes::BytesMut;
use equipoise_stream::Stream;
use equipoise_stream::tls::{Arrival, Hello, ServerTls, read_hello};
use tokio::io::AsyncWriteExt;

use crate::downstream::Downstream;
use crate::downstream::linger::linger;
use crate::worker::Worker;

/// The name of HTTP/2 in a handshake (RFC 9113 section 3.1).
const H2: &[u8] = b"h2";

/// What a client gets that speaks HTTP where TLS is spoken.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
content-length: 57\r\n\r\nThis port speaks HTTPS: ask again with https:// in front\n";

/// The stream inside TLS, whose `first` bytes were read before; `None` when the handshake comes to nothing. It is counted either way; the time-out is the
/// sweep's business.
pub(crate) async fn shake_hands(
    worker: &Worker,
    client: &Downstream,
    tls: Arc<ServerTls>,
    mut stream: Stream,
    first: BytesMut,
) -> Option<Stream> {
    client.shakes_hands();
    let outcome = match read_hello(&mut stream, first).await {
        Ok(Arrival::Hello(hello)) => answer(worker, &tls, stream, hello).await,
        Ok(Arrival::NotTls(first)) if first.first().is_some_and(u8::is_ascii_uppercase) => {
            failed(client, "tls-plain-http");
            refuse_plain(stream).await;
            return None;
        }
        Ok(Arrival::NotTls(_) | Arrival::TooLong) => Err(("tls-protocol", None)),
        Ok(Arrival::Broken(broken)) => Err((broken.refuse(&mut stream).await.reason(), Some(stream))),
        // Whoever leaves without a word, as probes do, has not failed.
        Err(_) => return None,
    };
    match outcome {
        Ok(secure) => {
            let facts = secure.tls();
            let resumed = facts.is_some_and(|facts| facts.resumed);
            client.front().shook_hands(if resumed { "resumed" } else { "full" });
            client.shook_hands(facts);
            Some(secure)
        }
        Err((reason, unheard)) => {
            failed(client, reason);
            if let Some(mut stream) = unheard
                && stream.shutdown().await.is_ok()
            {
                linger(stream).await;
            }
            None
        }
    }
}

fn failed(client: &Downstream, reason: &'static str) {
    let front = client.front();
    front.shook_hands(reason);
    front.fault(reason);
}

/// Whether the two sides agreed on HTTP/2.
pub(crate) fn is_http2(stream: &Stream) -> bool {
    stream.tls().is_some_and(|facts| facts.alpn.as_deref() == Some(H2))
}

/// The stream inside; or why there is none, with the socket of a client that was told.
async fn answer(
    worker: &Worker,
    tls: &ServerTls,
    stream: Stream,
    hello: Hello,
) -> Result<Stream, (&'static str, Option<Stream>)> {
    let mut handshake = Box::pin(tls.accept(stream, hello));
    let first = {
        let _turn = worker.handshakes.turn().await.ok_or(("tls-overload", None))?;
        poll_fn(|cx| Poll::Ready(handshake.as_mut().poll(cx))).await
    };
    let shaken = match first {
        Poll::Ready(shaken) => shaken,
        Poll::Pending => handshake.await,
    };
    shaken.map_err(|(error, stream)| {
        tracing::debug!(%error, "a TLS handshake failed");
        (error.reason(), Some(stream))
    })
}

/// Tells a client that speaks HTTP in plain text what is spoken here.
async fn refuse_plain(mut stream: Stream) {
    // Whether the client still hears it makes no difference here.
    if stream.write_all(PLAIN).await.is_ok() && stream.shutdown().await.is_ok() {
        linger(stream).await;
    }
}
