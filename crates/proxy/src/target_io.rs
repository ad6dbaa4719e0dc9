//! A target's socket that bounds what comes before a response, and how its bytes may look.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use equipoise_stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::policy::Scanner;
use crate::upstream::{Upstream, Verdict};

/// A target's socket. hyper takes interim responses (103 and its like) as long as they come, and a target that sends
/// nothing else would keep the whole worker busy: its reads never have to wait.
#[derive(Debug)]
pub(crate) struct TargetIo {
    stream: Stream,
    upstream: Rc<Upstream>,
    scanner: Scanner,
}

impl TargetIo {
    pub(crate) fn new(stream: Stream, upstream: Rc<Upstream>) -> Self {
        Self { stream, upstream, scanner: Scanner::of_responses() }
    }
}

impl TargetIo {
    /// Refuses bytes that hyper would read in a way of its own, as the policy refuses them of clients: a bare LF in a
    /// field's value is how a field of an attacker's gets into a response.
    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.scanner.expect(self.upstream.bodiless.get());
        self.scanner.scan(bytes).map_err(|refused| {
            self.upstream.verdict.set(Some(Verdict::Defect(refused.defect)));
            io::ErrorKind::InvalidData.into()
        })
    }

    /// The socket, and what was read from it beyond what hyper took: `read`.
    pub(crate) fn into_parts(self, read: Bytes) -> (Stream, BytesMut) {
        (self.stream, read.into())
    }
}

impl AsyncRead for TargetIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if !self.upstream.may_come(buf.filled().len() - before) {
            self.upstream.verdict.set(Some(Verdict::Flood));
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        if buf.filled().len() > before {
            self.look(&buf.filled()[before..])?;
        }
        read
    }
}

impl AsyncWrite for TargetIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
