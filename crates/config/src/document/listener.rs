//! Where requests come in, as written.

use std::time::Duration;

use equipoise_rule::{Action, Rule};
use equipoise_target::Endpoint;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ListenerSocket, ListenerTls, Protocol, ProxyProtocolFrom, RateLimit, TcpSettings, UdpSettings, address, network,
};
use crate::size::Size;

/// An address that takes requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("required" = ["bind"]))]
pub struct Listener {
    /// Address and port: `"0.0.0.0:8080"`, `"[::]:8080"`; or a Unix socket: `"unix:/run/equipoise/web.sock"`. Required.
    #[serde(
        deserialize_with = "address::some_endpoint",
        serialize_with = "address::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "String")]
    pub bind: Option<Endpoint>,
    /// What is spoken: "http", the default, or "https"; "tcp" or "tls" for connections that are passed on as they are, "tls"
    /// by what the client says first; "udp" for datagrams.
    pub protocol: Protocol,
    /// Certificates, and what else TLS needs, of `protocol = "https"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// Networks that may connect, such as "10.0.0.0/8" or a single address. Default everybody.
    #[serde(deserialize_with = "network::networks", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "network::schema")]
    pub allow: Vec<IpNet>,
    /// Networks that may not connect, even when `allow` lists them. Default nobody.
    #[serde(deserialize_with = "network::networks", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "network::schema")]
    pub deny: Vec<IpNet>,
    /// Networks of proxies whose `X-Forwarded-*` fields are believed. Default nobody.
    #[serde(deserialize_with = "network::networks", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "network::schema")]
    pub trusted_proxies: Vec<IpNet>,
    /// Keeps an `X-Request-Id` that any client sends, instead of only a trusted proxy's. Default false.
    pub keep_request_id: bool,
    /// Which spelling of a path rules, plugins and targets see: "full", the default, without `.`, `..` and `//` and with
    /// one spelling for each encoded character; "keep-slashes", the same with `//` left alone; or "off", as it was sent.
    pub normalize_path: NormalizePath,
    /// Protocols that a request may change to, by their names in `Upgrade` fields. Default `["websocket"]`; "h2c" cannot be
    /// among them.
    pub upgrades: Upgrades,
    /// How its sockets are set up.
    pub socket: ListenerSocket,
    /// Load balancers in front that announce their clients by the PROXY protocol. Default nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocolFrom>,
    /// What holds for connections that are passed on, with `protocol = "tcp"` or `"tls"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSettings>,
    /// What holds for sessions of datagrams, with `protocol = "udp"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<UdpSettings>,
    /// How long to wait for clients.
    pub timeouts: ClientTimeouts,
    /// How much to take from clients.
    pub limits: ClientLimits,
    /// How often requests may come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rate_limit: Vec<RateLimit>,
    /// What happens to a request that no rule takes. Default: it is answered with 404.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Action>,
    /// What happens to requests, tried from the lowest priority number to the highest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<Rule>,
}

/// Which spelling of a path rules, plugins and targets see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NormalizePath {
    /// Without `.`, `..` and `//`, and with one spelling for each encoded character; a path that leads above the root or
    /// is encoded wrongly is answered with 400.
    #[default]
    Full,
    /// The same, but slashes stay as many as they are.
    KeepSlashes,
    /// As it was sent.
    Off,
}

/// Protocols that a request may change to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Upgrades(pub Vec<String>);

impl Default for Upgrades {
    fn default() -> Self {
        Self(vec!["websocket".to_owned()])
    }
}

/// How long to wait for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClientTimeouts {
    /// From the connection to the end of the TLS handshake, where there is one: "100ms" to "1h", default "10s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub handshake: Duration,
    /// From the first byte of a request to the end of its head: "100ms" to "1h", default "10s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub head: Duration,
    /// Between two requests on a connection: "100ms" to "24h", default "75s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub keep_alive: Duration,
    /// Without progress while a body is received from the client or sent to it: "100ms" to "24h", default "60s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
}

impl Default for ClientTimeouts {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClientLimits {
    /// Connections at a time; more are answered with 503: 1 to 1000000, default 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: usize,
    /// Connections of one source at a time, an IPv4 address or an IPv6 network of 64 bits; more are answered with 503: 1
    /// to 1000000, default any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_source: Option<usize>,
    /// Requests at a time, over all workers; more are answered with 503: 1 to 1000000. Default no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: Option<usize>,
    /// Header fields of one request; more are answered with 431: 1 to 1000, default 100.
    #[schemars(range(min = 1, max = 1000))]
    pub fields: usize,
    /// Bytes of a request's head; more are answered with 431: "1KiB" to "1MiB", default "64KiB".
    pub head_size: Size,
    /// Bytes of a request's path and query; more are answered with 414: "256B" to "256KiB", default "8KiB".
    pub uri_size: Size,
    /// Passes on header fields whose names hold an underscore, which targets such as CGI programs cannot tell from
    /// those with a hyphen. Default false: they are dropped.
    pub underscores: bool,
    /// How often a request may have come through an Equipoise before, by its `Via` fields; more are answered with 508: 1
    /// to 100, default 5.
    #[schemars(range(min = 1, max = 100))]
    pub passes: usize,
    /// Bytes a second, on average over 10 s, that a request's body must bring while the target waits for it; slower ones are
    /// answered with 408: "0B" (any) to "1MiB", default "240B". gRPC may be slower.
    pub body_rate: Size,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_source: None,
            requests: None,
            fields: 100,
            head_size: Size::kib(64),
            uri_size: Size::kib(8),
            underscores: false,
            passes: 5,
            body_rate: Size(240),
        }
    }
}
