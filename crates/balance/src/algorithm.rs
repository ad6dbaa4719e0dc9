//! The only list of algorithms in the program.

mod consistent_hash;
mod cursor;
mod least_connections;
mod lowest;
mod plugin;
mod round_robin;
mod weighted_least_connections;

use std::sync::Arc;

use equipoise_target::{PluginName, Snapshot};
use serde::{Deserialize, Serialize};

pub use consistent_hash::{ConsistentHash, HashKey, Table};
pub use least_connections::LeastConnections;
pub use plugin::Plugin;
pub use round_robin::RoundRobin;
pub use weighted_least_connections::WeightedLeastConnections;

use crate::{Picker, PickerSource};

/// How a target group spreads its requests. Default: `round-robin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Algorithm {
    /// In turn, in proportion to weight, the turns of one target spread evenly.
    RoundRobin(RoundRobin),
    /// To the target with the fewest requests in flight. Weights do not count.
    LeastConnections(LeastConnections),
    /// To the target with the fewest requests in flight for its weight.
    WeightedLeastConnections(WeightedLeastConnections),
    /// The same key to the same target.
    ConsistentHash(ConsistentHash),
    /// As a plugin of the world `balancer` says.
    Plugin(Plugin),
}

/// Why an algorithm has no picker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildPickerError {
    /// The plugin does not exist or does not balance.
    #[error("target group `{group}` is balanced by plugin `{plugin}`, but there is no balancer of that name")]
    NoSuchPlugin {
        /// The group that asked.
        group: equipoise_target::GroupName,
        /// What it asked for.
        plugin: PluginName,
    },
}

impl Algorithm {
    /// A picker for `snapshot`. `source` is asked only for what this crate cannot build.
    ///
    /// # Errors
    /// [`BuildPickerError`] when `source` has no balancer of the plugin's name.
    pub fn picker(&self, snapshot: &Snapshot, source: &dyn PickerSource) -> Result<Arc<dyn Picker>, BuildPickerError> {
        Ok(match self {
            Self::RoundRobin(settings) => settings.picker(snapshot),
            Self::LeastConnections(settings) => settings.picker(),
            Self::WeightedLeastConnections(settings) => settings.picker(snapshot),
            Self::ConsistentHash(settings) => settings.picker(snapshot),
            Self::Plugin(settings) => settings.picker(snapshot, source)?,
        })
    }

    /// The name that stands in the configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RoundRobin(_) => "round-robin",
            Self::LeastConnections(_) => "least-connections",
            Self::WeightedLeastConnections(_) => "weighted-least-connections",
            Self::ConsistentHash(_) => "consistent-hash",
            Self::Plugin(_) => "plugin",
        }
    }

    /// The plugin that must exist for [`picker`](Self::picker) to succeed.
    #[must_use]
    pub fn plugin(&self) -> Option<&PluginName> {
        match self {
            Self::Plugin(settings) => Some(&settings.name),
            _ => None,
        }
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::RoundRobin(RoundRobin {})
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
