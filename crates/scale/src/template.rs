//! What an instance is started from: the only list of providers' settings.

mod problems;

mod expand;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use expand::Placeholders;

/// What an instance is started from, by the provider that starts it. A change starts an instance refresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LaunchTemplate {
    /// A process of this machine.
    Process(Box<ProcessTemplate>),
    /// A container of a Docker engine.
    Docker(Box<DockerTemplate>),
    /// Whatever four programs start, list, describe and stop.
    Command(Box<CommandTemplate>),
}

/// A process. In `command`, `environment` and `folder`, `{port}`, `{instance}` and `{group}` are replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProcessTemplate {
    /// The program and its arguments. A program without a `/` is looked for in PATH, one with a relative path from the
    /// configuration file's folder. There is no shell.
    pub command: Vec<String>,
    /// Variables beside PATH, HOME, LANG, TZ and those that this adds: PORT, EQUIPOISE_INSTANCE, EQUIPOISE_GROUP,
    /// EQUIPOISE_OWNER, EQUIPOISE_ADDRESS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Variables whose values stand in files, read at each launch and shown nowhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_files: BTreeMap<String, PathBuf>,
    /// The user it runs as, by name or number. Needs the right to change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group it runs as, by name or number; the user's own when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where it runs. Default: the configuration file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Ports of which each instance gets one, such as "6500-6599".
    pub ports: PortRange,
    /// The address that instances listen on. Default: 127.0.0.1.
    #[serde(default = "loopback")]
    pub address: std::net::IpAddr,
    /// What it may use.
    #[serde(default)]
    pub limits: ResourceLimits,
    /// How long it has from its start to its first passed check: "1s" to "1h", default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub grace: Duration,
    /// The signal that asks it to stop: `TERM` (the default), `INT`, `QUIT`, `HUP`, `USR1`, `USR2`, `KILL`.
    #[serde(default = "term")]
    pub stop_signal: String,
    /// How long it has to end then, before it is killed: "0s" to "1h", default "30s".
    #[serde(default = "half_minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub stop_timeout: Duration,
    /// How many of its last lines are kept, to be shown when it fails: 0 to 10000, default 100.
    #[serde(default = "hundred")]
    #[cfg_attr(feature = "schema", schemars(range(max = 10_000)))]
    pub log_lines: u32,
}

/// What a process and everything it starts may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ResourceLimits {
    /// Processors, such as 0.5 or 2: what `cpu-utilization` is in percent of. Enforced where a cgroup is delegated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.01, max = 1024.0)))]
    pub cpu: Option<f64>,
    /// Memory, such as "256MiB". Enforced where a cgroup is delegated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Processes and threads. Enforced where a cgroup is delegated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub tasks: Option<u64>,
    /// Open files (RLIMIT_NOFILE).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 3)))]
    pub open_files: Option<u64>,
    /// Size of a core dump in bytes (RLIMIT_CORE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<u64>,
    /// Address space (RLIMIT_AS), such as "1GiB".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_space: Option<String>,
}

/// A container. In `command`, `environment` and `labels`, `{port}`, `{instance}` and `{group}` are replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DockerTemplate {
    /// The engine's socket. Default: /var/run/docker.sock.
    #[serde(default = "docker_socket")]
    pub socket: PathBuf,
    /// The image, which must be there or can be pulled.
    pub image: String,
    /// The program and its arguments instead of the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Variables whose values stand in files, read at each launch and shown nowhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_files: BTreeMap<String, PathBuf>,
    /// The port inside of the container.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub port: u16,
    /// The network it joins; instances are then reached by their address there, and by a published port otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Labels beside our own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it may use; `cpu`, `memory` and `tasks` count here.
    #[serde(default)]
    pub limits: ResourceLimits,
    /// How long it has from its start to its first passed check: "1s" to "1h", default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub grace: Duration,
    /// How long it has to end when asked to, before it is killed: "0s" to "1h", default "30s".
    #[serde(default = "half_minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub stop_timeout: Duration,
}

/// An engine behind four programs. Each gets the group's name in `EQUIPOISE_GROUP`, and writes JSON to its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandTemplate {
    /// Starts an instance, named by `EQUIPOISE_INSTANCE`; writes `{"handle": "…", "address": "10.0.0.7:6400"}`.
    pub launch: Vec<String>,
    /// Writes what runs: `[{"instance": "i-…", "handle": "…", "address": "…"}]`.
    pub list: Vec<String>,
    /// Says how the instance `EQUIPOISE_HANDLE` does: `{"running": true}`, or `{"running": false, "reason": "…"}`; also,
    /// if known, `"cpu-seconds"` and `"memory"`.
    pub describe: Vec<String>,
    /// Stops the instance `EQUIPOISE_HANDLE`, and returns when it is gone.
    pub stop: Vec<String>,
    /// Variables for all four.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// How long each of them may take: "1s" to "1h", default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub timeout: Duration,
    /// How long an instance has from its start to its first passed check: "1s" to "1h", default "60s".
    #[serde(default = "minute", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub grace: Duration,
    /// How often `describe` is asked: "1s" to "1h", default "10s".
    #[serde(default = "ten_seconds", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub interval: Duration,
}

/// Ports from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange(RangeInclusive<u16>);

/// Why a text is no range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a range of ports: write the first and the last one, such as \"6500-6599\"")]
pub struct PortRangeError;

impl PortRange {
    /// The ports. There is at least one, and 0 is not among them.
    #[must_use]
    pub fn ports(&self) -> RangeInclusive<u16> {
        self.0.clone()
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;
    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or(PortRangeError);
        let range = port(first)?..=port(last)?;
        if range.is_empty() { Err(PortRangeError) } else { Ok(Self(range)) }
    }
}

impl TryFrom<String> for PortRange {
    type Error = PortRangeError;
    fn try_from(text: String) -> Result<Self, PortRangeError> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for PortRange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortRange".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$" })
    }
}

fn loopback() -> std::net::IpAddr {
    std::net::Ipv4Addr::LOCALHOST.into()
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

fn half_minute() -> Duration {
    Duration::from_secs(30)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn term() -> String {
    "TERM".to_owned()
}

fn hundred() -> u32 {
    100
}

fn docker_socket() -> PathBuf {
    "/var/run/docker.sock".into()
}
