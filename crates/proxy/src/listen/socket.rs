//! Listening sockets as the configuration wants them, whoever made them.

use std::io;
use std::time::Duration;

use socket2::{Domain, Socket, TcpKeepalive, Type};

/// Probes that a silent connection may leave without an answer.
const PROBES: u32 = 4;

/// How a listener's sockets are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// Connections that may wait to be accepted, on each socket. The kernel cuts it to its own limit.
    pub backlog: u16,
    /// Takes IPv4 too on an IPv6 address. Otherwise `[::]` and `0.0.0.0` can stand side by side.
    pub dual_stack: bool,
    /// How long a TCP connection may be silent before the kernel asks whether the client is still there; never when
    /// `None`. A client that leaves four questions without an answer is gone.
    pub keep_alive: Option<Duration>,
    /// How long what was sent to a client may stay unacknowledged before the kernel gives up; as long as the kernel likes
    /// when `None`.
    pub user_timeout: Option<Duration>,
    /// For Unix sockets: the file's permissions.
    pub mode: u32,
    /// For Unix sockets: the file's owner; who runs the program when `None`.
    pub owner: Option<u32>,
    /// For Unix sockets: the file's group; that of who runs the program when `None`.
    pub group: Option<u32>,
    /// For Unix sockets: believes the `X-Forwarded-*` fields of whoever connects, who has no address that a list of trusted
    /// proxies could hold.
    pub trusted: bool,
}

impl Default for ListenOptions {
    /// 4,096 waiting connections, one address family, keep-alive after a minute, a file for owner and group.
    fn default() -> Self {
        Self {
            backlog: 4096,
            dual_stack: false,
            keep_alive: Some(Duration::from_secs(60)),
            user_timeout: None,
            mode: 0o660,
            owner: None,
            group: None,
            trusted: false,
        }
    }
}

impl ListenOptions {
    /// Brings a socket into shape that may serve already. Connections inherit what is set on the socket that they come
    /// from, so it costs none of them a system call.
    pub(crate) fn tune(&self, socket: &Socket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let is_ip = matches!(socket.domain()?, Domain::IPV4 | Domain::IPV6);
        if !is_ip || socket.r#type()? != Type::STREAM {
            return Ok(());
        }
        // Without it small answers wait for acknowledgements.
        socket.set_tcp_nodelay(true)?;
        socket.set_keepalive(self.keep_alive.is_some())?;
        if let Some(silence) = self.keep_alive {
            let interval = (silence / 4).max(Duration::from_secs(1));
            socket.set_tcp_keepalive(
                &TcpKeepalive::new().with_time(silence).with_interval(interval).with_retries(PROBES),
            )?;
        }
        socket.set_tcp_user_timeout(self.user_timeout)
    }

    /// Begins to take connections, or goes on with another backlog. Nothing for sockets without connections.
    pub(crate) fn listen(&self, socket: &Socket) -> io::Result<()> {
        if socket.r#type()? == Type::STREAM { socket.listen(self.backlog.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};

    use super::*;

    #[test]
    fn connections_inherit_what_is_set_on_the_listening_socket() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        let options = ListenOptions {
            keep_alive: Some(Duration::from_secs(40)),
            user_timeout: Some(Duration::from_secs(7)),
            ..ListenOptions::default()
        };
        options.tune(&socket).unwrap();
        options.listen(&socket).unwrap();
        socket.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(socket.local_addr().unwrap().as_socket().unwrap()).unwrap();
        let (accepted, _) = socket.accept().unwrap();
        assert!(accepted.tcp_nodelay().unwrap() && accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_keepalive_time().unwrap(), Duration::from_secs(40));
        assert_eq!(accepted.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
        assert_eq!(accepted.tcp_user_timeout().unwrap(), Some(Duration::from_secs(7)));
    }
}
