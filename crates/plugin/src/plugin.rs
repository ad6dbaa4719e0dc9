//! One loaded plugin.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use equipoise_balance::Picker;
use equipoise_health::Probe;
use equipoise_rule::Router;
use equipoise_target::{PluginName, Snapshot};

use crate::host::HostEngine;
use crate::kind::Kind;
use crate::stats::{PluginStats, Stats};
use crate::{Capability, Limits, World};

/// What every instance of a plugin has in common.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) name: PluginName,
    pub(crate) limits: Limits,
    pub(crate) grants: Vec<Capability>,
    pub(crate) stats: Stats,
    pub(crate) host: Arc<HostEngine>,
}

impl Identity {
    pub(crate) fn grants(&self, capability: Capability) -> bool {
        self.grants.contains(&capability)
    }
}

/// A component that was compiled, instantiated once and has accepted its configuration. It never changes: a changed
/// file or specification makes another `Plugin`, and this one ends, with its instances, when the last request that
/// uses it does.
pub struct Plugin {
    pub(crate) identity: Arc<Identity>,
    pub(crate) kind: Kind,
}

impl Plugin {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &PluginName {
        &self.identity.name
    }

    /// The question that it answers.
    #[must_use]
    pub fn world(&self) -> World {
        match self.kind {
            Kind::Router(_) => World::Router,
            Kind::Balancer(_) => World::Balancer,
            Kind::HealthCheck(_) => World::HealthCheck,
        }
    }

    /// How it is doing.
    #[must_use]
    pub fn stats(&self) -> PluginStats {
        self.identity.stats.read(Instant::now())
    }

    /// The router that it is; `None` when it is of another world.
    #[must_use]
    pub fn router(&self) -> Option<Arc<dyn Router>> {
        match &self.kind {
            Kind::Router(router) => Some(Arc::clone(router) as Arc<dyn Router>),
            _ => None,
        }
    }

    /// A picker for one group, with instances of its own; `None` when it is of another world.
    #[must_use]
    pub fn picker(&self, snapshot: &Snapshot) -> Option<Arc<dyn Picker>> {
        match &self.kind {
            Kind::Balancer(balancer) => Some(balancer.picker(snapshot)),
            _ => None,
        }
    }

    /// The health check that it is; `None` when it is of another world.
    #[must_use]
    pub fn probe(&self) -> Option<Arc<dyn Probe>> {
        match &self.kind {
            Kind::HealthCheck(check) => Some(Arc::clone(check) as Arc<dyn Probe>),
            _ => None,
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("name", self.name()).field("world", &self.world()).finish_non_exhaustive()
    }
}
