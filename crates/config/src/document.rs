//! The configuration as it is written.
//!
//! A [`Document`] says only what its author said: names may dangle, defaults are still open. It can be read from TOML or
//! built in code; either way [`crate::check`] turns it into a [`crate::Config`], or says what is wrong with it.
//!
//! ```
//! use equipoise_config::document::{Document, Listener, Target, TargetGroup};
//! use equipoise_rule::Action;
//! use equipoise_target::{GroupName, ListenerName};
//! use std::net::SocketAddr;
//! use std::path::Path;
//!
//! let todo = GroupName::new("todo")?;
//! let targets = ["127.0.0.1:6400", "127.0.0.1:6401"].map(|address| address.parse::<SocketAddr>());
//! let group = TargetGroup {
//!     targets: targets.into_iter().map(|address| address.map(Target::from)).collect::<Result<_, _>>()?,
//!     ..TargetGroup::default()
//! };
//! let listener = Listener {
//!     bind: Some("127.0.0.1:8080".parse()?),
//!     default: Some(Action::forward(todo.clone())),
//!     ..Listener::default()
//! };
//! let document = Document {
//!     listener: [(ListenerName::new("web")?, listener)].into(),
//!     target_group: [(todo, group)].into(),
//!     ..Document::default()
//! };
//! let config = equipoise_config::check(&document, Path::new("."), &[])?.config;
//! assert_eq!(config.listeners[0].bind.port(), Some(8080));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod address;
mod admin;
mod layer4;
mod listener;
mod network;
mod overload;
mod plugin;
mod protocol;
mod scaling;
mod socket;
mod target_group;
mod tls;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use equipoise_scale::{Alarm, ScalingGroup};
use equipoise_target::{AlarmName, GroupName, ListenerName, PluginName, ScalingGroupName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use address::{AddressError, Host};
pub use admin::{AccessLog, AccessLogFormat, Admin};
pub use layer4::{TcpSettings, UdpSettings};
pub use listener::{ClientLimits, ClientTimeouts, Listener, NormalizePath, Upgrades};
pub use overload::{RateKey, RateLimit, Shed};
pub use plugin::{Fallback, Grant, Plugin, PluginLimits, World};
pub use protocol::Protocol;
pub(crate) use protocol::Traffic;
pub use scaling::{Scaling, StateFile};
pub use socket::{FileMode, ListenerSocket, ProxyProtocolFrom};
pub use target_group::{
    CircuitBreaker, GroupLimits, Hedge, Pool, ProxyVersion, Queue, Retry, RetryOn, Target, TargetGroup, TargetProtocol,
    TargetSocket, TargetTimeouts, TargetTls,
};
pub use tls::{CertificateFiles, ClientAuth, ClientAuthMode, ListenerTls, TlsVersion};

/// A whole configuration, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(title = "Equipoise configuration")]
pub struct Document {
    /// The address for status, metrics and control.
    pub admin: Admin,
    /// One line for each request.
    pub access_log: AccessLog,
    /// Threads that serve requests: 1 to 1024, default one for each processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<NonZeroUsize>,
    /// How long requests in flight may take to end when the program stops or a listener goes away: "0s" to "1h",
    /// default "30s".
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub drain_timeout: Duration,
    /// What happens while a worker cannot keep up.
    pub shed: Shed,
    /// Addresses that take requests, by name.
    pub listener: BTreeMap<ListenerName, Listener>,
    /// Groups of targets that answer requests, by name.
    pub target_group: BTreeMap<GroupName, TargetGroup>,
    /// WebAssembly components that take decisions, by name.
    pub plugin: BTreeMap<PluginName, Plugin>,
    /// What holds for all scaling groups.
    pub scaling: Scaling,
    /// Groups of instances that are started and stopped as they are needed, by name.
    pub scaling_group: BTreeMap<ScalingGroupName, ScalingGroup>,
    /// What is watched, and from when on something is done about it, by name.
    pub alarm: BTreeMap<AlarmName, Alarm>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            admin: Admin::default(),
            access_log: AccessLog::default(),
            workers: None,
            drain_timeout: Duration::from_secs(30),
            shed: Shed::default(),
            listener: BTreeMap::new(),
            target_group: BTreeMap::new(),
            plugin: BTreeMap::new(),
            scaling: Scaling::default(),
            scaling_group: BTreeMap::new(),
            alarm: BTreeMap::new(),
        }
    }
}
