//! How connections to the targets of a group are made.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::ProxyProtocol;

/// How connections to the targets of a group are made.
///
/// It is the identity of connections beside the address: groups with equal transports share them, a reload that leaves
/// it as it was leaves them open, and one that changes it never uses them again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transport {
    /// Which HTTP is spoken.
    pub version: TargetVersion,
    /// What the target is told about the client before the first byte. A connection that was announced so carries
    /// requests of that one client's connection only.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Options of the sockets.
    pub socket: SocketOptions,
}

/// Which HTTP is spoken to targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TargetVersion {
    /// HTTP/1.1: one request at a time on each connection.
    #[default]
    Http1,
    /// HTTP/2, known beforehand or demanded in the TLS handshake: many requests on one connection.
    Http2,
    /// What the target chooses in the TLS handshake, HTTP/2 by preference; HTTP/1.1 without TLS.
    Negotiated,
}

/// Options of sockets to targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// How long a connection is silent before the kernel asks whether the other end is still there; `None` for never.
    pub keep_alive: Option<Duration>,
    /// How long sent bytes may stay unacknowledged before the kernel gives the connection up; `None` for its default.
    pub user_timeout: Option<Duration>,
}

impl Transport {
    /// Whether a connection is nothing but a socket, and speaks HTTP/1.1.
    pub(crate) fn is_bare(&self) -> bool {
        self.proxy_protocol.is_none() && self.socket == SocketOptions::default() && !self.may_multiplex()
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        false
    }

    /// Whether targets may speak HTTP/2.
    pub(crate) fn may_multiplex(&self) -> bool {
        match self.version {
            TargetVersion::Http1 => false,
            TargetVersion::Http2 => true,
            TargetVersion::Negotiated => self.is_tls(),
        }
    }
}

impl SocketOptions {
    /// Sets what is to be set.
    pub(crate) fn set(&self, socket: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(socket);
        if let Some(silence) = self.keep_alive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(silence).with_interval(silence / 4))?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}
