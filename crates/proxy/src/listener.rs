//! Where clients connect, and what holds for their connections.

use std::sync::Arc;
use std::time::Duration;

use equipoise_rule::RuleSet;
use equipoise_stream::tls::ServerTls;
use equipoise_target::{Endpoint, ListenerName};

use crate::downstream::peer::Peer;
use crate::{AccessList, Announcers, ListenOptions, Networks, PathForm, RateLimit, TcpSettings, UdpSettings, Upgrades};

/// Where clients connect, with the rules for what they ask.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listener {
    /// Its name in metrics and logs.
    pub name: ListenerName,
    /// Address and port, or path, to listen on. It is the listener's identity between generations: a listener that keeps it keeps
    /// its sockets and connections, whatever else changes.
    pub bind: Endpoint,
    /// What is spoken.
    pub protocol: ListenerProtocol,
    /// Who may connect.
    pub access: AccessList,
    /// Whose `X-Forwarded-*` and `X-Request-Id` are believed.
    pub trusted_proxies: Networks,
    /// Where requests go.
    pub rules: RuleSet,
    /// How long to wait for clients.
    pub timeouts: ListenerTimeouts,
    /// How much to take from clients.
    pub limits: ListenerLimits,
    /// How often requests may come.
    pub rate_limits: Vec<RateLimit>,
    /// How long a connection is idle before its buffers are given back. It then takes a fifth of the memory, and its next
    /// request about a microsecond more.
    pub park_after: Duration,
    /// Keeps an `X-Request-Id` that anybody sends, instead of only a trusted proxy's.
    pub keep_request_id: bool,
    /// Which spelling of a path rules, plugins and targets see.
    pub path_form: PathForm,
    /// How its sockets are set up.
    pub socket: ListenOptions,
    /// Who speaks for its clients; nobody when `None`.
    pub proxy_protocol: Option<Announcers>,
    /// Protocols that a request may change to.
    pub upgrades: Upgrades,
}

impl Listener {
    /// A listener of HTTP for everybody, with default time-outs and limits, that parks connections after 1 s.
    #[must_use]
    pub fn new(name: ListenerName, bind: impl Into<Endpoint>, rules: RuleSet) -> Self {
        Self {
            name,
            bind: bind.into(),
            rules,
            protocol: ListenerProtocol::default(),
            access: AccessList::default(),
            trusted_proxies: Networks::default(),
            timeouts: ListenerTimeouts::default(),
            limits: ListenerLimits::default(),
            rate_limits: Vec::new(),
            park_after: Duration::from_secs(1),
            keep_request_id: false,
            path_form: PathForm::default(),
            socket: ListenOptions::default(),
            proxy_protocol: None,
            upgrades: Upgrades::default(),
        }
    }

    /// Whether what `peer` says about its clients is believed.
    pub(crate) fn trusts(&self, peer: Peer) -> bool {
        peer.ip().map_or(self.socket.trusted, |ip| self.trusted_proxies.contains(ip))
    }
}

/// Where a listener is. One address can be listened on for connections and for datagrams at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) bind: Endpoint,
    pub(crate) datagrams: bool,
}

impl Listener {
    pub(crate) fn spot(&self) -> Spot {
        Spot { bind: self.bind, datagrams: self.protocol.udp().is_some() }
    }
}

/// What is spoken with clients.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ListenerProtocol {
    /// HTTP/1.1, and HTTP/2 with prior knowledge.
    #[default]
    Http,
    /// HTTP/1.1 and HTTP/2 inside TLS, as the client chooses.
    Https(Arc<ServerTls>),
    /// Anything over TCP: connections are passed on as they are.
    Tcp(TcpSettings),
    /// Anything inside TLS, which is passed on as it is: rules look at what the client says first.
    Tls(TcpSettings),
    /// Datagrams.
    Udp(UdpSettings),
}

impl ListenerProtocol {
    /// The protocol as configurations and logs call it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https(_) => "https",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Udp(_) => "udp",
        }
    }

    /// What TLS is ended with here; `None` where it is not.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<ServerTls>> {
        match self {
            Self::Https(tls) => Some(tls),
            Self::Http | Self::Tcp(_) | Self::Tls(_) | Self::Udp(_) => None,
        }
    }

    /// What holds for connections that are passed on; `None` where requests are.
    #[must_use]
    pub fn tcp(&self) -> Option<&TcpSettings> {
        match self {
            Self::Http | Self::Https(_) | Self::Udp(_) => None,
            Self::Tcp(settings) | Self::Tls(settings) => Some(settings),
        }
    }

    /// What holds for datagrams; `None` where there are connections.
    #[must_use]
    pub fn udp(&self) -> Option<&UdpSettings> {
        match self {
            Self::Udp(settings) => Some(settings),
            _ => None,
        }
    }
}

/// How long to wait for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerTimeouts {
    /// From the connection to the end of the TLS handshake, where there is one.
    pub handshake: Duration,
    /// From the first byte of a request to the end of its head, and from the connection to its first request.
    pub head: Duration,
    /// Between two requests on a connection.
    pub keep_alive: Duration,
    /// Without progress while a body is received from, or sent to, the client.
    pub idle: Duration,
}

impl Default for ListenerTimeouts {
    /// 10 s for a handshake, 10 s for a head, 75 s between requests, 60 s without progress.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            idle: Duration::from_secs(60),
        }
    }
}

/// How much to take from clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at a time; what comes above is answered with 503 and closed.
    pub connections: usize,
    /// Requests at a time, over all workers; what comes above is answered with 503. `None` for any number.
    pub requests: Option<usize>,
    /// Connections of one source at a time: an IPv4 address, or an IPv6 network of 64 bits. What comes above is answered
    /// with 503 and closed.
    pub connections_per_source: Option<usize>,
    /// Header fields of one request; more are answered with 431.
    pub fields: usize,
    /// Bytes of a request's head; more are answered with 431.
    pub head_bytes: usize,
    /// Bytes of path and query; more are answered with 414.
    pub target_bytes: usize,
    /// Passes on fields whose names hold an underscore. Targets that turn names into variables (CGI, WSGI) cannot tell
    /// them from those with a hyphen, so by default they are dropped.
    pub underscores: bool,
    /// How often a request may have come through one of us before, by its `Via` fields; one that comes again is answered
    /// with 508: it goes round in a circle.
    pub passes: usize,
    /// Bytes a second, on average over 10 s, that a request's body must bring while the target waits for it; a slower one
    /// is answered with 408. 0 for any rate. Calls of gRPC and what follows the response's head may be as slow as they like.
    pub body_rate: u64,
}

impl Default for ListenerLimits {
    /// 10,000 connections, 100 fields, 64 KiB of head, 8 KiB of path and query, no underscores, 5 passes, 240 B/s.
    fn default() -> Self {
        Self {
            connections: 10_000,
            requests: None,
            connections_per_source: None,
            fields: 100,
            head_bytes: 64 << 10,
            target_bytes: 8 << 10,
            underscores: false,
            passes: 5,
            body_rate: 240,
        }
    }
}
