//! A stream of HTTP/2 as one end of a tunnel (RFC 8441).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::upstream::Upstream;

/// A stream that a target opened for anything but HTTP. Its windows bound what waits on either side.
#[derive(Debug)]
pub(crate) struct StreamEnd {
    /// Holds the way to the target.
    upstream: Rc<Upstream>,
    stream: RecvStream,
    /// Came, and was not asked for yet.
    rest: Bytes,
}

impl StreamEnd {
    pub(crate) fn new(upstream: Rc<Upstream>, stream: RecvStream) -> Self {
        Self { upstream, stream, rest: Bytes::new() }
    }
}

impl AsyncRead for StreamEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(error)) if error.is_remote() && error.reason() == Some(Reason::NO_ERROR) => break,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => break,
            }
        }
        let count = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        // What is taken makes room for more; a stream that is gone needs none.
        let _ = self.stream.flow_control().release_capacity(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StreamEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(mut stream) = self.upstream.stream() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        while stream.capacity() == 0 {
            stream.reserve_capacity(bytes.len());
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let count = bytes.len().min(stream.capacity());
        let sent = stream.send_data(Bytes::copy_from_slice(&bytes[..count]), false);
        Poll::Ready(sent.map(|()| count).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(mut stream) = self.upstream.stream() else { return Poll::Ready(Ok(())) };
        Poll::Ready(stream.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
