//! A TLS connection after its handshake, as one more byte stream.

use std::io::{self, BufRead, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream as Session;

use super::facts::TlsFacts;
use crate::Stream;

/// A connection inside TLS.
///
/// When nothing is under way it holds the keys and one buffer of 4 KiB, so a connection that waits for long costs that
/// and no more.
#[derive(Debug)]
pub struct TlsStream {
    session: Session<Stream>,
    facts: Arc<TlsFacts>,
}

/// The same call on either side's session.
macro_rules! on_either {
    ($session:expr, |$io:ident, $tls:ident| $call:expr) => {
        match $session {
            Session::Client(session) => {
                let ($io, $tls) = session.get_mut();
                $call
            }
            Session::Server(session) => {
                let ($io, $tls) = session.get_mut();
                $call
            }
        }
    };
}

impl TlsStream {
    pub(super) fn new(session: Session<Stream>, facts: TlsFacts) -> Self {
        Self { session, facts: Arc::new(facts) }
    }

    /// What was agreed in the handshake.
    #[must_use]
    pub fn facts(&self) -> &Arc<TlsFacts> {
        &self.facts
    }

    /// The stream below.
    #[must_use]
    pub fn below(&self) -> &Stream {
        match &self.session {
            Session::Client(session) => session.get_ref().0,
            Session::Server(session) => session.get_ref().0,
        }
    }

    /// Ready when something was decrypted already, or bytes wait below; those may turn out to be nothing to read.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_either!(&mut self.session, |io, tls| match tls.reader().fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => io.poll_readable(cx),
            // Also the end, and an error: whoever reads will learn of it.
            _ => Poll::Ready(Ok(())),
        })
    }

    pub(crate) fn try_read_buf(&mut self, buffer: &mut impl BufMut) -> io::Result<usize> {
        on_either!(&mut self.session, |io, tls| loop {
            match tls.reader().fill_buf() {
                Ok(chunk) => {
                    let count = chunk.len().min(buffer.chunk_mut().len());
                    buffer.put_slice(&chunk[..count]);
                    tls.reader().consume(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            tls.read_tls(&mut Below(io))?;
            tls.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        })
    }

    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        on_either!(&mut self.session, |io, tls| {
            let count = tls.writer().write(bytes)?;
            while tls.wants_write() {
                match tls.write_tls(&mut Below(io)) {
                    // Encrypted once, it stays here until the next write or flush.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock && count > 0 => break,
                    written => written.map(drop)?,
                }
            }
            Ok(count)
        })
    }
}

/// Reads and writes what can be read and written at once.
struct Below<'a>(&'a mut Stream);

impl Read for Below<'_> {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read_buf(&mut buffer)
    }
}

impl Write for Below<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.session).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.session).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.session).poll_write_vectored(cx, slices)
    }

    /// Several slices become one record.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.session).poll_flush(cx)
    }

    /// Says so to the other side before the stream below is shut down.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.session).poll_shutdown(cx)
    }
}
