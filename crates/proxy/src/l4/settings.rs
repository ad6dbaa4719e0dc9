//! What holds for listeners that pass connections and datagrams on as they are.

use std::time::Duration;

/// What holds for connections that are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSettings {
    /// Without a byte in either direction.
    pub idle: Duration,
}

impl Default for TcpSettings {
    /// 10 minutes.
    fn default() -> Self {
        Self { idle: Duration::from_secs(600) }
    }
}
