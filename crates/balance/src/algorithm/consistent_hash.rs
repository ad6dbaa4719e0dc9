//! Consistent hashing: the same key to the same target, as long as it is there.
//!
//! The table depends on membership alone. A target that is out is stepped over: its keys, and only its keys, go to where
//! the next probes of the table lead, and come back with it.

mod convert;
mod key;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use equipoise_ring::{Entry, LoadFactor, Maglev, TableSize, hash};
use equipoise_target::{Member, Membership, Snapshot, Standing, TargetIndex};
use serde::{Deserialize, Serialize};

use super::round_robin::Rotation;
use crate::{PickRequest, Picker};
pub use key::HashKey;

/// The same key to the same target; requests without the key go round robin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConsistentHash {
    /// What of a request decides where it goes: `{ header = "x-user" }`, `{ cookie = "session" }`, `{ query = "id" }`,
    /// `"path"` or `"source"`.
    pub key: HashKey,
    /// How keys are spread over targets. Default: `maglev`.
    #[serde(default)]
    pub table: Table,
    /// Slots of the table, a prime up to 5000011; at least 100 for each target is good. Default: 65537.
    #[serde(default, with = "convert::table_size")]
    #[cfg_attr(feature = "schema", schemars(with = "u32", range(min = 2, max = 5_000_011)))]
    pub table_size: TableSize,
    /// How far above its fair share of requests in flight a target may be loaded before keys go elsewhere, from 1.0 to
    /// 100.0, for instance 1.25. Default: without limit.
    #[serde(default, with = "convert::load_factor", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "f64", range(min = 1.0, max = 100.0)))]
    pub bounded_load: Option<LoadFactor>,
    /// Balancers with the same seed and targets send the same key to the same target; give each layer of balancers a
    /// seed of its own. 0 to 9223372036854775807. Default: 0.
    #[serde(default)]
    pub seed: u64,
}

/// Which consistent hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// Maglev (Eisenbud et al., 2016): the most even shares and the fastest look-up.
    #[default]
    Maglev,
}

impl ConsistentHash {
    /// Everything by default but the key.
    #[must_use]
    pub fn new(key: HashKey) -> Self {
        Self { key, table: Table::Maglev, table_size: TableSize::DEFAULT, bounded_load: None, seed: 0 }
    }

    pub(super) fn picker(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(Hashed {
            settings: Arc::new(self.clone()),
            table: Arc::new(self.build(snapshot.membership())),
            membership: Arc::clone(snapshot.membership()),
            keyless: Rotation::new(snapshot, Arc::default()),
            sum: Sum::default(),
        })
    }

    /// Entries are called by their address as text, such as `10.0.0.1:80` or `[2001:db8::1]:80`.
    fn build(&self, membership: &Membership) -> Maglev {
        let ids: Vec<_> = membership.members().iter().map(|member| member.target.address().to_string()).collect();
        let entries = ids.iter().zip(membership.members());
        let entries: Vec<_> = entries.map(|(id, member)| Entry { id: id.as_bytes(), weight: member.weight }).collect();
        match self.table {
            Table::Maglev => Maglev::build(&entries, self.table_size, self.seed),
        }
    }
}

/// Probes of the table before members are asked one by one: when nine in ten targets are out, one key in a thousand gets
/// there, so what the walk does to the shares does not show.
const PROBES: usize = 64;

#[derive(Debug)]
struct Hashed {
    settings: Arc<ConsistentHash>,
    /// Of `membership`, whatever the availability.
    table: Arc<Maglev>,
    /// Kept to tell whether the table still fits.
    membership: Arc<Membership>,
    /// For requests without a key.
    keyless: Rotation,
    sum: Sum,
}

impl Picker for Hashed {
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        let Some(key) = self.settings.key.hash(request, self.settings.seed) else {
            return self.keyless.pick(snapshot, request);
        };
        let bound = self.settings.bounded_load.map(|factor| self.sum.bound(factor, snapshot));
        let view = View { snapshot, request, bound };
        let probes = self.table.probes(key).take(PROBES).zip(0..);
        let mut probes = probes.filter_map(|(position, step)| Some((TargetIndex::from_position(position)?, step)));
        let probed = probes.find(|(index, step)| view.admits(*index, key, *step)).map(|(index, _)| index);
        // When all that is left is above its bound, a late answer is better than none.
        probed.or_else(|| view.walk(key, View::has_room)).or_else(|| view.walk(key, View::is_open))
    }

    fn refresh(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        let table = if same_entries(&self.membership, snapshot.membership()) {
            Arc::clone(&self.table)
        } else {
            Arc::new(self.settings.build(snapshot.membership()))
        };
        Arc::new(Self {
            settings: Arc::clone(&self.settings),
            table,
            membership: Arc::clone(snapshot.membership()),
            keyless: self.keyless.renewed(snapshot),
            sum: Sum::default(),
        })
    }
}

