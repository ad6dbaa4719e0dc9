//! Who is at the other end of a client's connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Who is at the other end of a client's connection, or who a proxy says is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody with an address. It is canonical: never an IPv4 address written as an IPv6 one. The port is 0 when only a
    /// header field names the address.
    Net(SocketAddr),
    /// A process of this machine, over a Unix socket. It has no address, so lists of networks do not speak of it: the
    /// permissions of the socket's file do.
    Local,
}

/// What stands for the address of somebody who has none, in rules and as a hash key.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Peer {
    /// Somebody of whom a proxy names the address alone.
    pub(crate) fn behind_proxy(address: IpAddr) -> Self {
        SocketAddr::new(address, 0).into()
    }

    /// Address and port, if there are any.
    pub(crate) fn socket(self) -> Option<SocketAddr> {
        match self {
            Self::Net(address) => Some(address),
            Self::Local => None,
        }
    }

    /// The address, if there is one.
    pub(crate) fn ip(self) -> Option<IpAddr> {
        self.socket().map(|address| address.ip())
    }

    /// The address, or `0.0.0.0`, which no one can connect from.
    pub(crate) fn ip_or_nobody(self) -> IpAddr {
        self.ip().unwrap_or(NOBODY)
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Net(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(address) => address.ip().fmt(f),
            Self::Local => f.write_str("unix:"),
        }
    }
}
