//! One direction of a tunnel.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes that are read at a time, and so all that a direction holds of what its sink does not take. A stream of HTTP/2
/// takes them whole and holds up to three of them, so it stays below 64 KiB.
pub(crate) const ROOM: usize = 16 << 10;

/// How often a direction is read in one turn, so that a busy tunnel leaves room for others.
const ROUNDS: usize = 8;

/// Which end of a direction broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Source,
    Sink,
}

/// One direction of a tunnel. It reads only when everything before was written, so the slower side holds back the other.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Read, and not yet taken by the sink.
    waiting: BytesMut,
    total: u64,
    moved: u64,
    unflushed: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The source has ended; the sink is to hear of it, and may go on talking.
    Ended,
    Closed,
}

impl Pipe {
    /// A direction whose source said `first` already.
    pub(super) fn new(first: BytesMut) -> Self {
        Self { waiting: first, total: 0, moved: 0, unflushed: false, state: State::Open }
    }

    /// Bytes that the sink took.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that the sink took since this was last asked.
    pub(super) fn moved(&mut self) -> u64 {
        std::mem::take(&mut self.moved)
    }

    /// Passes on what there is. `room` holds bytes only within the call.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin + ?Sized),
        sink: &mut (impl AsyncWrite + Unpin + ?Sized),
        room: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        for _ in 0..ROUNDS {
            ready!(self.poll_write_waiting(cx, sink))?;
            match self.state {
                State::Open => ready!(self.poll_read(cx, source, sink, room))?,
                State::Ended => {
                    ready!(Pin::new(&mut *sink).poll_shutdown(cx)).map_err(|_| Broken::Sink)?;
                    self.state = State::Closed;
                }
                State::Closed => return Poll::Ready(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_write_waiting(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Poll<Result<(), Broken>> {
        while !self.waiting.is_empty() {
            let most = self.waiting.len().min(ROOM);
            let count = ready!(Pin::new(&mut *sink).poll_write(cx, &self.waiting[..most])).map_err(|_| Broken::Sink)?;
            self.took(count)?;
            self.waiting.advance(count);
        }
        self.waiting = BytesMut::new(); // idle tunnels hold no buffer
        Poll::Ready(Ok(()))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin + ?Sized),
        sink: &mut (impl AsyncWrite + Unpin + ?Sized),
        room: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        let mut buffer = ReadBuf::new(room);
        let read = Pin::new(source).poll_read(cx, &mut buffer).map_err(|_| Broken::Source)?;
        if read.is_pending() {
            if self.unflushed {
                ready!(Pin::new(sink).poll_flush(cx)).map_err(|_| Broken::Sink)?;
                self.unflushed = false;
            }
            return Poll::Pending;
        }
        let bytes = buffer.filled();
        if bytes.is_empty() {
            self.state = State::Ended;
            return Poll::Ready(Ok(()));
        }
        let count = match Pin::new(sink).poll_write(cx, bytes).map_err(|_| Broken::Sink)? {
            Poll::Ready(count) => {
                self.took(count)?;
                count
            }
            Poll::Pending => 0,
        };
        self.waiting.extend_from_slice(&bytes[count..]);
        Poll::Ready(Ok(()))
    }

    fn took(&mut self, count: usize) -> Result<(), Broken> {
        self.moved += count as u64;
        self.unflushed = true;
        self.total += count as u64;
        if count == 0 { Err(Broken::Sink) } else { Ok(()) }
    }
}
