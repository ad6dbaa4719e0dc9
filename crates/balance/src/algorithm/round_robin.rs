//! Smooth weighted round robin: in proportion to weight, without sending a heavy target its share in one go.
//!
//! The order is the one that nginx made known: at each turn every target gains its weight in credit, the richest takes
//! the turn and pays the sum of all weights. Weights 5, 1, 1 give a a b a c a a. It repeats after as many turns as the
//! weights add up to, so it is computed once for a snapshot, and a pick is one addition to a shared cursor.

use std::sync::Arc;

use equipoise_target::{Snapshot, TargetIndex};
use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use crate::{PickRequest, Picker};

/// In turn, in proportion to weight, the turns of one target spread evenly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RoundRobin {}

impl RoundRobin {
    pub(super) fn picker(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(Rotation::new(snapshot, Arc::default()))
    }
}

/// Turns in their order.
#[derive(Debug)]
pub(super) struct Rotation {
    /// Available targets of the snapshot, each as often as its reduced weight says.
    schedule: Box<[TargetIndex]>,
    /// Shared with the rotations before and after, so that frequent health changes do not favour the first target.
    cursor: Arc<Cursor>,
}

impl Rotation {
    pub(super) fn new(snapshot: &Snapshot, cursor: Arc<Cursor>) -> Self {
        let (targets, weights): (Vec<_>, Vec<_>) =
            snapshot.available().map(|(index, _, weight)| (index, u64::from(weight))).unzip();
        let schedule = smooth(&reduced(weights)).into_iter().map(|position| targets[position]).collect();
        Self { schedule, cursor }
    }

    /// The rotation for another snapshot of the same group.
    pub(super) fn renewed(&self, snapshot: &Snapshot) -> Self {
        Self::new(snapshot, Arc::clone(&self.cursor))
    }
}

impl Picker for Rotation {
    fn pick(&self, _: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        if self.schedule.is_empty() {
            return None;
        }
        let mut turn = self.cursor.next(self.schedule.len());
        // Who is excluded lets its turn pass: given to the next in the schedule, all of them would go to one neighbour.
        for _ in 0..PASSES.min(self.schedule.len()) {
            if !request.tried.contains(self.schedule[turn]) {
                return Some(self.schedule[turn]);
            }
            turn = self.cursor.next(self.schedule.len());
        }
        let (before, from) = self.schedule.split_at(turn);
        from.iter().chain(before).copied().find(|index| !request.tried.contains(*index))
    }

    fn refresh(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(self.renewed(snapshot))
    }
}

/// Turns that may pass before the schedule is searched.
const PASSES: usize = 16;

/// Turns in a schedule, unless there are more targets: 16 KiB, and shares exact to a 4,096th.
const LONGEST: u64 = 4096;

/// The smallest weights with the same proportions; nearly the same where even those add up to more than a schedule
/// holds. Nobody's becomes 0.
fn reduced(mut weights: Vec<u64>) -> Vec<u64> {
    divide(&mut weights);
    let total: u64 = weights.iter().sum();
    let longest = LONGEST.max(weights.len() as u64);
    if total > longest {
        // Weights are 32 bits wide and `longest` at most as wide, so the product fits.
        weights.iter_mut().for_each(|weight| *weight = (*weight * longest / total).max(1));
        divide(&mut weights);
    }
    weights
}

fn divide(weights: &mut [u64]) {
    let divisor = weights.iter().fold(0, |divisor, weight| gcd(divisor, *weight));
    weights.iter_mut().for_each(|weight| *weight /= divisor);
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Who has which turn, by position in `weights`, which must be positive.
fn smooth(weights: &[u64]) -> Vec<usize> {
    if weights.iter().all(|weight| *weight == 1) {
        return (0..weights.len()).collect(); // what comes out below, without the square of many targets
    }
    let total: u64 = weights.iter().sum();
    let mut credit = vec![0_i64; weights.len()];
    let turn = |_| {
        let mut richest = 0;
        for (position, weight) in weights.iter().enumerate() {
            // Reduced weights add up to little, and so does credit.
            credit[position] += weight.cast_signed();
            if credit[position] > credit[richest] {
                richest = position;
            }
        }
        credit[richest] -= total.cast_signed();
        richest
    };
    (0..total).map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::tests::Group;

    #[track_caller]
    fn check(weights: &[u64], want: &str) {
        let names: String = smooth(&reduced(weights.to_vec())).into_iter().map(|p| (b'a' + p as u8) as char).collect();
        assert_eq!(names, want);
    }

    #[test]
    fn turns_come_in_the_known_order() {
        check(&[5, 1, 1], "aabacaa");
        check(&[1, 1, 1], "abc");
        check(&[4, 2, 1], "abacaba");
        check(&[7], "a");
        check(&[], "");
    }

    #[test]
    fn common_divisors_do_not_lengthen_the_schedule() {
        check(&[500, 100, 100], "aabacaa");
        check(&[u64::from(u32::MAX); 2], "ab");
    }

    #[test]
    fn turns_of_the_excluded_are_shared_by_all_others() {
        let group = Group::with_weights(&[1, 1, 1, 1]);
        let picker = RoundRobin {}.picker(&group.snapshot());
        let picked: Vec<_> = (0..6).filter_map(|_| group.pick(&*picker, "", &[0, 1])).collect();
        assert_eq!(picked, [2, 3, 2, 3, 2, 3]);
    }

    #[test]
    fn a_schedule_stays_short_and_leaves_nobody_out() {
        let weights = reduced(vec![u64::from(u32::MAX), 1, 1_000_003]);
        assert!(weights.iter().all(|weight| *weight > 0));
        assert!(weights.iter().sum::<u64>() <= LONGEST + 3);
        let many = reduced((1..=5000).collect());
        assert!(many.iter().sum::<u64>() <= 10_000 && !many.contains(&0));
    }

    #[test]
    fn large_weights_keep_their_proportions() {
        let weights = reduced(vec![30_011, 10_007]);
        assert!((weights[0] as f64 / weights[1] as f64 - 3.0).abs() < 0.01, "{weights:?}");
    }
}
