//! What holds for listeners that pass connections and datagrams on as they are.

use std::time::Duration;

/// What holds for connections that are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSettings {
    /// Without a byte in either direction.
    pub idle: Duration,
}

/// What holds for sessions of datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpSettings {
    /// Without a datagram in either direction.
    pub idle: Duration,
    /// Sessions at a time, over all workers. Datagrams of new sources above it are dropped; those of known ones pass.
    pub sessions: usize,
    /// Sessions of one source address at a time, over all workers. A network of 64 bits counts as one IPv6 address.
    pub sessions_per_source: usize,
}

impl Default for UdpSettings {
    /// 60 s; 8,192 sessions; 256 of each source.
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), sessions: 8192, sessions_per_source: 256 }
    }
}

impl Default for TcpSettings {
    /// 10 minutes.
    fn default() -> Self {
        Self { idle: Duration::from_secs(600) }
    }
}
