//! The one question of this crate, and what an answer may look at.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use equipoise_target::{PluginName, Snapshot, TargetIndex};
use http::request::Parts;

/// Picks a target for one request. Pure: no I/O, no clock, no lock that another core can hold.
pub trait Picker: fmt::Debug + Send + Sync {
    /// The target that takes the request, or `None` when every available target of `snapshot` was already tried (or
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
    /// Targets that an earlier attempt of this request went to.
    pub tried: &'a Tried,
}

/// Targets that a request must not be sent to again. Empty on the first attempt, and empty costs no allocation.
#[derive(Debug, Default, Clone)]
pub struct Tried(Vec<TargetIndex>);

impl Tried {
    /// Excludes a target from later picks.
    pub fn add(&mut self, index: TargetIndex) {
        if !self.contains(index) {
            self.0.push(index);
        }
    }

    /// Whether `index` was tried.
    #[must_use]
    pub fn contains(&self, index: TargetIndex) -> bool {
        self.0.contains(&index)
    }

    /// How many targets were tried.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this is the first attempt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
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
