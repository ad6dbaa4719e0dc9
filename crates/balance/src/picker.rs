//! The one question of this crate, and what an answer may look at.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use equipoise_target::{PluginName, Snapshot, TargetIndex};
use http::request::Parts;

/// Picks a target for one request. Pure: no I/O, no clock, no lock that another core can hold.
pub trait Picker: fmt::Debug + Send + Sync {
    /// The target that takes the request, or `None` when every available target of `snapshot` is excluded (or
    /// there is none). Never an unavailable one, never one in `request.tried`.
    ///
    /// `snapshot` is the one that this picker was built or refreshed for.
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex>;

    /// The same algorithm's picker for a newer snapshot of the same group. Called off the request path whenever
    /// membership or availability changed; whatever the change did not touch (a hash table when only the availability
    /// changed) is shared with `self` rather than built again.
    fn refresh(&self, snapshot: &Snapshot) -> Arc<dyn Picker>;
}

/// What a pick may look at.
#[derive(Debug)]
pub struct PickRequest<'a> {
    /// Head of the request. An implementation may move parts out while it works, and must have put them back when it
    /// returns: a plugin's host lends them to the guest that way without copying a header.
    pub head: &'a mut Parts,
    /// Address of the client, after trusted forwarding headers were taken into account.
    pub client: IpAddr,
    /// Targets that are not to be picked.
    pub tried: &'a Tried,
}

/// Targets that a request must not be sent to: an earlier attempt went there, or they are full or failing. Empty for most
/// requests, and empty costs no allocation; with many of them a look is as quick as with few.
#[derive(Debug, Default, Clone)]
pub struct Tried {
    /// One bit for each position.
    words: Vec<u64>,
    count: usize,
}

impl Tried {
    /// Excludes a target from later picks.
    pub fn add(&mut self, index: TargetIndex) {
        let (word, bit) = place(index);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.count += usize::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Whether `index` is excluded.
    #[must_use]
    pub fn contains(&self, index: TargetIndex) -> bool {
        let (word, bit) = place(index);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// How many targets are excluded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is excluded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn place(index: TargetIndex) -> (usize, u64) {
    (index.get() / 64, 1 << (index.get() % 64))
}

/// Where pickers that this crate cannot build come from: plugins and native code of an embedding program. Handed in by
/// whoever assembles the program, so that no policy crate learns of WebAssembly.
pub trait PickerSource {
    /// A picker of the plugin `name` for `snapshot`; `None` when there is no balancer of that name.
    fn picker(&self, name: &PluginName, snapshot: &Snapshot) -> Option<Arc<dyn Picker>>;
}

/// Nothing comes from elsewhere.
impl PickerSource for () {
    fn picker(&self, _: &PluginName, _: &Snapshot) -> Option<Arc<dyn Picker>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_contained_and_counted_once() {
        let index = |position| TargetIndex::from_position(position).unwrap();
        let mut tried = Tried::default();
        assert!(tried.is_empty() && !tried.contains(index(0)));
        [130, 0, 63, 64, 130].into_iter().for_each(|position| tried.add(index(position)));
        assert_eq!(tried.len(), 4);
        let contained: Vec<_> = (0..200).filter(|position| tried.contains(index(*position))).collect();
        assert_eq!(contained, [0, 63, 64, 130]);
    }
}
