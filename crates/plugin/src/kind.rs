//! The kinds of plugin, one file each: from a world's bindings to the trait of the policy crate that asks the question.

pub(crate) mod balancer;
pub(crate) mod health_check;
pub(crate) mod router;

use std::sync::Arc;

use balancer::BalancerPlugin;
use health_check::HealthCheckPlugin;
use router::RouterPlugin;

pub(crate) enum Kind {
    Router(Arc<RouterPlugin>),
    Balancer(Arc<BalancerPlugin>),
    HealthCheck(Arc<HealthCheckPlugin>),
}
