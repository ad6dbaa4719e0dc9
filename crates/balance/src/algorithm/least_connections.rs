//! Least connections: to whoever has the fewest requests in flight.

use std::sync::Arc;

use equipoise_target::{Member, Snapshot, TargetIndex};
use serde::{Deserialize, Serialize};

use super::lowest::{Cost, Turns, lowest};
use crate::{PickRequest, Picker};

/// To the target with the fewest requests in flight. Weights do not count; targets with equally many take turns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeastConnections {}

impl LeastConnections {
    pub(super) fn picker(&self) -> Arc<dyn Picker> {
        Arc::new(Fewest::default())
    }
}

/// Keeps nothing of the snapshot: whom it sees and how busy they are is read at each pick.
#[derive(Debug, Clone, Default)]
struct Fewest {
    turns: Arc<Turns>,
}

impl Picker for Fewest {
    fn pick(&self, snapshot: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        let idle = Cost { load: 0, weight: 1 };
        let cost = |member: &Member, _| Cost { load: member.target.in_flight().into(), weight: 1 };
        lowest(snapshot, request, &self.turns, idle, cost)
    }

    fn refresh(&self, _: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::algorithm::tests::{Group, picks};
    use crate::{Algorithm, LeastConnections};

    #[track_caller]
    fn check(weights: &[u32], in_flight: &[usize], want: &[usize]) {
        let group = Group::with_weights(weights);
        let _busy = group.leases(in_flight);
        let picker = Algorithm::LeastConnections(LeastConnections {}).picker(&group.snapshot(), &()).unwrap();
        assert_eq!(picks(&*picker, &group, want.len()), want);
    }

    #[test]
    fn the_least_busy_target_is_picked_whatever_its_weight() {
        check(&[9, 1, 1], &[3, 1, 2], &[1, 1, 1]);
    }

    #[test]
    fn equally_busy_targets_take_turns_and_busier_ones_do_not_disturb_them() {
        check(&[1, 1, 1, 1], &[1, 5, 1, 1], &[0, 2, 3, 0, 2, 3]);
        check(&[1, 1], &[0, 0], &[0, 1, 0, 1]);
    }

    #[test]
    fn the_only_idle_one_of_many_is_found_wherever_it_is() {
        for idle in [0, 1, 150, 299] {
            let in_flight: Vec<_> = (0..300).map(|place| usize::from(place != idle)).collect();
            check(&[1; 300], &in_flight, &[idle; 300]);
        }
    }

    #[test]
    fn idle_ones_among_many_take_turns() {
        let in_flight: Vec<_> = (0..100).map(|place| usize::from(place % 3 == 0)).collect();
        let idle: Vec<_> = (0..100).filter(|place| place % 3 != 0).collect();
        check(&[1; 100], &in_flight, &[&idle[..], &idle].concat());
    }

    #[test]
    fn nobody_is_picked_from_an_empty_group() {
        let group = Group::with_weights(&[0, 0]);
        let picker = Algorithm::LeastConnections(LeastConnections {}).picker(&group.snapshot(), &()).unwrap();
        assert_eq!(group.pick(&*picker, "key", &[]), None);
    }
}
