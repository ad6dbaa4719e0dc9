//! What is passed on as it is, as written.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What holds for connections that are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TcpSettings {
    /// How long a connection may stay without a byte in either direction: "100ms" to "30d", default "10m".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self { idle: Duration::from_secs(600) }
    }
}

/// What holds for sessions of datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct UdpSettings {
    /// How long a source's session lasts without a datagram in either direction: "100ms" to "24h", default "60s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// Sessions at a time; datagrams of new sources above it are dropped: 1 to 1000000, default 8192. Each takes a file
    /// descriptor.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub sessions: usize,
    /// Sessions of one source at a time, an IPv4 address or an IPv6 network of 64 bits: 1 to 1000000, default 256.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub sessions_per_source: usize,
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), sessions: 8192, sessions_per_source: 256 }
    }
}
