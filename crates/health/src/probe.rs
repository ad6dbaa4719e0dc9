//! One look at one target: what a probe is, and the only list of kinds in the program, which is their configuration too.
//!
//! A new kind is one file under `probe/` (settings by `check_kind!`, then [`Kind`], then [`Probe`]), a variant of
//! [`HealthCheck`] and its arm in [`HealthCheck::kind`]. The tests in `probe/tests.rs` run over every kind.

mod bounded;
mod grpc;
mod http;
mod plugin;
mod tcp;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use equipoise_target::{Endpoint, PluginName};
use serde::{Deserialize, Serialize};

pub use self::bounded::look;
pub use self::grpc::GrpcCheck;
pub use self::http::{ExpectedStatus, HttpCheck, JsonField, Scalar};
pub use self::plugin::PluginCheck;
pub use self::tcp::TcpCheck;
use crate::reach::Reach;
use crate::terms::{Problem, Terms, Written};

/// What one look at a target said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target passed.
    Pass,
    /// The target failed, with a reason for people (one line, bounded).
    Fail(Arc<str>),
    /// The check itself could not be made (a plugin broke, no local port was free): says nothing about the target.
    Inconclusive(Arc<str>),
}

/// A probe that is under way.
pub type ProbeFuture<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Looks at a target once. The scheduler bounds the time; an implementation needs no time-out of its own.
pub trait Probe: fmt::Debug + Send + Sync {
    /// Looks at the target whose *check* address (health-check port applied) is `address`.
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_>;
}

/// Where probes that this crate cannot build come from: plugins and native code of an embedding program.
pub trait ProbeSource {
    /// The health check of the plugin `name`; `None` when there is none of that name.
    fn probe(&self, name: &PluginName) -> Option<Arc<dyn Probe>>;
}

/// For programs without plugins: knows none.
impl ProbeSource for () {
    fn probe(&self, _: &PluginName) -> Option<Arc<dyn Probe>> {
        None
    }
}

/// Why a check could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildProbeError {
    /// The check names a plugin that is not there, or that is no health check.
    #[error("there is no health check plugin named `{name}`")]
    UnknownPlugin {
        /// The name that was asked for.
        name: PluginName,
    },
}

/// A health check: its kind, with the kind's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HealthCheck {
    /// Passes when a TCP connection can be opened. Sees nothing but an open port.
    Tcp(TcpCheck),
    /// Passes when an HTTP request is answered as expected.
    Http(Box<HttpCheck>),
    /// Passes when the target says over gRPC that it serves.
    Grpc(GrpcCheck),
    /// Asks a plugin.
    Plugin(PluginCheck),
}

/// What a kind's file has to say.
trait Kind {
    /// The probe that looks as these settings ask for.
    fn build(&self, source: &dyn ProbeSource, reach: &Reach) -> Result<Arc<dyn Probe>, BuildProbeError>;
    /// What people recognise the check by.
    fn label(&self) -> String;
    /// The common settings as written.
    fn written(&self) -> Written;
    /// What fits together badly in the kind's own settings.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
    /// Whether the kind can tell no more than that a port is open.
    fn sees_only_a_port(&self) -> bool {
        false
    }
    /// The plugin that is asked.
    fn plugin(&self) -> Option<&PluginName> {
        None
    }
}

impl HealthCheck {
    /// The one place, beside the enum, that knows every kind.
    fn kind(&self) -> &dyn Kind {
        match self {
            Self::Tcp(check) => check,
            Self::Http(check) => &**check,
            Self::Grpc(check) => check,
            Self::Plugin(check) => check,
        }
    }

    /// The probe that this check looks with, at targets that are reached by `reach`.
    ///
    /// # Errors
    /// [`BuildProbeError`] when `source` has no plugin of the name that the check asks for.
    pub fn probe(&self, source: &dyn ProbeSource, reach: &Reach) -> Result<Arc<dyn Probe>, BuildProbeError> {
        self.kind().build(source, reach)
    }

    /// What people recognise the check by: the kind and what it asks for.
    #[must_use]
    pub fn label(&self) -> String {
        self.kind().label()
    }

    /// The common settings with defaults filled in and brought into range.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.kind().written().terms()
    }

    /// What fits together badly in these settings; empty when they can be used as written.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.kind().written().problems();
        problems.extend(self.kind().problems());
        problems
    }

    /// Whether the check can tell no more than that a port is open: it passes while everything behind the port is gone.
    #[must_use]
    pub fn sees_only_a_port(&self) -> bool {
        self.kind().sees_only_a_port()
    }

    /// The plugin that the check asks, if it asks one.
    #[must_use]
    pub fn plugin(&self) -> Option<&PluginName> {
        self.kind().plugin()
    }
}

#[cfg(test)]
mod tests;
