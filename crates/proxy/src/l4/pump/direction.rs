//! One direction of a connection.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use equipoise_stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use super::raw::Raw;
use crate::l4::pipe::Pipe;
use crate::l4::stock::Stock;

/// Bytes after which a direction may leave it to the kernel: what is short is done sooner by copying.
const ENOUGH: u64 = 64 << 10;
/// A read from which on the kernel is the cheaper one.
const LARGE: usize = 16 << 10;
/// So many reads in a row that were not large, and copying is the cheaper one again.
const FEW: u8 = 8;

/// Why a direction ended early.
#[derive(Debug)]
pub(super) enum Error {
    Read(io::Error),
    Write(io::Error),
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Direction {
    held: Held,
    way: Way,
    phase: Phase,
}

/// Bytes that were read and not yet written.
#[derive(Debug)]
enum Held {
    Nothing,
    /// From `start` to `end` of the buffer.
    Buffer {
        buffer: Box<[u8]>,
        start: usize,
        end: usize,
    },
    Pipe {
        pipe: Pipe,
        bytes: usize,
    },
}

/// Who moves the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Copy,
    /// The kernel; so many reads in a row were not large.
    Splice {
        small: u8,
    },
    /// Copying for good: these sockets cannot be spliced.
    CopyOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Moving,
    /// The reader has ended; the writer is still to be told.
    Ending,
    Over,
}

impl Direction {
    /// `first` is written before anything that is read.
    pub(super) fn new(first: Vec<u8>) -> Self {
        let held = match first.len() {
            0 => Held::Nothing,
            end => Held::Buffer { buffer: first.into_boxed_slice(), start: 0, end },
        };
        Self { held, way: Way::Copy, phase: Phase::Moving }
    }

    /// Moves what can be moved now. Ready when the reader has ended and the writer has been told.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
        stock: &Stock,
        moved: &Cell<u64>,
    ) -> Poll<Result<(), Error>> {
        if self.phase == Phase::Over {
            return Poll::Ready(Ok(()));
        }
        let result = ready!(self.run(cx, from, to, stock, moved));
        self.phase = Phase::Over;
        Poll::Ready(result)
    }

    fn run(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
        stock: &Stock,
        moved: &Cell<u64>,
    ) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.empty(cx, to, stock, moved)).map_err(Error::Write)?;
            if self.phase == Phase::Ending {
                // A side that is gone need not be told.
                let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                return Poll::Ready(Ok(()));
            }
            let read = match self.way {
                Way::Copy | Way::CopyOnly => self.fill_buffer(cx, from, stock),
                Way::Splice { .. } => self.fill_pipe(cx, from, stock),
            };
            match ready!(read).map_err(Error::Read)? {
                Some(0) => self.phase = Phase::Ending,
                Some(count) => self.choose(count, moved.get(), || Raw::of(from).and(Raw::of(to)).is_some()),
                None => {}
            }
        }
    }

    /// Writes what is held.
    fn empty(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Stream,
        stock: &Stock,
        moved: &Cell<u64>,
    ) -> Poll<io::Result<()>> {
        loop {
            let count = match &mut self.held {
                Held::Nothing => return Poll::Ready(Ok(())),
                Held::Buffer { buffer, start, end } => {
                    let count = ready!(Pin::new(&mut *to).poll_write(cx, &buffer[*start..*end]))?;
                    *start += count;
                    count
                }
                Held::Pipe { pipe, bytes } => {
                    // What was drawn came from a socket, and the other side was one then.
                    let raw = Raw::of(to).ok_or(io::ErrorKind::Unsupported)?;
                    let count = ready!(poll_io(cx, raw, Interest::WRITABLE, || pipe.pour(raw, *bytes)))?;
                    *bytes -= count;
                    count
                }
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            moved.set(moved.get() + count as u64);
            self.give_back(stock);
        }
    }

    /// Gives back what nothing is left in.
    fn give_back(&mut self, stock: &Stock) {
        let empty = match &self.held {
            Held::Nothing => false,
            Held::Buffer { start, end, .. } => start == end,
            Held::Pipe { bytes, .. } => *bytes == 0,
        };
        if empty {
            match std::mem::replace(&mut self.held, Held::Nothing) {
                Held::Nothing => {}
                Held::Buffer { buffer, .. } => stock.keep_buffer(buffer),
                Held::Pipe { pipe, .. } => stock.keep_pipe(pipe),
            }
        }
    }

    fn fill_buffer(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        stock: &Stock,
    ) -> Poll<io::Result<Option<usize>>> {
        let mut buffer = stock.buffer();
        let mut room = ReadBuf::new(&mut buffer);
        let read = Pin::new(from).poll_read(cx, &mut room);
        let end = room.filled().len();
        if end > 0 {
            self.held = Held::Buffer { buffer, start: 0, end };
        } else {
            stock.keep_buffer(buffer);
        }
        read.map_ok(|()| Some(end))
    }

    /// `None` when these sockets cannot be spliced.
    fn fill_pipe(&mut self, cx: &mut Context<'_>, from: &Stream, stock: &Stock) -> Poll<io::Result<Option<usize>>> {
        let (Some(raw), Some(pipe)) = (Raw::of(from), stock.pipe()) else {
            self.way = Way::CopyOnly;
            return Poll::Ready(Ok(None));
        };
        let drawn = poll_io(cx, raw, Interest::READABLE, || pipe.draw(raw));
        match drawn {
            Poll::Ready(Ok(bytes @ 1..)) => self.held = Held::Pipe { pipe, bytes },
            // Nothing came, or nothing more will.
            Poll::Pending | Poll::Ready(Ok(0)) => stock.keep_pipe(pipe),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidInput => {
                self.way = Way::CopyOnly;
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Err(_)) => {}
        }
        drawn.map_ok(Some)
    }

    /// Who moves the next bytes, after a read of `count`.
    fn choose(&mut self, count: usize, moved: u64, sockets: impl FnOnce() -> bool) {
        self.way = match self.way {
            Way::Copy if count >= LARGE && moved >= ENOUGH => {
                if sockets() {
                    Way::Splice { small: 0 }
                } else {
                    Way::CopyOnly
                }
            }
            Way::Splice { .. } if count >= LARGE => Way::Splice { small: 0 },
            Way::Splice { small } if small + 1 >= FEW => Way::Copy,
            Way::Splice { small } => Way::Splice { small: small + 1 },
            unchanged => unchanged,
        };
    }
}

#[cfg(test)]
impl Direction {
    pub(super) fn holds_nothing(&self) -> bool {
        matches!(self.held, Held::Nothing)
    }
}

/// A call on a socket that is made when the socket is ready for it.
fn poll_io<R>(
    cx: &mut Context<'_>,
    raw: Raw<'_>,
    interest: Interest,
    mut call: impl FnMut() -> io::Result<R>,
) -> Poll<io::Result<R>> {
    loop {
        match interest {
            Interest::READABLE => ready!(raw.poll_read_ready(cx))?,
            _ => ready!(raw.poll_write_ready(cx))?,
        }
        match raw.try_io(interest, &mut call) {
            // Not ready after all: the next turn of the loop waits.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}
