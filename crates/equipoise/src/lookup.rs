//! The one look-up through which rules, groups and health checks find code: native first, then plugins.

use std::sync::Arc;

use equipoise_balance::{Picker, PickerSource};
use equipoise_health::{Probe, ProbeSource};
use equipoise_rule::{Router, RouterSource};
use equipoise_target::{PluginName, Snapshot};

use crate::native::Natives;
use crate::shelf::Shelf;

/// Native code and loaded plugins by name.
pub(crate) struct Lookup<'a> {
    pub(crate) natives: &'a Natives,
    pub(crate) shelf: &'a Shelf,
}

impl RouterSource for Lookup<'_> {
    fn router(&self, name: &PluginName) -> Option<Arc<dyn Router>> {
        self.natives.routers.get(name).cloned().or_else(|| self.shelf.router(name))
    }
}

impl PickerSource for Lookup<'_> {
    fn picker(&self, name: &PluginName, snapshot: &Snapshot) -> Option<Arc<dyn Picker>> {
        self.natives.balancers.get(name).map(|make| make(snapshot)).or_else(|| self.shelf.picker(name, snapshot))
    }
}

impl ProbeSource for Lookup<'_> {
    fn probe(&self, name: &PluginName) -> Option<Arc<dyn Probe>> {
        self.natives.health_checks.get(name).cloned().or_else(|| self.shelf.probe(name))
    }
}
