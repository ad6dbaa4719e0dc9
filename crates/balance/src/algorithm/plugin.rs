//! Balancing by a plugin, or by native code that an embedding program gave a name.

use std::sync::Arc;

use equipoise_target::{PluginName, Snapshot};
use serde::{Deserialize, Serialize};

use super::BuildPickerError;
use crate::{Picker, PickerSource};

/// As a plugin of the world `balancer` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plugin {
    /// Name of the plugin, as in `[plugin.NAME]`.
    pub name: PluginName,
}

impl Plugin {
    pub(super) fn picker(
        &self,
        snapshot: &Snapshot,
        source: &dyn PickerSource,
    ) -> Result<Arc<dyn Picker>, BuildPickerError> {
        source.picker(&self.name, snapshot).ok_or_else(|| BuildPickerError::NoSuchPlugin {
            group: snapshot.membership().group().clone(),
            plugin: self.name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;
    use crate::algorithm::tests::{Group, picks};

    /// One name, answered by an algorithm of this crate.
    struct Native;

    impl PickerSource for Native {
        fn picker(&self, name: &PluginName, snapshot: &Snapshot) -> Option<Arc<dyn Picker>> {
            (name.as_str() == "native").then(|| Algorithm::default().picker(snapshot, &()).ok())?
        }
    }

    fn named(name: &str) -> Algorithm {
        Algorithm::Plugin(Plugin { name: PluginName::new(name).unwrap() })
    }

    #[test]
    fn the_source_decides() {
        let group = Group::with_weights(&[2, 1]);
        let picker = named("native").picker(&group.snapshot(), &Native).unwrap();
        assert_eq!(picks(&*picker, &group, 3), [0, 1, 0]);
    }

    #[test]
    fn a_missing_plugin_is_named_together_with_its_group() {
        let group = Group::with_weights(&[1]);
        let error = named("geo").picker(&group.snapshot(), &Native).unwrap_err();
        let text = "target group `todo` is balanced by plugin `geo`, but there is no balancer of that name";
        assert_eq!(error.to_string(), text);
        assert_eq!(named("geo").plugin().map(PluginName::as_str), Some("geo"));
    }
}
