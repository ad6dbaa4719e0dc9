//! The configuration that the program runs: every name resolves, every default is filled in, every value is in range.

mod needs;
mod way;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use equipoise_balance::Algorithm;
use equipoise_health::{GuardSettings, HealthCheck};
use equipoise_rule::{Action, Rule};
use equipoise_scale::{Alarm, ScalingGroup};
use equipoise_target::{AlarmName, Endpoint, GroupName, ListenerName, PluginName, ScalingGroupName};
use ipnet::IpNet;

use crate::document::{
    AccessLog, Admin, CircuitBreaker, ClientAuthMode, ClientLimits, ClientTimeouts, Fallback, Grant, GroupLimits,
    Hedge, ListenerSocket, NormalizePath, Pool, Protocol, ProxyProtocolFrom, RateLimit, Retry, Scaling, Shed,
    TargetTimeouts, TcpSettings, TlsVersion, UdpSettings, Upgrades, World,
};
use crate::size::Size;

pub use self::needs::{Need, Needed};
pub use self::way::{TargetTls, Way};

/// A configuration that can be run. Plain data: two that are equal ask for the same. The default one asks for nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The address for status, metrics and control.
    pub admin: Admin,
    /// One line for each request.
    pub access_log: AccessLog,
    /// Threads that serve requests; `None` for one for each processor.
    pub workers: Option<NonZeroUsize>,
    /// How long requests in flight may take to end.
    pub drain_timeout: Duration,
    /// What happens while a worker cannot keep up.
    pub shed: Shed,
    /// Addresses that take requests, in the order of their names. No two have the same address.
    pub listeners: Vec<Listener>,
    /// Groups of targets, in the order of their names. Every group that a rule names is among them.
    pub target_groups: Vec<TargetGroup>,
    /// Plugins, in the order of their names. Every plugin that something names is among them, with the right world.
    pub plugins: Vec<Plugin>,
    /// What holds for all scaling groups.
    pub scaling: Scaling,
    /// Scaling groups. Each feeds a target group that is among the above, over HTTP, TCP or UDP; its paths are absolute, and
    /// its policies' alarms are among those below.
    pub scaling_groups: BTreeMap<ScalingGroupName, ScalingGroup>,
    /// Alarms. Each is about one scaling group or target group that is among the above.
    pub alarms: BTreeMap<AlarmName, Alarm>,
}

/// An address that takes requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Its name.
    pub name: ListenerName,
    /// Address and port, port 0 for any free one; or a Unix socket.
    pub bind: Endpoint,
    /// What is spoken.
    pub protocol: Protocol,
    /// What TLS is ended with; there exactly when the protocol needs it.
    pub tls: Option<ListenerTls>,
    /// Networks that may connect; everybody when empty.
    pub allow: Vec<IpNet>,
    /// Networks that may not connect, even when `allow` lists them.
    pub deny: Vec<IpNet>,
    /// Networks of proxies whose word about the client is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether any client may name its request.
    pub keep_request_id: bool,
    /// Which spelling of a path rules, plugins and targets see.
    pub normalize_path: NormalizePath,
    /// Protocols that a request may change to.
    pub upgrades: Upgrades,
    /// How its sockets are set up.
    pub socket: ListenerSocket,
    /// Load balancers that announce their clients.
    pub proxy_protocol: Option<ProxyProtocolFrom>,
    /// What holds for connections that are passed on; `None` on listeners of anything else.
    pub tcp: Option<TcpSettings>,
    /// What holds for sessions of datagrams; `None` on listeners of anything else.
    pub udp: Option<UdpSettings>,
    /// How long to wait for clients.
    pub timeouts: ClientTimeouts,
    /// How much to take from clients.
    pub limits: ClientLimits,
    /// How often requests may come.
    pub rate_limits: Vec<RateLimit>,
    /// What happens to a request that no rule takes. It has an end. A connection or datagram that no rule takes goes
    /// nowhere when that is no `forward`.
    pub default: Action,
    /// Rules from the lowest priority number to the highest; no two have the same.
    pub rules: Vec<Rule>,
}

/// What TLS with clients is ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    /// At least one; the first is the default.
    pub certificates: Vec<CertificateFiles>,
    /// How clients are asked for certificates, if they are.
    pub client_auth: Option<ClientAuth>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

/// Files of a certificate. Absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and those that vouch for it.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Which certificates of clients are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// File of those who vouch for clients.
    pub ca: PathBuf,
    /// Whether clients may go without.
    pub mode: ClientAuthMode,
}

impl ListenerTls {
    /// Every file that it names.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let certificates = self.certificates.iter().flat_map(|files| [&files.chain, &files.key]);
        certificates.chain(self.client_auth.iter().map(|auth| &auth.ca))
    }
}

impl Config {
    /// Every file that it names: components, secrets, certificates. What is in them belongs to the configuration.
    #[must_use]
    pub fn named_files(&self) -> Vec<PathBuf> {
        let plugins = self.plugins.iter().map(|plugin| &plugin.component);
        let tls = self.listeners.iter().filter_map(|listener| listener.tls.as_ref()).flat_map(ListenerTls::files);
        let targets = self.target_groups.iter().filter_map(|group| group.way.tls.as_ref()).flat_map(TargetTls::files);
        plugins.chain(&self.admin.token_file).chain(tls).chain(targets).cloned().collect()
    }
}

/// Targets that can stand in for one another.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetGroup {
    /// Its name.
    pub name: GroupName,
    /// How the targets are reached, and what is spoken to them.
    pub way: Way,
    /// The targets, as written. No two have the same address.
    pub targets: Vec<Target>,
    /// How long requests in flight to a target that left may take to end.
    pub deregistration_delay: Duration,
    /// Whether requests go to every target when all fail their checks.
    pub fail_open: bool,
    /// How long a target that comes back takes to get its whole share.
    pub slow_start: Duration,
    /// Which target takes a request.
    pub balance: Algorithm,
    /// How targets are checked; not at all when empty.
    pub health_checks: Vec<HealthCheck>,
    /// When a check is doubted rather than the targets.
    pub guard: GuardSettings,
    /// How long to wait for targets.
    pub timeouts: TargetTimeouts,
    /// What is tried again on another target.
    pub retry: Retry,
    /// Connections that are kept open to targets.
    pub pool: Pool,
    /// How much the group takes at a time.
    pub limits: GroupLimits,
    /// When a target is left alone because its requests fail.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// When a request that is not answered goes to another target too.
    pub hedge: Option<Hedge>,
}

/// A place that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub address: Endpoint,
    /// Share of requests relative to the group's other targets; 0 takes no new ones.
    pub weight: u32,
    /// Fail-over tier.
    pub priority: u32,
}

/// A WebAssembly component that takes decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// Its name.
    pub name: PluginName,
    /// The component's file.
    pub component: PathBuf,
    /// The question that it answers.
    pub world: World,
    /// Longest call.
    pub time: Duration,
    /// Largest memory of one instance.
    pub memory: Size,
    /// What happens when it fails.
    pub fallback: Fallback,
    /// What it may do beyond its world, sorted, each once.
    pub grants: Vec<Grant>,
    /// SHA-256 that the file must have.
    pub digest: Option<[u8; 32]>,
    /// Its own configuration. No number in it is infinite or not a number.
    pub config: toml::Table,
}

impl Plugin {
    /// Its own configuration as JSON text, in the order of its keys. Dates are texts.
    #[must_use]
    pub fn config_json(&self) -> String {
        crate::json::table(&self.config).to_string()
    }
}
