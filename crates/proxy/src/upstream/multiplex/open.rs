//! The start of an HTTP/2 connection to a target.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use equipoise_stream::Stream;
use equipoise_target::Endpoint;

use super::connection::{Connection, Life};
use crate::worker::Worker;

/// Bytes of one stream that may wait here, in either direction.
const STREAM_WINDOW: u32 = 64 << 10;
/// Bytes of all streams of one connection that may wait here.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Most bytes of a response's head.
const HEAD_LIMIT: u32 = 64 << 10;
/// Streams that were reset here and are remembered, so that what is still to come on them is no error.
const RESETS: usize = 64;

/// Greets the target, and waits until it has said how many streams it takes: from then on no request is refused for
/// being one too many, and what answers in anything but HTTP/2 has not been sent a request.
pub(crate) async fn open(worker: &Rc<Worker>, stream: Stream, address: Endpoint, owner: u64) -> io::Result<Connection> {
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(0)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(STREAM_WINDOW as usize)
        .max_header_list_size(HEAD_LIMIT)
        .max_concurrent_reset_streams(RESETS);
    let (sender, mut connection) = builder.handshake(stream).await.map_err(into_io)?;
    poll_fn(|cx| match pin!(&mut connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Err(ended.err().map_or_else(closed, into_io))),
        Poll::Pending if connection.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    })
    .await?;
    let now = Instant::now();
    let life = worker.connections.join(Life::new);
    life.pings_by(connection.ping_pong(), now);
    let leaving = Leaving { worker: Rc::clone(worker), life: Rc::clone(&life) };
    let task = tokio::task::spawn_local(async move {
        let mut connection = pin!(connection);
        let ended = poll_fn(|cx| {
            leaving.life.poll_pongs(cx);
            connection.as_mut().poll(cx)
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, %address, "a connection to a target ended in an error");
        }
    });
    life.driven_by(task.abort_handle());
    Ok(Connection::new(sender, life, owner, now))
}

fn into_io(error: h2::Error) -> io::Error {
    if error.is_io() {
        // The check has just said that it is one.
        return error.into_io().unwrap_or_else(closed);
    }
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "closed before HTTP/2 was spoken")
}

/// Takes a connection out of the worker's when its task ends, whichever way.
struct Leaving {
    worker: Rc<Worker>,
    life: Rc<Life>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.life.ended();
        self.worker.connections.leave(self.life.key);
    }
}
