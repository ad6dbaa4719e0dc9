//! Weighted least connections: to whoever would be the least busy for its weight with one more request.

use std::sync::Arc;

use equipoise_target::{Member, Snapshot, TargetIndex};
use serde::{Deserialize, Serialize};

use super::lowest::{Cost, Turns, lowest};
use crate::{PickRequest, Picker};

/// To the target whose requests in flight, this one included, are the fewest for its weight; equal ones take turns. A
/// heavy target that is idle comes before a light one that is idle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeightedLeastConnections {}

impl WeightedLeastConnections {
    pub(super) fn picker(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(FewestForWeight { heaviest: heaviest(snapshot), turns: Arc::default() })
    }
}

/// The largest weight of all available targets.
fn heaviest(snapshot: &Snapshot) -> u32 {
    snapshot.available().map(|(_, _, weight)| weight).max().unwrap_or(1)
}

/// Keeps hardly anything of the snapshot: whom it sees and how busy they are is read at each pick.
#[derive(Debug, Clone)]
struct FewestForWeight {
    /// Nobody costs less than an idle target of this weight.
    heaviest: u32,
    turns: Arc<Turns>,
}

impl Picker for FewestForWeight {
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        // One more, or weights would not count among the idle.
        let cost = |member: &Member, weight| Cost { load: u64::from(member.target.in_flight()) + 1, weight };
        lowest(snapshot, request, &self.turns, Cost { load: 1, weight: self.heaviest }, cost)
    }

    fn refresh(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(Self { heaviest: heaviest(snapshot), turns: Arc::clone(&self.turns) })
    }
}

#[cfg(test)]
mod tests {
    use crate::algorithm::tests::{Group, picks};
    use crate::{Algorithm, WeightedLeastConnections};

    #[track_caller]
    fn check(weights: &[u32], in_flight: &[usize], want: &[usize]) {
        let group = Group::with_weights(weights);
        let _busy = group.leases(in_flight);
        let algorithm = Algorithm::WeightedLeastConnections(WeightedLeastConnections {});
        let picker = algorithm.picker(&group.snapshot(), &()).unwrap();
        assert_eq!(picks(&*picker, &group, want.len()), want);
    }

    #[test]
    fn load_counts_in_proportion_to_weight() {
        check(&[4, 1], &[2, 0], &[0]); // 3/4 against 1/1
        check(&[4, 1], &[4, 0], &[1]); // 5/4 against 1/1
    }

    #[test]
    fn equal_fractions_take_turns() {
        check(&[4, 1, 2], &[3, 0, 1], &[0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn fractions_that_floats_could_not_tell_apart_are_told_apart() {
        check(&[u32::MAX, u32::MAX - 1], &[0, 0], &[0, 0]);
        check(&[u32::MAX - 1, u32::MAX], &[0, 0], &[1, 1]);
    }
}
