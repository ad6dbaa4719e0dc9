//! A look at what a client says first, without answering it.

use std::fmt;

use rustls::SignatureScheme;
use rustls::server::{Accepted, AcceptedAlert, Acceptor};

/// Longest `ClientHello` that is read. The longest honest ones (many protocols, post-quantum keys) are about 4 KiB.
pub const HELLO_LIMIT: usize = 16 << 10;

/// First byte of a TLS connection: a record that holds a handshake message.
const HANDSHAKE: u8 = 22;

/// Reads a `ClientHello` from bytes as they come in, however they are cut into packets and records.
#[derive(Default)]
pub struct HelloReader {
    acceptor: Acceptor,
    fed: usize,
}

/// What is known after some bytes.
#[derive(Debug)]
pub enum Peek {
    /// It is not all there yet.
    NeedMore,
    /// It is all there.
    Hello(Hello),
    /// It is something else.
    NotTls,
    /// It is TLS, but nothing that can be answered.
    Broken(BrokenHello),
    /// It is longer than [`HELLO_LIMIT`].
    TooLong,
}

/// A client's first message, and all that came with it: the handshake can go on from here.
pub struct Hello {
    pub(super) accepted: Box<Accepted>,
    /// What was fed, but came after the message.
    pub(super) rest: Vec<u8>,
    server_name: Option<Box<str>>,
}

/// A first message that is none.
pub struct BrokenHello {
    pub(super) error: rustls::Error,
    alert: AcceptedAlert,
}

impl HelloReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the connection: each byte once, in order. Not to be called again after another answer than
    /// [`Peek::NeedMore`].
    pub fn feed(&mut self, mut bytes: &[u8]) -> Peek {
        if self.fed == 0 && bytes.first().is_some_and(|first| *first != HANDSHAKE) {
            return Peek::NotTls;
        }
        while !bytes.is_empty() {
            match self.acceptor.read_tls(&mut bytes) {
                Ok(count) if count > 0 => self.fed += count,
                _ => return Peek::TooLong,
            }
            match self.acceptor.accept() {
                Ok(Some(accepted)) => {
                    let server_name = accepted.client_hello().server_name().map(Into::into);
                    return Peek::Hello(Hello { accepted: Box::new(accepted), rest: bytes.to_vec(), server_name });
                }
                Ok(None) if self.fed >= HELLO_LIMIT => return Peek::TooLong,
                Ok(None) => {}
                Err((error, alert)) => return Peek::Broken(BrokenHello { error, alert }),
            }
        }
        Peek::NeedMore
    }
}

impl Hello {
    /// The name that the client asks for, in lower case.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Protocols that the client wants to speak inside TLS, the preferred one first.
    #[must_use]
    pub fn alpn(&self) -> Vec<Vec<u8>> {
        self.accepted.client_hello().alpn().map(|all| all.map(<[u8]>::to_vec).collect()).unwrap_or_default()
    }

    pub(super) fn schemes(&self) -> Vec<SignatureScheme> {
        self.accepted.client_hello().signature_schemes().to_vec()
    }
}

impl BrokenHello {
    /// What the client is told before the connection ends.
    #[must_use]
    pub fn alert(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = self.alert.write_all(&mut bytes);
        bytes
    }
}

impl fmt::Debug for HelloReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HelloReader").field("fed", &self.fed).finish_non_exhaustive()
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello").field("server_name", &self.server_name()).finish_non_exhaustive()
    }
}

impl fmt::Debug for BrokenHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BrokenHello").field(&self.error).finish()
    }
}
