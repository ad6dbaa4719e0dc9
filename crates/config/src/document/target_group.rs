//! Groups of targets, as written.

mod resilience;
mod retry;
mod target;
mod way;

use std::num::NonZeroU16;
use std::time::Duration;

use equipoise_balance::Algorithm;
use equipoise_health::{GuardSettings, HealthChecks};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use resilience::{CircuitBreaker, GroupLimits, Hedge, Queue};
pub use retry::{Retry, RetryOn};
pub use target::Target;
pub use way::{ProxyVersion, TargetProtocol, TargetSocket, TargetTls};

/// Targets that can stand in for one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TargetGroup {
    /// What is spoken to the targets: "http", the default, for HTTP/1.1; "https" for HTTP inside TLS, in whichever version
    /// the target agrees to; "h2" for HTTP/2 inside TLS; "h2c" for HTTP/2 without it;
    /// "tcp" for what listeners of "tcp" and "tls" pass on; "udp" for datagrams.
    pub protocol: TargetProtocol,
    /// Who vouches for the targets, and what else TLS needs, of `protocol = "https"` and "h2".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TargetTls>,
    /// Tells targets of each client before the first byte, by version "v1" or "v2" of the PROXY protocol. A connection
    /// then carries the requests of one client only. Default: they are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyVersion>,
    /// How sockets to targets are set up.
    pub socket: TargetSocket,
    /// Port of every target that names none of its own. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<NonZeroU16>,
    /// Who belongs to the group: `"10.0.0.11:8080"`, or `{ address = "10.0.0.11", port = 8080, weight = 2 }`.
    pub targets: Vec<Target>,
    /// How long requests in flight to a target that left the group may take to end: "0s" to "1h", default "30s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub deregistration_delay: Duration,
    /// When every target fails its health checks, requests go to all of them rather than to none. Default true.
    pub fail_open: bool,
    /// How long a target that comes back, or is new, takes to get its whole share: "0s" (at once) to "1h", default "0s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub slow_start: Duration,
    /// Which target takes a request: a table named after the algorithm, default `round-robin`.
    pub balance: Algorithm,
    /// How targets are checked: a table with one table for each kind of check, or an array of such tables when one kind
    /// is needed twice. Default: they are not, and count as healthy.
    pub health_check: HealthChecks,
    /// When a check is doubted rather than the targets that fail it together.
    pub guard: GuardSettings,
    /// How long to wait for targets.
    pub timeouts: TargetTimeouts,
    /// What is tried again on another target.
    pub retry: Retry,
    /// Connections that are kept open to targets.
    pub pool: Pool,
    /// How much the group takes at a time.
    pub limits: GroupLimits,
    /// When a target is left alone because its requests fail. Default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// When a request that is not answered goes to another target too. Default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
}

impl Default for TargetGroup {
    fn default() -> Self {
        Self {
            protocol: TargetProtocol::default(),
            tls: None,
            proxy_protocol: None,
            socket: TargetSocket::default(),
            port: None,
            targets: Vec::new(),
            deregistration_delay: Duration::from_secs(30),
            fail_open: true,
            slow_start: Duration::ZERO,
            balance: Algorithm::default(),
            health_check: HealthChecks::default(),
            guard: GuardSettings::default(),
            timeouts: TargetTimeouts::default(),
            retry: Retry::default(),
            pool: Pool::default(),
            limits: GroupLimits::default(),
            circuit_breaker: None,
            hedge: None,
        }
    }
}

/// How long to wait for targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TargetTimeouts {
    /// Until a connection is established: "1ms" to "10m", default "5s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub connect: Duration,
    /// From the end of the request to the end of the response's head: "1ms" to "24h", default "60s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub first_byte: Duration,
    /// From the beginning of an attempt to the end of its response's head, after which another target is tried; not while
    /// the client owes a part of its body: "1ms" to "24h". Default no limit.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub per_try: Option<Duration>,
    /// Without progress in the response's body: "1ms" to "24h", default "60s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// From the first byte of the request to the last of the response, over all attempts: "1ms" to "24h". Default no
    /// limit.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub total: Option<Duration>,
    /// Without progress in a tunnel, such as WebSocket, or in a stream of events: "1ms" to "24h", default "5m".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub stream_idle: Duration,
    /// From the response's head to its last byte, or the life of a tunnel: "1ms" to "30d". Default no limit.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stream: Option<Duration>,
}

impl Default for TargetTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            per_try: None,
            idle: Duration::from_secs(60),
            total: None,
            stream_idle: Duration::from_secs(5 * 60),
            stream: None,
        }
    }
}

/// Connections that are kept open to targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Pool {
    /// How long a connection waits for its next request. Keep it below the keep-alive time-out of the targets: "0s"
    /// (none is kept) to "1h", default "4s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle_timeout: Duration,
    /// How many wait, for each target and worker: 0 to 10000, default 256.
    #[schemars(range(max = 10_000))]
    pub max_idle: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { idle_timeout: Duration::from_secs(4), max_idle: 256 }
    }
}
