//! The choice that every load-aware algorithm makes: the cheapest target, and fairness among equals.

use std::cmp::Ordering;

use equipoise_target::{Member, Snapshot, Standing, TargetIndex};

use super::cursor::Cursor;
use crate::PickRequest;

/// What it costs to give a target one more request: a fraction, compared exactly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) load: u64,
    /// At least 1.
    pub(super) weight: u32,
}

impl Cost {
    fn compare(self, other: Self) -> Ordering {
        // Loads are counts of 32 bits plus at most one, so the products fit.
        (self.load * u64::from(other.weight)).cmp(&(other.load * u64::from(self.weight)))
    }
}

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Among all targets.
    all: Cursor,
    /// Among those of the lowest cost.
    equals: Cursor,
}

/// Most targets that are asked for one that costs as little as any could.
const PROBES: usize = 64;

/// The available target of lowest cost that was not tried. Several of the same cost take turns.
///
/// In a group with more targets than requests, which a large one is, somebody is idle, and nobody can cost less: such a
/// target is found after a few looks, however many there are. Only when it is not are all of them compared.
pub(super) fn lowest(
    snapshot: &Snapshot,
    request: &PickRequest<'_>,
    turns: &Turns,
    floor: Cost,
    cost: impl Fn(&Member, u32) -> Cost,
) -> Option<TargetIndex> {
    cheapest(snapshot, request, &turns.all, floor, &cost).or_else(|| compare(snapshot, request, &turns.equals, cost))
}

/// The next target that costs no more than `floor`.
fn cheapest(
    snapshot: &Snapshot,
    request: &PickRequest<'_>,
    turns: &Cursor,
    floor: Cost,
    cost: impl Fn(&Member, u32) -> Cost,
) -> Option<TargetIndex> {
    let members = snapshot.membership().members().len();
    let probes = (members / 4 + 1).min(PROBES).min(members);
    let mut places = (0..probes).filter_map(|_| TargetIndex::from_position(turns.next(members)));
    places.find(|index| {
        let Standing::Available { weight } = snapshot.availability().standing(*index) else { return false };
        let member = snapshot.membership().member(*index);
        let cheap = member.is_some_and(|member| cost(member, weight).compare(floor).is_le());
        cheap && !request.tried.contains(*index)
    })
}

fn compare(
    snapshot: &Snapshot,
    request: &PickRequest<'_>,
    turns: &Cursor,
    cost: impl Fn(&Member, u32) -> Cost,
) -> Option<TargetIndex> {
    let candidates = || {
        let open = snapshot.available().filter(|(index, _, _)| !request.tried.contains(*index));
        open.map(|(index, member, weight)| (index, cost(member, weight)))
    };
    let mut best: Option<(TargetIndex, Cost)> = None;
    let mut equals = 0;
    for (index, cost) in candidates() {
        match best.map_or(Ordering::Less, |(_, best)| cost.compare(best)) {
            Ordering::Less => (best, equals) = (Some((index, cost)), 1),
            Ordering::Equal => equals += 1,
            Ordering::Greater => {}
        }
    }
    let (first, best) = best?;
    if equals == 1 {
        return Some(first);
    }
    // Loads may have changed since the first pass; then any answer is as good as another.
    let mut equal = candidates().filter(|(_, cost)| cost.compare(best).is_le());
    Some(equal.nth(turns.next(equals)).map_or(first, |(index, _)| index))
}
