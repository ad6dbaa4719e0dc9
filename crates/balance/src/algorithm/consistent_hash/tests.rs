use equipoise_target::Condition;

use super::*;
use crate::Algorithm;
use crate::algorithm::tests::Group;

const KEYS: usize = 6000;

fn by_header() -> ConsistentHash {
    ConsistentHash::new(HashKey::Header(http::HeaderName::from_static("x-key")))
}

fn bounded(factor: f64) -> ConsistentHash {
    ConsistentHash { bounded_load: LoadFactor::new(factor).ok(), ..by_header() }
}

fn picker(settings: ConsistentHash, group: &Group) -> Arc<dyn Picker> {
    Algorithm::ConsistentHash(settings).picker(&group.snapshot(), &()).unwrap()
}

/// Where each key goes.
fn places(picker: &dyn Picker, group: &Group) -> Vec<Option<usize>> {
    (0..KEYS).map(|key| group.pick(picker, &format!("key-{key}"), &[])).collect()
}

fn count(places: &[Option<usize>], target: usize) -> usize {
    places.iter().filter(|place| **place == Some(target)).count()
}

#[test]
fn a_key_keeps_its_target_and_another_seed_moves_it() {
    let group = Group::with_weights(&[1, 2, 1]);
    let first = places(&*picker(by_header(), &group), &group);
    assert_eq!(first, places(&*picker(by_header(), &group), &group));
    let seeded = ConsistentHash { seed: 1, ..by_header() };
    assert_ne!(first, places(&*picker(seeded, &group), &group));
}

#[test]
fn only_keys_of_a_lost_target_move_and_they_come_back() {
    let mut group = Group::with_weights(&[1; 4]);
    let before = picker(by_header(), &group);
    let old = places(&*before, &group);
    group.set(2, Condition::Unhealthy);
    let during = before.refresh(&group.snapshot());
    let new = places(&*during, &group);
    for (old, new) in old.iter().zip(&new) {
        assert!(if *old == Some(2) { *new != Some(2) } else { old == new });
    }
    let gained: Vec<_> = [0, 1, 3].map(|target| count(&new, target) - count(&old, target)).into();
    assert!(gained.iter().all(|keys| (380..620).contains(keys)), "{gained:?}");
    group.set(2, Condition::Ready);
    assert_eq!(old, places(&*during.refresh(&group.snapshot()), &group));
}

#[test]
fn an_attempt_that_failed_moves_only_its_own_key() {
    let group = Group::with_weights(&[1; 4]);
    let picker = picker(by_header(), &group);
    let first = group.pick(&*picker, "alice", &[]).unwrap();
    let second = group.pick(&*picker, "alice", &[first]).unwrap();
    assert_ne!(first, second);
    assert_eq!(group.pick(&*picker, "alice", &[first]), Some(second));
    assert_eq!(group.pick(&*picker, "alice", &[]), Some(first));
}

#[test]
fn the_table_is_shared_while_it_fits_and_built_when_it_does_not() {
    let mut group = Group::with_weights(&[1, 1]);
    let settings = by_header();
    let hashed = |snapshot: &Snapshot| Hashed {
        settings: Arc::new(settings.clone()),
        table: Arc::new(settings.build(snapshot.membership())),
        membership: Arc::clone(snapshot.membership()),
        keyless: Rotation::new(snapshot, Arc::default()),
        sum: Sum::default(),
    };
    let picker = hashed(&group.snapshot());
    group.set(0, Condition::Unhealthy);
    let shared = picker.refresh(&group.snapshot());
    assert_eq!(Arc::strong_count(&picker.table), 2);
    let reloaded = shared.refresh(&Group::with_weights(&[1, 1]).snapshot());
    assert_eq!(Arc::strong_count(&picker.table), 3);
    drop(reloaded);
    let _weight = shared.refresh(&Group::with_weights(&[1, 2]).snapshot());
    let other = Group::with_weights(&[1, 1, 1]);
    let rebuilt = shared.refresh(&other.snapshot());
    assert_eq!(Arc::strong_count(&picker.table), 2);
    assert!(count(&places(&*rebuilt, &other), 2) > 0);
}

