//! Weighted least connections: to whoever would be the least busy for its weight with one more request.

use std::sync::Arc;

use equipoise_target::{Snapshot, TargetIndex};
use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::lowest::{Cost, lowest};
use crate::{PickRequest, Picker};

/// To the target whose requests in flight, this one included, are the fewest for its weight; equal ones take turns. A
/// heavy target that is idle comes before a light one that is idle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeightedLeastConnections {}

impl WeightedLeastConnections {
    pub(super) fn picker(&self) -> Arc<dyn Picker> {
        Arc::new(FewestForWeight::default())
    }
}

/// Keeps nothing of the snapshot: whom it sees and how busy they are is read at each pick.
#[derive(Debug, Clone, Default)]
struct FewestForWeight {
    turns: Arc<Cursor>,
}

impl Picker for FewestForWeight {
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        lowest(snapshot, request, &self.turns, |member, weight| {
            // One more, or weights would not count among the idle.
            Cost { load: u64::from(member.target.in_flight()) + 1, weight }
        })
    }

    fn refresh(&self, _: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(self.clone())
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