/// Whether both give the same table. They are one and the same when only the availability changed, and equal when a reload
/// left the group as it was.
fn same_entries(one: &Arc<Membership>, other: &Arc<Membership>) -> bool {
    let entry = |member: &Member| (member.target.address(), member.weight);
    Arc::ptr_eq(one, other) || one.members().iter().map(entry).eq(other.members().iter().map(entry))
}

/// What one pick looks at.
struct View<'a> {
    snapshot: &'a Snapshot,
    request: &'a PickRequest<'a>,
    bound: Option<Bound>,
}

impl View<'_> {
    /// The effective weight of a target that may be picked.
    fn weight(&self, index: TargetIndex) -> Option<u32> {
        match self.snapshot.availability().standing(index) {
            Standing::Available { weight } if !self.request.tried.contains(index) => Some(weight),
            _ => None,
        }
    }

    fn is_open(&self, index: TargetIndex) -> bool {
        self.weight(index).is_some()
    }

    fn has_room(&self, index: TargetIndex) -> bool {
        let (Some(weight), Some(member)) = (self.weight(index), self.snapshot.membership().member(index)) else {
            return false;
        };
        self.bound.as_ref().is_none_or(|bound| u64::from(member.target.in_flight()) < bound.capacity(weight))
    }

    /// Whether probe number `step` of `key` may end here. A degraded target, whose slots are those of its full weight,
    /// refuses the keys beyond its reduced one: always the same keys, and fewer of them as it recovers.
    fn admits(&self, index: TargetIndex, key: u64, step: u64) -> bool {
        let scale = self.snapshot.availability().scale();
        let weight = self.snapshot.membership().member(index).map_or(0, |member| member.weight);
        let full = weight.saturating_mul(scale);
        self.has_room(index)
            && self.weight(index).is_some_and(|weight| {
                weight >= full || hash(&key.to_le_bytes(), step) % u64::from(full) < u64::from(weight)
            })
    }

    /// The first member that passes, from one that the key decides.
    fn walk(&self, key: u64, passes: fn(&Self, TargetIndex) -> bool) -> Option<TargetIndex> {
        let members = self.snapshot.membership().members().len();
        let start = (key % members.max(1) as u64) as usize;
        (start..members).chain(0..start).filter_map(TargetIndex::from_position).find(|index| passes(self, *index))
    }
}

/// Up to so many targets the load is added up for each pick.
const FEW: usize = 64;

/// The load of a large group, added up anew when a sixteenth as many picks as it has targets have been made: those picks
/// cannot move the average by more than a sixteenth of a request.
#[derive(Debug, Default)]
struct Sum {
    load: AtomicU64,
    weight: AtomicU64,
    /// Picks for which it is still good. Workers that race here use it once more or less often.
    good_for: AtomicUsize,
}

impl Sum {
    fn bound(&self, factor: LoadFactor, snapshot: &Snapshot) -> Bound {
        let targets = snapshot.membership().members().len();
        if targets <= FEW {
            return Bound::new(factor, snapshot);
        }
        if let Some(left) = self.good_for.load(Relaxed).checked_sub(1) {
            self.good_for.store(left, Relaxed);
            return Bound { factor, load: self.load.load(Relaxed), weight: self.weight.load(Relaxed) };
        }
        let bound = Bound::new(factor, snapshot);
        self.load.store(bound.load, Relaxed);
        self.weight.store(bound.weight, Relaxed);
        self.good_for.store(targets / 16, Relaxed);
        bound
    }
}

/// The load that a bound is measured against, read once for a pick.
struct Bound {
    factor: LoadFactor,
    /// Requests in flight on available targets, and the one to come.
    load: u64,
    weight: u64,
}

impl Bound {
    fn new(factor: LoadFactor, snapshot: &Snapshot) -> Self {
        let (mut load, mut total) = (1, 0);
        for (_, member, weight) in snapshot.available() {
            load += u64::from(member.target.in_flight());
            total += u64::from(weight);
        }
        Self { factor, load, weight: total }
    }

    fn capacity(&self, weight: u32) -> u64 {
        self.factor.capacity(self.load, weight, self.weight)
    }
}

#[cfg(test)]
mod tests;
