//! Listening sockets: one for each worker, on the same address.

use std::io;
use std::net::{SocketAddr, TcpListener};

use equipoise_target::{Endpoint, ListenerName};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, on each socket. The kernel cuts it to its own limit.
const BACKLOG: i32 = 4096;

/// Why a generation could not be applied: what it replaces goes on unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// An address could not be listened on.
    #[error("listener `{listener}` cannot listen on {address}")]
    Bind {
        /// Whose address it is.
        listener: ListenerName,
        /// The address, with the port as it was asked for.
        address: Endpoint,
        /// What the operating system said.
        source: io::Error,
    },
    /// Two listeners of one generation have the same address.
    #[error("listeners `{first}` and `{second}` both listen on {address}")]
    Shared {
        /// The one that comes first.
        first: ListenerName,
        /// The other.
        second: ListenerName,
        /// Their address.
        address: Endpoint,
    },
    /// The data plane has been stopped.
    #[error("the data plane has stopped")]
    Stopped,
}

/// Sockets of one listener, bound but not yet listening: connections are taken only when all listeners have theirs.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) address: Endpoint,
    sockets: Vec<Socket>,
}

impl Bound {
    /// Binds `count` sockets. `ours` says that another listener of this program may hold the port.
    ///
    /// SO_REUSEPORT would silently share a port with another program of the same user, so the port is first bound
    /// without it: that fails when anybody else has it.
    pub(crate) fn new(address: impl Into<Endpoint>, count: usize, ours: bool) -> io::Result<Self> {
        let Some(address) = address.into().socket() else { return Err(io::ErrorKind::Unsupported.into()) };
        if !ours && address.port() != 0 {
            bind(address, false)?;
        }
        let first = bind(address, true)?;
        // Port 0 means any free one: the first socket finds it, the others share it.
        let address = first.local_addr()?.as_socket().unwrap_or(address);
        let mut sockets = vec![first];
        for _ in 1..count {
            sockets.push(bind(address, true)?);
        }
        Ok(Self { address: address.into(), sockets })
    }

    pub(crate) fn listen(self) -> io::Result<Vec<TcpListener>> {
        let listen = |socket: Socket| socket.listen(BACKLOG).map(|()| socket.into());
        self.sockets.into_iter().map(listen).collect()
    }
}

fn bind(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier run that are still closing must not keep the port.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // One address, one family: `[::]` beside `0.0.0.0` must not clash, and addresses in logs must not be mapped ones.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn all_sockets_share_one_port() {
        let bound = Bound::new(any(), 3, false).unwrap();
        let port = bound.address.port().unwrap();
        let listening = bound.listen().unwrap();
        assert!(listening.iter().all(|socket| socket.local_addr().unwrap().port() == port));
        assert_eq!(listening.len(), 3);
    }

    #[test]
    fn a_port_that_somebody_shares_with_reuseport_is_still_busy() {
        let other = bind(any(), true).unwrap();
        other.listen(1).unwrap();
        let address = other.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(Bound::new(address, 1, false).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(Bound::new(address, 1, true).is_ok());
    }
}
