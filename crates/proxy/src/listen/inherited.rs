//! Listening sockets that somebody else bound: the service manager, or the process that this one replaces.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use equipoise_target::{Endpoint, UnixPath};
use socket2::{Socket, Type};

/// Whose sockets they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketOrigin {
    /// The service manager's: it listens beside us, before, after and between.
    Activation,
    /// A process that is about to end, and leaves its sockets to this one.
    Predecessor {
        /// Whether the file of a Unix socket is ours to remove at the end.
        with_file: bool,
    },
}

/// A socket that was bound before the program started.
#[derive(Debug)]
pub struct InheritedSocket {
    name: Option<String>,
    origin: SocketOrigin,
    address: Endpoint,
    socket: Socket,
}

impl InheritedSocket {
    /// A socket for the listener of this name, or without one for the listener of the same address.
    ///
    /// # Errors
    /// The operating system's, and [`io::ErrorKind::InvalidInput`] when it is bound to neither an IP address nor a path.
    pub fn new(socket: impl Into<OwnedFd>, name: Option<String>, origin: SocketOrigin) -> io::Result<Self> {
        let socket = Socket::from(socket.into());
        let address = address(&socket)?;
        Ok(Self { name, origin, address, socket })
    }

    /// The listener that it is for, whatever its address.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whose it is.
    #[must_use]
    pub fn origin(&self) -> SocketOrigin {
        self.origin
    }

    /// What it is bound to.
    #[must_use]
    pub fn address(&self) -> Endpoint {
        self.address
    }

    fn is_for(&self, name: &str, bind: Endpoint, kind: Type) -> bool {
        let matches = self.name.as_deref() == Some(name) || self.address == bind;
        matches && self.socket.r#type().is_ok_and(|found| found == kind)
    }

    /// The socket once more.
    pub(crate) fn again(&self) -> io::Result<Self> {
        let socket = self.socket.try_clone()?;
        Ok(Self { name: self.name.clone(), origin: self.origin, address: self.address, socket })
    }

    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }
}

impl From<InheritedSocket> for OwnedFd {
    fn from(inherited: InheritedSocket) -> Self {
        inherited.socket.into()
    }
}

/// What a socket is bound to.
pub(crate) fn address(socket: &Socket) -> io::Result<Endpoint> {
    let address = socket.local_addr()?;
    let path = || address.as_pathname().and_then(|path| UnixPath::new(path).ok()).map(Endpoint::Unix);
    let none = || io::Error::new(io::ErrorKind::InvalidInput, "a socket is bound to neither an IP address nor a path");
    address.as_socket().map(Endpoint::Ip).or_else(path).ok_or_else(none)
}

/// Inherited sockets that nobody serves yet.
#[derive(Debug, Default)]
pub(crate) struct Inheritance(Mutex<Vec<InheritedSocket>>);

impl Inheritance {
    pub(crate) fn add(&self, sockets: Vec<InheritedSocket>) {
        self.lock().extend(sockets);
    }

    /// The sockets of one listener. Those of the service manager can be claimed again: it keeps them open in any case.
    pub(crate) fn claim(&self, name: &str, bind: Endpoint, kind: Type) -> io::Result<Vec<InheritedSocket>> {
        let mut all = self.lock();
        let activated = all.iter().filter(|socket| socket.origin == SocketOrigin::Activation);
        let mut claimed = activated
            .filter(|socket| socket.is_for(name, bind, kind))
            .map(InheritedSocket::again)
            .collect::<io::Result<Vec<_>>>()?;
        claimed.extend(
            all.extract_if(.., |socket| socket.origin != SocketOrigin::Activation && socket.is_for(name, bind, kind)),
        );
        Ok(claimed)
    }

    /// Lets go what a predecessor had and this process has no use for: nobody would accept what waits there.
    pub(crate) fn settle(&self) {
        for socket in self.lock().extract_if(.., |socket| socket.origin != SocketOrigin::Activation) {
            tracing::info!(address = %socket.address, "no listener is left for a socket of the process before");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<InheritedSocket>> {
        // Every change is one step: a panic leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn bound(name: Option<&str>, origin: SocketOrigin) -> InheritedSocket {
        InheritedSocket::new(TcpListener::bind("127.0.0.1:0").unwrap(), name.map(str::to_owned), origin).unwrap()
    }

    #[test]
    fn a_name_finds_its_socket_and_so_does_an_address() {
        let inheritance = Inheritance::default();
        let (named, unnamed) =
            (bound(Some("web"), SocketOrigin::Activation), bound(None, SocketOrigin::Predecessor { with_file: false }));
        let (elsewhere, there) = ("127.0.0.1:1".parse().unwrap(), unnamed.address());
        inheritance.add(vec![named, unnamed]);
        assert_eq!(inheritance.claim("api", elsewhere, Type::STREAM).unwrap().len(), 0);
        assert_eq!(inheritance.claim("api", there, Type::DGRAM).unwrap().len(), 0);
        assert_eq!(inheritance.claim("api", there, Type::STREAM).unwrap().len(), 1);
        assert_eq!(inheritance.claim("web", elsewhere, Type::STREAM).unwrap().len(), 1);
    }

    #[test]
    fn only_the_service_managers_sockets_can_be_claimed_twice() {
        let inheritance = Inheritance::default();
        let predecessor = bound(Some("web"), SocketOrigin::Predecessor { with_file: false });
        let address = predecessor.address();
        inheritance.add(vec![predecessor, bound(Some("api"), SocketOrigin::Activation)]);
        for (name, times) in [("web", 1), ("api", 2)] {
            let claims =
                (0..2).map(|_| inheritance.claim(name, "[::1]:1".parse().unwrap(), Type::STREAM).unwrap().len());
            assert_eq!(claims.sum::<usize>(), times, "{name}");
        }
        inheritance.settle();
        assert_eq!(inheritance.claim("other", address, Type::STREAM).unwrap().len(), 0);
    }
}
