//! A client's handshake, in two steps: what it says first, and the answer.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio_rustls::StartHandshake;

use super::error::HandshakeError;
use super::facts::TlsFacts;
use super::hello::{BrokenHello, Hello, HelloReader, Peek};
use super::server::ServerTls;
use super::session::TlsStream;
use crate::Stream;

/// Room for one read: nearly every first message fits.
const FIRST_READ: usize = 4096;

/// What a client said first.
#[derive(Debug)]
pub enum Arrival {
    /// It asks for TLS.
    Hello(Hello),
    /// Something else: these bytes, and perhaps more that were not read.
    NotTls(BytesMut),
    /// TLS, but nothing that can be answered.
    Broken(BrokenHello),
    /// More than a first message may be.
    TooLong,
}

/// Reads a client's first message, which may have begun with `bytes` that were read before. Holds no buffer until there is
/// something to read.
///
/// # Errors
/// The operating system's; [`io::ErrorKind::UnexpectedEof`] when the client left.
pub async fn read_hello(stream: &mut Stream, mut bytes: BytesMut) -> io::Result<Arrival> {
    let mut reader = HelloReader::new();
    loop {
        match reader.feed(&bytes) {
            Peek::NeedMore => {}
            Peek::Hello(hello) => return Ok(Arrival::Hello(hello)),
            Peek::NotTls => return Ok(Arrival::NotTls(bytes)),
            Peek::Broken(broken) => return Ok(Arrival::Broken(broken)),
            Peek::TooLong => return Ok(Arrival::TooLong),
        }
        drop(bytes);
        stream.readable().await?;
        bytes = BytesMut::with_capacity(FIRST_READ);
        match stream.try_read_buf(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

impl ServerTls {
    /// Answers a client's first message and goes through the handshake. Nothing here ends it when the client stalls: the
    /// caller does.
    ///
    /// Its first turn is the expensive one: it signs.
    ///
    /// # Errors
    /// [`HandshakeError`]; the client has been told, and its socket is given back, so that it can be heard out: closed
    /// while it still sends, it might never read what it was told.
    pub async fn accept(&self, stream: Stream, hello: Hello) -> Result<Stream, (HandshakeError, Stream)> {
        let certificate = self.certificate_for(&hello);
        let server_name = hello.server_name().map(Into::into);
        let Hello { accepted, rest, .. } = hello;
        let start = StartHandshake::from_parts(*accepted, stream);
        let handshake = start.into_stream_with(self.config(), |session| {
            let mut rest = rest.as_slice();
            // It fits into the session's buffer, or is more than an honest client sends before it is answered.
            while !rest.is_empty() && session.read_tls(&mut rest).is_ok_and(|count| count > 0) {}
        });
        let session = handshake.into_fallible().await.map_err(|(error, stream)| (error.into(), stream))?;
        let facts = TlsFacts::new(session.get_ref().1, server_name, certificate).of_client(session.get_ref().1);
        Ok(Stream::Tls(Box::new(TlsStream::new(session.into(), facts))))
    }
}

impl BrokenHello {
    /// Tells the client what is wrong, and says it in our words.
    pub async fn refuse(mut self, stream: &mut Stream) -> HandshakeError {
        // Whether the client still hears it makes no difference here.
        let _ = stream.write_all(&self.alert()).await;
        self.error.into()
    }
}
