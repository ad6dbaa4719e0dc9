//! One connection, whatever it runs over.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;
use equipoise_target::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::tls::{TlsFacts, TlsStream};

/// A connection to a client or to a target.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
    /// Inside TLS, over one of the others.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Connects; TCP without Nagle's delay, since whoever writes here writes whole messages.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn connect(to: Endpoint) -> io::Result<Self> {
        match to {
            Endpoint::Ip(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Endpoint::Unix(path) => UnixStream::connect(path.as_path()).await.map(Self::Unix),
        }
    }

    /// What was agreed in the TLS handshake; `None` without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<TlsFacts>> {
        match self {
            Self::Tls(stream) => Some(stream.facts()),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    /// Waits until there is something to read, without a buffer for it. Inside TLS it may turn out that it was nothing.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_readable(cx)).await
    }

    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
            Self::Tls(stream) => stream.poll_readable(cx),
        }
    }

    /// Reads what is there, without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is nothing; else the operating system's.
    pub fn try_read_buf(&mut self, buffer: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_buf(buffer),
            Self::Unix(stream) => stream.try_read_buf(buffer),
            Self::Tls(stream) => stream.try_read_buf(buffer),
        }
    }

    /// Writes what fits, without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing fits; else the operating system's.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tls(stream) => stream.try_write(bytes),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

/// The same call on whichever stream it is.
macro_rules! on_each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Tcp($stream) => $call,
            Self::Unix($stream) => $call,
            Self::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_each!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => poll_write_gathered(Pin::new(stream), cx, slices),
            Self::Unix(stream) => poll_write_gathered(Pin::new(stream), cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// Up to here one copy and a plain `send` cost less than a `writev`, whose list the kernel has to read and check first.
const GATHERED: usize = 2048;

fn poll_write_gathered(
    stream: Pin<&mut impl AsyncWrite>,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let length: usize = slices.iter().map(|slice| slice.len()).sum();
    match slices {
        [single] => stream.poll_write(cx, single),
        _ if length > GATHERED => stream.poll_write_vectored(cx, slices),
        _ => {
            let mut space = [MaybeUninit::uninit(); GATHERED];
            let mut together = ReadBuf::uninit(&mut space);
            slices.iter().for_each(|slice| together.put_slice(slice));
            stream.poll_write(cx, together.filled())
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn several_pieces_arrive_in_order_however_long_they_are() {
        for lengths in [&[5][..], &[7, 0, 3], &[GATHERED - 1, 1], &[GATHERED, 1], &[1, 3 * GATHERED]] {
            let (one, mut other) = UnixStream::pair().unwrap();
            let pieces: Vec<_> = lengths.iter().zip(b'a'..).map(|(length, letter)| vec![letter; *length]).collect();
            let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut stream = Stream::from(one);
            let written = stream.write_vectored(&slices).await.unwrap();
            drop(stream);
            let mut read = Vec::new();
            other.read_to_end(&mut read).await.unwrap();
            assert_eq!((written, read), (pieces.concat().len(), pieces.concat()), "{lengths:?}");
        }
    }
}
