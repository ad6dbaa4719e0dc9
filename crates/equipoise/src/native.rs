//! Routers, balancers and health checks that an embedding program brings along, under the names by which its
//! configuration refers to them as `plugin`.

use std::fmt;
use std::sync::Arc;

use ahash::AHashMap;
use equipoise_balance::Picker;
use equipoise_config::{Native, World};
use equipoise_health::Probe;
use equipoise_rule::Router;
use equipoise_target::{PluginName, Snapshot};

/// Makes the picker of a target group. Called when the group is assembled; later changes go through
/// [`Picker::refresh`].
pub type MakePicker = Arc<dyn Fn(&Snapshot) -> Arc<dyn Picker> + Send + Sync>;

/// What was registered with the builder.
#[derive(Default, Clone)]
pub(crate) struct Natives {
    pub(crate) routers: AHashMap<PluginName, Arc<dyn Router>>,
    pub(crate) balancers: AHashMap<PluginName, MakePicker>,
    pub(crate) health_checks: AHashMap<PluginName, Arc<dyn Probe>>,
}

impl fmt::Debug for Natives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Natives")
            .field("routers", &self.routers.keys())
            .field("balancers", &self.balancers.keys())
            .field("health_checks", &self.health_checks.keys())
            .finish()
    }
}

impl Natives {
    /// Every name with the world that it stands for, so that a configuration may refer to it.
    pub(crate) fn names(&self) -> Vec<Native> {
        let routers = self.routers.keys().map(|name| (name.clone(), World::Router));
        let balancers = self.balancers.keys().map(|name| (name.clone(), World::Balancer));
        let health_checks = self.health_checks.keys().map(|name| (name.clone(), World::HealthCheck));
        routers.chain(balancers).chain(health_checks).collect()
    }
}
