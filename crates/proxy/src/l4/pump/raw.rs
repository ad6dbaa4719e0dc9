//! The socket under a stream.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use equipoise_stream::Stream;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// The socket under a stream that nothing stands between.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    Tcp(&'a TcpStream),
    Unix(&'a UnixStream),
}

impl<'a> Raw<'a> {
    /// `None` for streams whose bytes are not those of their socket.
    pub(super) fn of(stream: &'a Stream) -> Option<Self> {
        match stream {
            Stream::Tcp(stream) => Some(Self::Tcp(stream)),
            Stream::Unix(stream) => Some(Self::Unix(stream)),
            Stream::Tls(_) => None,
        }
    }

    pub(super) fn poll_read_ready(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    pub(super) fn poll_write_ready(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
        }
    }

    /// Runs a call that would block unless the socket is ready for `interest`, and notes when it is not.
    pub(super) fn try_io<R>(self, interest: Interest, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Self::Tcp(stream) => stream.try_io(interest, call),
            Self::Unix(stream) => stream.try_io(interest, call),
        }
    }
}

impl AsFd for Raw<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
