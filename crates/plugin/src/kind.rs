//! The kinds of plugin, one file each: from a world's bindings to the trait of the policy crate that asks the question.

pub(crate) mod balancer;
pub(crate) mod health_check;
pub(crate) mod router;

use std::sync::Arc;

use wasmtime::component::InstancePre;

use balancer::BalancerPlugin;
use health_check::HealthCheckPlugin;
use router::RouterPlugin;

use crate::bindings::{balancer::BalancerPre, health_check::HealthCheckPre, router::RouterPre};
use crate::failure::Failure;
use crate::plugin::Identity;
use crate::state::State;
use crate::{Fallback, World};

pub(crate) enum Kind {
    Router(Arc<RouterPlugin>),
    Balancer(Arc<BalancerPlugin>),
    HealthCheck(Arc<HealthCheckPlugin>),
}

/// A component whose imports and exports were found to be those of its world.
pub(crate) enum Resolved {
    Router(RouterPre<State>),
    Balancer(BalancerPre<State>),
    HealthCheck(HealthCheckPre<State>),
}

impl Resolved {
    pub(crate) fn new(world: World, pre: InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(match world {
            World::Router => Self::Router(RouterPre::new(pre)?),
            World::Balancer => Self::Balancer(BalancerPre::new(pre)?),
            World::HealthCheck => Self::HealthCheck(HealthCheckPre::new(pre)?),
        })
    }

    /// Makes the first instance, which proves that there can be others.
    pub(crate) fn start(self, identity: &Arc<Identity>, config: String, fallback: Fallback) -> Result<Kind, Failure> {
        let identity = Arc::clone(identity);
        Ok(match self {
            Self::Router(pre) => Kind::Router(Arc::new(RouterPlugin::new(identity, pre, config, fallback)?)),
            Self::Balancer(pre) => Kind::Balancer(Arc::new(BalancerPlugin::new(identity, pre, config, fallback)?)),
            Self::HealthCheck(pre) => {
                Kind::HealthCheck(Arc::new(HealthCheckPlugin::new(identity, pre, config, fallback)?))
            }
        })
    }
}