#[test]
fn a_degraded_target_gives_away_keys_and_takes_none() {
    let mut group = Group::with_weights(&[10; 4]);
    let full = picker(by_header(), &group);
    let mut before = places(&*full, &group);
    for percent in [70, 30, 10] {
        group.set(0, Condition::Degraded { percent });
        let after = places(&*full.refresh(&group.snapshot()), &group);
        assert!(before.iter().zip(&after).all(|(old, new)| old == new || *old == Some(0)));
        let share = count(&after, 0) as f64 / KEYS as f64;
        let fair = f64::from(percent) / (300.0 + f64::from(percent));
        assert!((share - fair).abs() < 0.02, "{share} at {percent} %");
        before = after;
    }
}

#[test]
fn requests_without_a_key_go_round_robin() {
    let group = Group::with_weights(&[2, 1]);
    let query = picker(ConsistentHash::new(HashKey::Query("id".into())), &group);
    assert_eq!([(); 6].map(|()| group.pick(&*query, "ignored", &[]).unwrap()), [0, 1, 0, 0, 1, 0]);
}

#[test]
fn a_popular_key_overflows_at_the_bound_and_returns() {
    let group = Group::with_weights(&[1; 4]);
    let picker = picker(bounded(1.25), &group);
    let home = group.pick(&*picker, "popular", &[]).unwrap();
    let mut leases = Vec::new();
    for _ in 0..40 {
        let target = group.pick(&*picker, "popular", &[]).unwrap();
        leases.push(group.lease(target));
    }
    let loads = group.loads();
    // Each pick was bound by 1.25 times the average at that moment, rounded up.
    assert!(loads.iter().all(|load| *load <= 13), "{loads:?}");
    assert_eq!(loads[home], 13);
    leases.clear();
    assert_eq!(group.pick(&*picker, "popular", &[]), Some(home));
}

#[test]
fn the_bound_holds_in_a_group_whose_load_is_added_up_once_in_a_while() {
    let group = Group::with_weights(&[1; 200]);
    let picker = picker(bounded(1.25), &group);
    let leases: Vec<_> = (0..1_000).map(|_| group.lease(group.pick(&*picker, "popular", &[]).unwrap())).collect();
    let loads = group.loads();
    // At most 1.25 times the average of five, rounded up.
    assert!(loads.iter().all(|load| *load <= 7), "{loads:?}");
    drop(leases);
}

#[test]
fn without_a_bound_a_popular_key_stays() {
    let group = Group::with_weights(&[1; 4]);
    let picker = picker(by_header(), &group);
    let home = group.pick(&*picker, "popular", &[]).unwrap();
    let _busy: Vec<_> = (0..100).map(|_| group.lease(home)).collect();
    assert_eq!(group.pick(&*picker, "popular", &[]), Some(home));
}

#[test]
fn the_bound_gives_way_when_nobody_else_is_left() {
    let group = Group::with_weights(&[1, 1]);
    let picker = picker(bounded(1.0), &group);
    let _busy: Vec<_> = (0..50).map(|_| group.lease(1)).collect();
    assert_eq!(group.pick(&*picker, "any", &[0]), Some(1));
}

#[test]
fn one_available_target_among_thousands_is_found_by_every_key() {
    let mut group = Group::with_weights(&[1; 3000]);
    (0..3000).filter(|target| *target != 1234).for_each(|target| group.set(target, Condition::Unhealthy));
    let small = ConsistentHash { table_size: TableSize::SMALL, ..by_header() }; // it may not have a single slot
    let picker = picker(small, &group);
    assert!(["a", "b", "c", "d"].iter().all(|key| group.pick(&*picker, key, &[]) == Some(1234)));
}

#[test]
fn targets_are_called_by_their_address_so_that_other_programs_can_agree() {
    let group = Group::with_weights(&[1, 1, 1]);
    let ids = ["10.0.0.0:80", "10.0.0.1:80", "10.0.0.2:80"].map(|id| Entry::new(id.as_bytes()));
    let table = Maglev::build(&ids, TableSize::DEFAULT, 9);
    let picker = picker(ConsistentHash { seed: 9, ..by_header() }, &group);
    for key in ["alice", "bob", "carol", "dave"] {
        assert_eq!(group.pick(&*picker, key, &[]), table.lookup(hash(key.as_bytes(), 9)));
    }
}
