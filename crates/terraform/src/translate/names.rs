//! Names in the configuration: those in the Terraform files, as far as they can be kept.

use std::collections::{BTreeMap, BTreeSet};

use super::{ALARM, LISTENER, SCALING_GROUP, SERVICE, TARGET_GROUP};
use crate::world::World;

/// The longest name.
const LONGEST: usize = 63;

/// Names by addresses.
#[derive(Debug)]
pub(super) struct Names {
    names: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn of(world: &World<'_>) -> Self {
        let mut names = BTreeMap::new();
        for family in [&[LISTENER][..], &[TARGET_GROUP], &[SCALING_GROUP, SERVICE], &[ALARM]] {
            let mut taken = BTreeSet::new();
            for resource in world.resources.iter().filter(|resource| family.contains(&resource.kind.as_str())) {
                let prefix = world.program.modules.get(resource.module).map_or("", |module| module.prefix.as_str());
                let key = resource.key.as_ref().map(|key| format!("-{key}")).unwrap_or_default();
                let name = unique(&format!("{prefix}{}{key}", resource.name), &mut taken);
                names.insert(resource.address(world.program), name);
            }
        }
        Self { names }
    }

    pub(super) fn of_resource(&self, address: &str) -> &str {
        self.names.get(address).map_or("unnamed", String::as_str)
    }
}

/// A name that can stand in a configuration, and is not taken yet.
pub(super) fn unique(text: &str, taken: &mut BTreeSet<String>) -> String {
    let name = clean(text);
    let numbered = (2..).map(|number| {
        let end = format!("-{number}");
        let start: String = name.chars().take(LONGEST - end.len()).collect();
        start + &end
    });
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
    // There are fewer names taken than numbers.
    let name = free.unwrap_or(name);
    taken.insert(name.clone());
    name
}

fn clean(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' });
    let plain: String = plain.collect();
    let name: String = plain.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(LONGEST).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_no_two_are_the_same() {
        let mut taken = BTreeSet::new();
        let mut name = |text: &str| unique(text, &mut taken);
        assert_eq!(name("todo"), "todo");
        assert_eq!(name("todo"), "todo-2");
        assert_eq!(name("_web.todo-a b"), "web-todo-a-b");
        assert_eq!(name("ß"), "unnamed");
        let long = "x".repeat(80);
        assert_eq!((name(&long).len(), name(&long).len()), (63, 63));
    }
}
