//! How a connection to a target comes about: a socket with its options, the client announced on it, TLS around the rest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use equipoise_target::Endpoint;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::tls::{ClientTls, HandshakeError, TlsName};
use crate::{Ends, ProxyProtocol, Stream};

/// How connections to targets are made. Two that are equal make connections that can stand in for each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dial {
    /// Options of the sockets.
    pub socket: SocketOptions,
    /// What the target is told about the client before the first byte.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What is spoken TLS with; `None` for no TLS.
    pub tls: Option<TargetTls>,
}

/// Options of sockets to targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// How long a connection is silent before the kernel asks whether the other end is still there; `None` for never.
    pub keep_alive: Option<Duration>,
    /// How long sent bytes may stay unacknowledged before the kernel gives the connection up; `None` for its default.
    pub user_timeout: Option<Duration>,
}

/// TLS with targets.
#[derive(Debug, Clone)]
pub struct TargetTls {
    /// What is spoken TLS with.
    pub client: Arc<ClientTls>,
    /// The name that a target's certificate has to be good for; `None` for its own IP address.
    pub name: Option<TlsName>,
}

impl PartialEq for TargetTls {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && (Arc::ptr_eq(&self.client, &other.client) || self.client.settings() == other.client.settings())
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// There is no socket.
    #[error("connecting")]
    Connect {
        /// What the operating system says.
        #[from]
        source: io::Error,
    },
    /// There is a socket, but no TLS on it.
    #[error("agreeing on TLS")]
    Handshake {
        /// What went wrong.
        #[from]
        source: HandshakeError,
    },
}

impl Dial {
    /// Whether a connection is nothing but a socket.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.proxy_protocol.is_none() && self.tls.is_none() && self.socket == SocketOptions::default()
    }

    /// The same, with nothing but `protocol` spoken inside TLS, if there is TLS.
    #[must_use]
    pub fn speaking(&self, protocol: &[u8]) -> Self {
        let only =
            |tls: &TargetTls| TargetTls { client: Arc::new(tls.client.speaking(protocol)), name: tls.name.clone() };
        Self { tls: self.tls.as_ref().map(only), ..self.clone() }
    }

    /// Connects to a target, for the client between `ends` or for ourselves. Nothing here ends it when the target
    /// stalls: the caller does.
    ///
    /// # Errors
    /// [`DialError`] says which step failed.
    pub async fn connect(&self, to: Endpoint, ends: Option<Ends>) -> Result<Stream, DialError> {
        let mut stream = Stream::connect(to).await?;
        if let Stream::Tcp(tcp) = &stream {
            self.socket.set(tcp)?;
        }
        if let Some(version) = self.proxy_protocol {
            stream.write_all(&version.stream(ends)).await?;
        }
        match &self.tls {
            Some(tls) => Ok(tls.client.connect(stream, &tls.name_of(to)).await?),
            None => Ok(stream),
        }
    }
}

impl TargetTls {
    fn name_of(&self, target: Endpoint) -> TlsName {
        // A Unix socket has no address that a certificate could name: a name has to be given, or nobody looks at it.
        let own = || target.ip().unwrap_or(std::net::Ipv4Addr::LOCALHOST.into()).into();
        self.name.clone().unwrap_or_else(own)
    }
}

impl SocketOptions {
    fn set(&self, socket: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(socket);
        if let Some(silence) = self.keep_alive {
            // The kernel counts in seconds, and the third question that stays without an answer is the last.
            let again = (silence / 3).max(Duration::from_secs(1));
            let silence = silence.max(Duration::from_secs(1));
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(silence).with_interval(again).with_retries(3))?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}
