//! One look at one target.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use equipoise_target::PluginName;

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
    fn probe(&self, address: SocketAddr) -> ProbeFuture<'_>;
}

/// Where probes that this crate cannot build come from: plugins and native code of an embedding program.
pub trait ProbeSource {
    /// The health check of the plugin `name`; `None` when there is none of that name.
    fn probe(&self, name: &PluginName) -> Option<Arc<dyn Probe>>;
}
