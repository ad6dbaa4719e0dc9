//! The last response of a connection, held back until the connection ends, so that both go out in one packet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use equipoise_stream::Stream;
use tokio::io::AsyncWrite as _;

/// Most bytes that are held back: beyond, one packet less is nothing that shows.
const MOST: usize = 8 << 10;

/// Bytes that hyper has written and the socket has not seen.
#[derive(Debug, Default)]
pub(crate) struct Farewell {
    held: Vec<u8>,
    /// Written so far.
    sent: usize,
    /// hyper had its chance to end the connection and did not: the response goes on.
    goes_on: bool,
}

impl Farewell {
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Holds `bytes` back, if that is worth it. What comes after bytes that are held must be, or come after a
    /// [`Farewell::poll_send`].
    pub(crate) fn holds(&mut self, bytes: &[u8]) -> bool {
        let holds = !self.goes_on && self.held.len() + bytes.len() <= MOST;
        if holds {
            self.held.extend_from_slice(bytes);
        }
        holds
    }

    /// hyper has written all that it has. True when it is to be asked once more whether it ends the connection.
    pub(crate) fn waits(&mut self) -> bool {
        !std::mem::replace(&mut self.goes_on, true)
    }

    /// Sends what is held.
    pub(crate) fn poll_send(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.held.get(self.sent..).filter(|left| !left.is_empty()) {
            match ready!(Pin::new(&mut *stream).poll_write(cx, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        *self = Self { goes_on: true, ..Self::default() };
        Poll::Ready(Ok(()))
    }

    /// Sends what is held, and the end with it if it fits.
    pub(crate) fn poll_send_last(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sent == 0 {
            match stream.try_write_last(&self.held) {
                Ok(count) => self.sent = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.poll_send(stream, cx)
    }
}
