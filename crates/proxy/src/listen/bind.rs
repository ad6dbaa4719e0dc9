//! Listening sockets: for each worker one of its own on the same address, or one for all where the kernel knows no other way.

use std::io;
use std::net::SocketAddr;

use equipoise_target::{Endpoint, ListenerName};
use socket2::{Domain, Socket, Type};

use crate::ListenOptions;
use crate::listen::inherited::{InheritedSocket, SocketOrigin};
use crate::listen::socket_file::SocketFile;

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

/// Sockets of one listener, bound but perhaps not yet listening: connections are taken only when all listeners have theirs.
///
/// The workers have the same sockets once more. These are kept to be handed to a successor, and closed before the workers
/// take the last connections that wait.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) address: Endpoint,
    sockets: Vec<Socket>,
    /// What the service manager calls them, when they are its own.
    activated: Option<Option<String>>,
    file: Option<SocketFile>,
}

impl Bound {
    /// Binds `count` sockets of this kind. `ours` says that another listener of this program may hold the port.
    pub(crate) fn new(
        bind: Endpoint,
        kind: Type,
        options: &ListenOptions,
        count: usize,
        ours: bool,
    ) -> io::Result<Self> {
        match bind {
            Endpoint::Ip(address) => Self::on_port(address, kind, options, count, ours),
            Endpoint::Unix(path) => {
                let (socket, file) = SocketFile::bind(path.as_path(), options)?;
                options.tune(&socket)?;
                Ok(Self { address: bind, sockets: vec![socket], activated: None, file: Some(file) })
            }
        }
    }

    /// SO_REUSEPORT would silently share a port with another program of the same user, so the port is first bound
    /// without it: that fails when anybody else has it.
    fn on_port(address: SocketAddr, kind: Type, options: &ListenOptions, count: usize, ours: bool) -> io::Result<Self> {
        let bind = |address, share| bind(address, kind, options, share);
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
        Ok(Self { address: address.into(), sockets, activated: None, file: None })
    }

    /// Takes over sockets that somebody else bound; there is at least one.
    pub(crate) fn adopt(inherited: Vec<InheritedSocket>, options: &ListenOptions) -> io::Result<Option<Self>> {
        let Some(first) = inherited.first() else { return Ok(None) };
        let address = first.address();
        let activated = (first.origin() == SocketOrigin::Activation).then(|| first.name().map(str::to_owned));
        let file = match (first.origin(), address.path()) {
            (SocketOrigin::Predecessor { with_file: true }, Some(path)) => SocketFile::adopt(path).ok(),
            _ => None,
        };
        let sockets: Vec<_> = inherited.into_iter().map(InheritedSocket::into_socket).collect();
        sockets.iter().try_for_each(|socket| options.tune(socket))?;
        Ok(Some(Self { address, sockets, activated, file }))
    }

    /// Begins to listen, or changes what can be changed of sockets that do.
    pub(crate) fn listen(&self, options: &ListenOptions) -> io::Result<()> {
        for socket in &self.sockets {
            options.tune(socket)?;
            options.listen(socket)?;
        }
        Ok(())
    }

    /// The sockets once more, dealt to `count` workers: each socket has a worker, and each worker a socket.
    pub(crate) fn deal(&self, count: usize) -> io::Result<Vec<Vec<Socket>>> {
        let mut hands: Vec<_> = std::iter::repeat_with(Vec::new).take(count).collect();
        for turn in 0..self.sockets.len().max(count) {
            hands[turn % count].push(self.sockets[turn % self.sockets.len()].try_clone()?);
        }
        Ok(hands)
    }

    /// The sockets once more, for a successor. `name` when only that can tell whose they are.
    pub(crate) fn hand_over(&self, name: Option<&str>) -> io::Result<Vec<InheritedSocket>> {
        let (name, origin) = match &self.activated {
            Some(name) => (name.clone(), SocketOrigin::Activation),
            None => (name.map(str::to_owned), SocketOrigin::Predecessor { with_file: self.file.is_some() }),
        };
        let again = |socket: &Socket| InheritedSocket::new(socket.try_clone()?, name.clone(), origin);
        self.sockets.iter().map(again).collect()
    }

    /// Sockets, not counting the workers'.
    pub(crate) fn count(&self) -> usize {
        self.sockets.len()
    }

    /// Lets a successor have the file.
    pub(crate) fn leave(self) {
        if let Some(file) = self.file {
            file.leave();
        }
    }
}

fn bind(address: SocketAddr, kind: Type, options: &ListenOptions, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    // Connections of an earlier run that are still closing must not keep the port. For UDP it would mean to share it.
    socket.set_reuse_address(kind == Type::STREAM)?;
    socket.set_reuse_port(share)?;
    if address.is_ipv6() {
        socket.set_only_v6(!options.dual_stack)?;
    }
    options.tune(&socket)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
