//! A program without WebAssembly: a configuration that names a component is refused.

use std::path::PathBuf;
use std::sync::Arc;

use equipoise_admin::status;
use equipoise_balance::Picker;
use equipoise_config as config;
use equipoise_health::Probe;
use equipoise_metrics::Registry;
use equipoise_rule::Router;
use equipoise_target::{PluginName, Snapshot};

use crate::error::ApplyError;

/// Nothing to compile with.
#[derive(Debug)]
pub(crate) struct Host;

impl Host {
    pub(crate) fn new(_cache_folder: Option<PathBuf>, _registry: Registry) -> Self {
        Self
    }
}

/// No plugins.
#[derive(Debug, Default)]
pub(crate) struct Shelf;

impl Shelf {
    pub(crate) fn load(_host: &Host, wanted: &[config::Plugin], _previous: &Self) -> Result<Self, ApplyError> {
        match wanted.first() {
            None => Ok(Self),
            Some(plugin) => Err(ApplyError::NoPlugins {
                plugin: plugin.name.clone(),
                source: "this program was built without the feature `wasm`".into(),
            }),
        }
    }

    pub(crate) fn is_same(&self, _other: &Self) -> bool {
        true
    }

    pub(crate) fn router(&self, _name: &PluginName) -> Option<Arc<dyn Router>> {
        None
    }

    pub(crate) fn picker(&self, _name: &PluginName, _snapshot: &Snapshot) -> Option<Arc<dyn Picker>> {
        None
    }

    pub(crate) fn probe(&self, _name: &PluginName) -> Option<Arc<dyn Probe>> {
        None
    }

    pub(crate) fn status(&self) -> Vec<status::Plugin> {
        Vec::new()
    }

    pub(crate) fn changes_since(&self, _previous: &Self) -> Vec<String> {
        Vec::new()
    }
}
