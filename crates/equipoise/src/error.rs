//! What can go wrong between a configuration and a running balancer.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use equipoise_balance::BuildPickerError;
use equipoise_config::Report;
use equipoise_health::BuildProbeError;
use equipoise_proxy::BindError;
use equipoise_rule::BuildRulesError;
use equipoise_target::{GroupName, ListenerName, PluginName};

/// Why a balancer could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The builder was given no configuration.
    #[error("no configuration: call `config_path`, `config_text` or `document`")]
    NoConfiguration,
    /// A native router, balancer or health check has a name that cannot be one.
    #[error("registering native code")]
    Name(#[from] equipoise_target::NameError),
    /// The configuration does not pass its checks; the report holds every problem.
    #[error("the configuration has {} error(s)\n{}", .0.errors(), .0)]
    Refused(Box<Report>),
}

/// Why a checked configuration could not be put to work. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A plugin's file could not be read.
    #[error("reading the component of plugin `{plugin}` from {}", path.display())]
    ReadPlugin {
        /// The plugin.
        plugin: PluginName,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A plugin's file is not the one that the configuration pins.
    #[error("the component of plugin `{plugin}`, {}, has digest sha256:{found}; the configuration pins another", path.display())]
    Digest {
        /// The plugin.
        plugin: PluginName,
        /// Its file.
        path: PathBuf,
        /// SHA-256 of the file, in hexadecimal.
        found: String,
    },
    /// A component is not what the configuration says, or does not start.
    #[error("loading plugin `{plugin}` from {}", path.display())]
    LoadPlugin {
        /// The plugin.
        plugin: PluginName,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Plugins cannot run at all.
    #[error("plugin `{plugin}` cannot run")]
    NoPlugins {
        /// The first plugin of the configuration.
        plugin: PluginName,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A listener's certificates cannot be used.
    #[error("setting up TLS on listener `{listener}`")]
    Certificate {
        /// The listener.
        listener: ListenerName,
        /// Which file is to blame, and why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A group's targets cannot be spoken TLS with.
    #[error("setting up TLS with the targets of `{group}`")]
    TargetTls {
        /// The group.
        group: GroupName,
        /// Which file is to blame, and why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A listener's rules cannot be built.
    #[error("building the rules of listener `{listener}`")]
    Rules {
        /// The listener.
        listener: ListenerName,
        /// What is wrong.
        source: BuildRulesError,
    },
    /// A group's balancing cannot be built.
    #[error("building the balancing of target group `{group}`")]
    Picker {
        /// The target group.
        group: GroupName,
        /// What is wrong.
        source: BuildPickerError,
    },
    /// A group's health check cannot be built.
    #[error("building a health check of target group `{group}`")]
    Probe {
        /// The target group.
        group: GroupName,
        /// What is wrong.
        source: BuildProbeError,
    },
    /// The access log cannot be opened.
    #[error("opening the access log {}", path.display())]
    AccessLog {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The admin address cannot be had.
    #[error("listening on the admin address {address}")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the admin token cannot be used.
    #[error("reading the admin token from {}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// What is remembered of scaling groups cannot be had.
    #[error("opening what is remembered of scaling groups")]
    Scaling(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Scaling groups and alarms need the feature `scaling`.
    #[error("{what} cannot be had: this program was built without scaling groups")]
    NoScaling {
        /// The first scaling group or alarm of the configuration.
        what: String,
    },
    /// A listener's address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A drain began meanwhile.
    #[error("the balancer is about to end")]
    Draining,
    /// Several things at once, each as one of the others.
    #[error("{}", lines(.0))]
    Several(Vec<ApplyError>),
    /// A thread that was putting the configuration to work died; this is a bug of ours.
    #[error("putting the configuration to work: {0}")]
    Died(#[from] tokio::task::JoinError),
}

impl ApplyError {
    /// One error for a list that is not empty.
    pub(crate) fn from_list(mut errors: Vec<Self>) -> Option<Self> {
        if errors.len() > 1 { Some(Self::Several(errors)) } else { errors.pop() }
    }

    /// Whether the configuration or what it names is to blame, rather than the machine's state at this moment: starting
    /// again will not help.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Admin { .. }
            | Self::Bind(_)
            | Self::Scaling(_)
            | Self::AccessLog { .. }
            | Self::Draining
            | Self::Died(_) => false,
            Self::Several(errors) => errors.iter().any(Self::is_configuration),
            _ => true,
        }
    }
}

fn lines(errors: &[ApplyError]) -> String {
    errors.iter().map(|error| chain(error)).collect::<Vec<_>>().join("\n")
}

/// An error with everything below it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let below = std::iter::successors(error.source(), |error| error.source());
    below.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

/// Why a balancer did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The threads of the data plane could not be had.
    #[error("starting the data plane")]
    DataPlane(#[source] io::Error),
    /// The configuration could not be put to work.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Why a reload changed nothing: what served before serves on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The configuration does not pass its checks.
    #[error("the configuration has {} error(s)", report.errors())]
    Refused {
        /// The generation that serves on.
        generation: u64,
        /// Every problem.
        report: Box<Report>,
    },
    /// The configuration is sound but could not be put to work.
    #[error("the configuration could not be put to work")]
    Failed {
        /// The generation that serves on.
        generation: u64,
        /// What stood in the way.
        source: ApplyError,
    },
    /// The balancer is about to end.
    #[error("draining: no further configuration is taken")]
    Draining,
}
