//! Ask a plugin, or native code of an embedding program.

use std::sync::Arc;

use equipoise_target::PluginName;

use super::{BuildProbeError, Kind, Probe, ProbeSource};
use crate::Layer;
use crate::reach::Reach;
use crate::terms::{Written, check_kind};

check_kind! {
    /// Asks the plugin `name`, whose world is `health-check`.
    pub struct PluginCheck, layer Layer::Local;
    /// Name of the plugin.
    pub name: PluginName,
}

impl PluginCheck {
    /// Asks the plugin `name` on default terms.
    #[must_use]
    pub fn new(name: PluginName) -> Self {
        Self::with_defaults(name)
    }
}

impl Kind for PluginCheck {
    fn build(&self, source: &dyn ProbeSource, _: &Reach) -> Result<Arc<dyn Probe>, BuildProbeError> {
        source.probe(&self.name).ok_or_else(|| BuildProbeError::UnknownPlugin { name: self.name.clone() })
    }

    fn label(&self) -> String {
        format!("plugin {}", self.name)
    }

    fn written(&self) -> Written {
        self.common()
    }

    fn plugin(&self) -> Option<&PluginName> {
        Some(&self.name)
    }
}
