//! A listening socket as a worker's reactor sees it, whatever it runs over.

use std::io;

use equipoise_stream::Stream;
use socket2::{Domain, Socket};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::downstream::peer::Peer;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    /// Gives a socket, which does not block, to the reactor of this thread.
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        if socket.domain()? == Domain::UNIX {
            UnixListener::from_std(socket.into()).map(Self::Unix)
        } else {
            TcpListener::from_std(socket.into()).map(Self::Tcp)
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| (stream.into(), peer.into())),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (stream.into(), Peer::Local)),
        }
    }

    /// What waits in the queue of a socket that is about to be closed: those clients believe that they are connected.
    /// At most `limit` of them: a successor may take connections from the same queue meanwhile, without an end.
    pub(crate) fn rest(self, limit: usize, mut take: impl FnMut(Stream, Peer)) {
        // Non-blocking, as they were before tokio had them.
        match self {
            Self::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else { return };
                while_some(limit, || {
                    let (stream, peer) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    take(TcpStream::from_std(stream)?.into(), peer.into());
                    Ok(())
                });
            }
            Self::Unix(listener) => {
                let Ok(listener) = listener.into_std() else { return };
                while_some(limit, || {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    take(UnixStream::from_std(stream)?.into(), Peer::Local);
                    Ok(())
                });
            }
        }
    }
}

fn while_some(limit: usize, mut next: impl FnMut() -> io::Result<()>) {
    for _ in 0..limit {
        if next().is_err() {
            break;
        }
    }
}
