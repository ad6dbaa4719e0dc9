//! What every algorithm owes its callers, whatever it does beyond.

use equipoise_target::{Condition, PluginName};
use proptest::prelude::*;

use super::tests::{Group, pick};
use super::*;

/// A balancer of an embedding program, for `plugin`.
struct Native;

impl PickerSource for Native {
    fn picker(&self, _: &PluginName, snapshot: &Snapshot) -> Option<Arc<dyn Picker>> {
        Algorithm::default().picker(snapshot, &()).ok()
    }
}

/// One of each kind, and of what changes a kind's course. The match makes a new kind a compile error here.
pub(super) fn all() -> Vec<Algorithm> {
    let hash = || ConsistentHash::new(HashKey::Header(http::HeaderName::from_static("x-key")));
    let known = |algorithm: &Algorithm| match algorithm {
        Algorithm::RoundRobin(_)
        | Algorithm::LeastConnections(_)
        | Algorithm::WeightedLeastConnections(_)
        | Algorithm::ConsistentHash(_)
        | Algorithm::Plugin(_) => true,
    };
    let all = vec![
        Algorithm::RoundRobin(RoundRobin {}),
        Algorithm::LeastConnections(LeastConnections {}),
        Algorithm::WeightedLeastConnections(WeightedLeastConnections {}),
        Algorithm::ConsistentHash(ConsistentHash { table_size: crate::TableSize::SMALL, ..hash() }),
        Algorithm::ConsistentHash(ConsistentHash { bounded_load: crate::LoadFactor::new(1.25).ok(), ..hash() }),
        Algorithm::ConsistentHash(ConsistentHash::new(HashKey::Cookie("absent".into()))),
        Algorithm::Plugin(Plugin { name: PluginName::new("native").unwrap() }),
    ];
    assert!(all.iter().all(known));
    all
}

fn picker(algorithm: &Algorithm, snapshot: &Snapshot) -> Arc<dyn Picker> {
    algorithm.picker(snapshot, &Native).unwrap()
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        4 => Just(Condition::Ready),
        1 => (1_u8..=100).prop_map(|percent| Condition::Degraded { percent }),
        2 => Just(Condition::Unhealthy),
        1 => Just(Condition::Out),
    ]
}

/// Weight, priority and condition of each.
type Members = Vec<(u32, u32, Condition)>;

/// Members, who of them was tried, and who is busy with how many requests.
fn situation() -> impl Strategy<Value = (Members, Vec<bool>, Vec<usize>)> {
    (0_usize..10).prop_flat_map(|members| {
        (
            prop::collection::vec((0_u32..6, 0_u32..2, condition()), members),
            prop::collection::vec(prop::bool::weighted(0.3), members),
            prop::collection::vec(0_usize..8, members),
        )
    })
}

/// Everything that holds for any single pick.
fn holds(picker: &dyn Picker, snapshot: &Snapshot, tried: &[bool]) -> Result<(), TestCaseError> {
    let excluded: Vec<_> = (0..tried.len()).filter(|position| tried[*position]).collect();
    let open = snapshot.available().filter(|(index, _, _)| !tried[index.get()]).count();
    for key in 0..12 {
        let got = pick(picker, snapshot, &key.to_string(), &excluded);
        prop_assert_eq!(got.is_some(), open > 0);
        if let Some(target) = got {
            prop_assert!(snapshot.available().any(|(index, _, _)| index.get() == target), "{} is unavailable", target);
            prop_assert!(!tried[target], "{} was tried", target);
        }
    }
    let everybody: Vec<_> = (0..tried.len()).collect();
    prop_assert_eq!(pick(picker, snapshot, "key", &everybody), None);
    Ok(())
}

fn sequence(picker: &dyn Picker, snapshot: &Snapshot) -> Vec<Option<usize>> {
    (0..20).map(|key| pick(picker, snapshot, &key.to_string(), &[])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_algorithm_picks_the_available_and_untried_and_nobody_else(
        (members, tried, busy) in situation(),
        later in prop::collection::vec(condition(), 10),
    ) {
        for algorithm in all() {
            let mut group = Group::new(&members);
            let _leases = group.leases(&busy);
            let snapshot = group.snapshot();
            let first = picker(&algorithm, &snapshot);
            holds(&*first, &snapshot, &tried)?;
            let (one, two) = (picker(&algorithm, &snapshot), picker(&algorithm, &snapshot));
            prop_assert_eq!(sequence(&*one, &snapshot), sequence(&*two, &snapshot), "the same start, other picks");

            (0..members.len()).for_each(|target| group.set(target, later[target]));
            let changed = group.snapshot();
            holds(&*first.refresh(&changed), &changed, &tried)?;

            let mut grown = members.clone();
            grown.push((1, 0, Condition::Ready));
            let grown = Group::new(&grown).snapshot();
            holds(&*first.refresh(&grown), &grown, &[&tried[..], &[false]].concat())?;
        }
    }
}

/// Shares of `weights` under `algorithm` while every request stays in flight.
fn shares(algorithm: &Algorithm, members: &[(u32, u32, Condition)]) -> Vec<f64> {
    let group = Group::new(members);
    let snapshot = group.snapshot();
    let picker = picker(algorithm, &snapshot);
    let total = 4000;
    let leases: Vec<_> =
        (0..total).map(|key| group.lease(pick(&*picker, &snapshot, &format!("key-{key}"), &[]).unwrap())).collect();
    let shares = group.loads().iter().map(|load| f64::from(*load) / f64::from(total)).collect();
    drop(leases);
    shares
}

#[test]
fn every_algorithm_gives_shares_by_weight_within_tolerance() {
    let half = Condition::Degraded { percent: 50 };
    let members = [(5, 0, Condition::Ready), (2, 0, Condition::Ready), (6, 0, half), (9, 0, Condition::Unhealthy)];
    for algorithm in all() {
        let want = match algorithm {
            Algorithm::LeastConnections(_) => [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0], // by design
            _ => [0.5, 0.2, 0.3, 0.0],
        };
        let tolerance = if matches!(algorithm, Algorithm::ConsistentHash(_)) { 0.03 } else { 0.002 };
        let got = shares(&algorithm, &members);
        let close = got.iter().zip(want).all(|(got, want)| (got - want).abs() <= tolerance);
        assert!(close, "{}: {got:?}", algorithm.name());
    }
}

#[test]
fn every_algorithm_answers_from_many_threads_and_turns_are_exact() {
    let group = Group::with_weights(&[5, 1, 1]);
    let snapshot = group.snapshot();
    for algorithm in all() {
        let picker = picker(&algorithm, &snapshot);
        let count = || (0..700).map(|_| pick(&*picker, &snapshot, "key", &[]).unwrap()).collect::<Vec<_>>();
        let picks: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(count)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let counts = [0, 1, 2].map(|target| picks.iter().filter(|pick| **pick == target).count());
        match algorithm {
            Algorithm::RoundRobin(_) | Algorithm::Plugin(_) => assert_eq!(counts, [3000, 600, 600]),
            Algorithm::LeastConnections(_) => assert_eq!(counts, [1400; 3]), // nothing in flight: all equal
            Algorithm::WeightedLeastConnections(_) => assert_eq!(counts, [4200, 0, 0]), // the heaviest idle one
            Algorithm::ConsistentHash(_) => assert_eq!(counts.iter().sum::<usize>(), 4200),
        }
    }
}
