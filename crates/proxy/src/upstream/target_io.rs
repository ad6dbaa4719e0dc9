//! A target's socket that bounds what comes before a response, and how its bytes may look.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use equipoise_stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::downstream::interim::{self, Sieve, Step};
use crate::policy::Scanner;
use crate::upstream::{Upstream, Verdict};

/// A target's socket. hyper takes interim responses (103 and its like) as long as they come, and a target that sends
/// nothing else would keep the whole worker busy: its reads never have to wait.
#[derive(Debug)]
pub(crate) struct TargetIo {
    stream: Stream,
    upstream: Rc<Upstream>,
    scanner: Scanner,
    /// Bytes that began like an interim response.
    sieve: Option<Box<Sieve>>,
}

impl TargetIo {
    pub(crate) fn new(stream: Stream, upstream: Rc<Upstream>) -> Self {
        Self { stream, upstream, scanner: Scanner::of_responses(), sieve: None }
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
        let mut first = BytesMut::from(read);
        if let Some(mut sieve) = self.sieve {
            sieve.take(usize::MAX, |rest| first.extend_from_slice(rest));
        }
        (self.stream, first)
    }

    /// Reads what is left when interim responses are taken out.
    fn poll_sieve(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while let Some(sieve) = &mut self.sieve {
            match sieve.step() {
                Step::Interim(interim) => {
                    if !self.upstream.interim(interim) {
                        self.upstream.verdict.set(Some(Verdict::Flood));
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                }
                Step::More => {
                    let mut space = [MaybeUninit::uninit(); 4096];
                    let mut more = ReadBuf::uninit(&mut space);
                    ready!(self.poll_more(cx, &mut more))?;
                    match (more.filled(), &mut self.sieve) {
                        (&[], Some(sieve)) => sieve.end(),
                        (bytes, Some(sieve)) => sieve.hold(bytes),
                        _ => {}
                    }
                }
                Step::Through => {
                    if sieve.take(buf.remaining(), |bytes| buf.put_slice(bytes)) {
                        self.sieve = None;
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// A target that answers early and closes takes no more of the request, but what it said is still to be read: its
    /// refusal of a body that is too large, say. Reading comes to an end soon, one way or the other.
    fn heard<T>(&mut self, cx: &Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        match written {
            Poll::Ready(Err(error)) if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset) => {
                self.upstream.deaf.set(true);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            written => written,
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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

impl AsyncRead for TargetIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.sieve.is_none() {
            let begins = self.upstream.awaits_first();
            let read = self.poll_more(cx, buf);
            let came = &buf.filled()[before..];
            if !begins || came.is_empty() || !interim::may_be(came) {
                return read;
            }
            self.sieve = Some(Box::new(Sieve::holding(came)));
            buf.set_filled(before);
        }
        self.poll_sieve(cx, buf)
    }
}

impl AsyncWrite for TargetIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.upstream.deaf.get() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.heard(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.upstream.deaf.get() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.heard(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.upstream.deaf.get() {
            return Poll::Pending;
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.heard(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
