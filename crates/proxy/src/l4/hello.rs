//! hello: what a TLS client says first, without answering it.

use std::io;
use std::time::Duration;

use equipoise_stream::Stream;
use equipoise_stream::tls::{HelloReader, Peek};
use tokio::io::AsyncWriteExt;

/// How long a client may take to say hello.
const LIMIT: Duration = Duration::from_secs(5);
/// Room for each read: most hellos fit.
const READ: usize = 2048;

/// A fatal alert that says `unrecognized_name` (RFC 8446 section 6): nobody here has that name.
const NO_SUCH_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
/// The same with `record_overflow`.
const TOO_LONG: &[u8] = &[21, 3, 3, 0, 2, 2, 22];

/// What a client said first. The target has to hear all of `bytes`.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sni: Option<Box<str>>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) is_tls: bool,
}

/// Why a client did not get to say where it wants to go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    #[error("the client left before it had said hello")]
    Left,
    #[error("the client did not say hello within {LIMIT:?}")]
    Timeout,
    #[error("the client's hello is too long")]
    TooLong,
    #[error("the client's hello is none")]
    Broken,
    #[error("the client broke off while it said hello")]
    Read(#[source] io::Error),
}

impl HelloError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Left | Self::Read(_) => "client-left",
            Self::Timeout => "hello-timeout",
            Self::TooLong => "hello-too-large",
            Self::Broken => "bad-hello",
        }
    }
}

/// Reads until the client has said hello, or something that is none. A client whose hello is not one gets an alert.
pub(crate) async fn hello(client: &mut Stream, first: Vec<u8>) -> Result<Said, HelloError> {
    tokio::time::timeout(LIMIT, read(client, first)).await.unwrap_or(Err(HelloError::Timeout))
}

/// Tells a TLS client that nobody here has the name that it asks for.
pub(crate) async fn refuse(client: &mut Stream) {
    // It fits into the socket's buffer, which is empty; a client that is gone is told nothing.
    let _ = client.write_all(NO_SUCH_NAME).await;
}

async fn read(client: &mut Stream, first: Vec<u8>) -> Result<Said, HelloError> {
    let mut said = Said { bytes: first, is_tls: true, ..Said::default() };
    let (mut reader, mut known) = (HelloReader::new(), 0);
    loop {
        if said.bytes.len() == known {
            more(client, &mut said.bytes).await?;
        }
        let fresh = known..said.bytes.len();
        known = fresh.end;
        match reader.feed(&said.bytes[fresh]) {
            Peek::NeedMore => {}
            Peek::Hello(hello) => {
                said.sni = hello.server_name().map(Into::into);
                said.alpn = hello.alpn();
                return Ok(said);
            }
            Peek::NotTls => return Ok(Said { is_tls: false, ..said }),
            Peek::Broken(mut broken) => {
                let _ = client.write_all(&broken.alert()).await; // as above
                return Err(HelloError::Broken);
            }
            Peek::TooLong => {
                let _ = client.write_all(TOO_LONG).await; // as above
                return Err(HelloError::TooLong);
            }
        }
    }
}

/// Reads what comes next.
async fn more(client: &mut Stream, bytes: &mut Vec<u8>) -> Result<(), HelloError> {
    bytes.reserve(READ);
    loop {
        client.readable().await.map_err(HelloError::Read)?;
        match client.try_read_buf(bytes) {
            Ok(0) => return Err(HelloError::Left),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(HelloError::Read(error)),
        }
    }
}
