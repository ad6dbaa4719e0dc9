//! A client's socket that notes when something moves on it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use equipoise_stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::downstream::Downstream;
use crate::downstream::guard::POISON;
use crate::downstream::linger;
use crate::worker::Worker;

/// A client's socket, with the bytes that were read from it to learn which protocol it speaks.
#[derive(Debug)]
pub(crate) struct ClientIo {
    stream: Stream,
    /// Read before `stream`.
    first: BytesMut,
    worker: Rc<Worker>,
    client: Rc<Downstream>,
    /// Bytes after bad ones.
    dropped: usize,
    /// Interim responses that are being written.
    hints: BytesMut,
}

impl ClientIo {
    pub(crate) fn new(stream: Stream, first: BytesMut, worker: Rc<Worker>, client: Rc<Downstream>) -> Self {
        Self { stream, first, worker, client, dropped: 0, hints: BytesMut::new() }
    }

    /// The socket, and what was read from it and not asked for yet.
    pub(crate) fn into_parts(self) -> (Stream, BytesMut) {
        (self.stream, self.first)
    }

    /// Waits for the end of what comes after bad bytes, so that a client that leaves is seen to leave.
    fn poll_drop(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); 1024];
        while self.dropped < linger::MOST {
            let mut buf = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            match buf.filled().len() {
                0 => return Poll::Ready(Ok(())),
                count => self.dropped += count,
            }
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    /// Writes interim responses, which hyper knows nothing of. That may happen `between` two messages only; those that come
    /// too late are dropped.
    fn poll_hints(&mut self, cx: &mut Context<'_>, between: bool) -> Poll<io::Result<()>> {
        if self.hints.is_empty() && self.client.has_hints() {
            let hints = self.client.take_hints();
            if between {
                self.hints = hints;
            }
        }
        while !self.hints.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.hints);
            self.client.took(written.is_ready());
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.hints.advance(count),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn took<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.client.took(written.is_ready());
        self.client.flushed.set(false);
        written
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let count = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first[..count]);
            self.first.advance(count);
            if self.first.is_empty() {
                self.first = BytesMut::new(); // gives the buffer back
            }
            return Poll::Ready(Ok(()));
        }
        if self.client.guard.borrow().has_refused() {
            return self.poll_drop(cx);
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.client.received(|| self.worker.clock.tick());
            let looked = self.client.guard.borrow_mut().look(&buf.filled()[before..]);
            if let Err(refused) = looked {
                buf.set_filled(before + refused.good);
                self.first = BytesMut::from(POISON);
                // Nothing at all would be the end of the stream.
                return if refused.good == 0 { self.poll_read(cx, buf) } else { read };
            }
        }
        read
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let between = self.client.flushed.get();
        ready!(self.poll_hints(cx, between))?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.took(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let between = self.client.flushed.get();
        ready!(self.poll_hints(cx, between))?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.took(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_hints(cx, true))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // hyper flushes the socket when it has nothing left to write, and only then.
        self.client.flushed.set(matches!(flushed, Poll::Ready(Ok(()))));
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper is done, and the socket is closed next, which says the same; unless the client's last bytes are waited
        // for, or TLS has a word of its own for it.
        if self.stream.tls().is_none() && !self.client.guard.borrow().is_amid() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
