//! The last bytes of a connection, and its end, in one packet.

use std::io;

use tokio::net::TcpStream;

use crate::Stream;

impl Stream {
    /// Writes what fits of the last `bytes`, without waiting, and ends this side when all of them did: over TCP both are
    /// one packet, where they would be two. The socket has to be closed, or written to again, at once: what is held back
    /// for the next bytes waits for them a fifth of a second.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing fits; else the operating system's.
    pub fn try_write_last(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self::Tcp(stream) = self else { return self.try_write(bytes) };
        let written = write_more(stream, bytes)?;
        if written == bytes.len() {
            // A client that is gone has its end already.
            let _ = socket2::SockRef::from(&*stream).shutdown(std::net::Shutdown::Write);
        }
        Ok(written)
    }
}

#[cfg(target_os = "linux")]
fn write_more(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::net::{SendFlags, send};
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    stream.try_io(tokio::io::Interest::WRITABLE, || send(stream, bytes, flags).map_err(io::Error::from))
}

#[cfg(not(target_os = "linux"))]
fn write_more(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    stream.try_write(bytes)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_last_bytes_arrive_with_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut one = Stream::connect(listener.local_addr().unwrap().into()).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        assert_eq!(one.try_write_last(b"goodbye").unwrap(), 7);
        let mut read = Vec::new();
        other.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"goodbye");
    }
}
