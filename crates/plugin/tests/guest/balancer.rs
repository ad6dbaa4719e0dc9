//! World `balancer`: what a guest is told and picks.

use equipoise_balance::Tried;
use equipoise_plugin::{Failure, Fallback, World};
use equipoise_target::TargetIndex;

use crate::support::{Guest, host, load, load_within, pick, snapshot, spec};

const TARGETS: &str = "equipoise:plugin/targets@0.1.0";

/// Code that answers `some(expression)`.
fn some(expression: &str) -> String {
    format!("(i32.store8 (i32.const 256) (i32.const 1)) (i32.store (i32.const 260) {expression})")
}

/// Picks the last target that it was told of; counts how often it was told at 600.
fn last() -> Guest {
    Guest {
        changed: "(i32.store (i32.const 600) (local.get 1))
                  (i32.store (i32.const 604) (i32.add (i32.load (i32.const 604)) (i32.const 1)))"
            .into(),
        ..Guest::body(&some("(i32.sub (i32.load (i32.const 600)) (i32.const 1))"))
    }
}

fn tried(positions: &[usize]) -> Tried {
    let mut tried = Tried::default();
    positions.iter().for_each(|position| tried.add(TargetIndex::from_position(*position).unwrap()));
    tried
}

#[test]
fn a_position_is_one_among_the_available_targets() {
    let plugin = load(World::Balancer, last());
    // The second target is weighted 0: the guest sees three of four.
    let snapshot = snapshot(&[1, 0, 2, 3]);
    let picker = plugin.picker(&snapshot).unwrap();
    for _ in 0..3 {
        assert_eq!(pick(&*picker, &snapshot, &Tried::default()), Some(3));
    }
    assert_eq!(plugin.stats().last_failure, None);
}

#[test]
fn a_guest_is_told_once_and_again_when_targets_change() {
    let told_once = Guest { body: some("(i32.sub (i32.load (i32.const 604)) (i32.const 1))"), ..last() };
    let plugin = load(World::Balancer, told_once);
    let first = snapshot(&[1, 1, 1]);
    let picker = plugin.picker(&first).unwrap();
    assert_eq!(pick(&*picker, &first, &Tried::default()), Some(0));
    assert_eq!(pick(&*picker, &first, &Tried::default()), Some(0));
    let second = snapshot(&[1, 1, 1]);
    let refreshed = picker.refresh(&second);
    assert_eq!(pick(&*refreshed, &second, &Tried::default()), Some(1));
    assert_eq!(plugin.stats().instances, 1);
}

#[test]
fn groups_have_instances_of_their_own() {
    let plugin = load(World::Balancer, last());
    let (one, two) = (snapshot(&[1, 1]), snapshot(&[1, 1, 1]));
    let (first, second) = (plugin.picker(&one).unwrap(), plugin.picker(&two).unwrap());
    for _ in 0..3 {
        assert_eq!(pick(&*first, &one, &Tried::default()), Some(1));
        assert_eq!(pick(&*second, &two, &Tried::default()), Some(2));
    }
    assert_eq!(plugin.stats().instances, 2);
}

#[test]
fn a_guest_reads_how_targets_are_doing() {
    let guest =
        Guest::body(&some("(call $in_flight (i32.const 1))")).import(TARGETS, "in-flight", "(param i32) (result i32)");
    let plugin = load(World::Balancer, guest);
    let snapshot = snapshot(&[1, 1, 1]);
    let picker = plugin.picker(&snapshot).unwrap();
    let target = &snapshot.membership().members()[1].target;
    let leases: Vec<_> = (0..2).map(|_| target.lease()).collect();
    assert_eq!(pick(&*picker, &snapshot, &Tried::default()), Some(2));
    drop(leases);
    assert_eq!(pick(&*picker, &snapshot, &Tried::default()), Some(0));

    // The weight of the first target, and 0 for one beyond the list.
    let body = some("(i32.add (call $weight (i32.const 0)) (call $weight (i32.const 99)))");
    let guest = Guest::body(&body).import(TARGETS, "weight", "(param i32) (result i32)");
    let plugin = load(World::Balancer, guest);
    let snapshot = crate::support::snapshot(&[2, 1, 1]);
    assert_eq!(pick(&*plugin.picker(&snapshot).unwrap(), &snapshot, &Tried::default()), Some(2));
    assert_eq!(plugin.stats().last_failure, None);
}

#[test]
fn a_guest_reads_what_was_tried() {
    let guest = Guest::body(&some("(call $tried (i32.const 0))")).import(TARGETS, "tried", "(param i32) (result i32)");
    let plugin = load(World::Balancer, guest);
    let snapshot = snapshot(&[1, 1]);
    let picker = plugin.picker(&snapshot).unwrap();
    assert_eq!(pick(&*picker, &snapshot, &Tried::default()), Some(0));
    assert_eq!(pick(&*picker, &snapshot, &tried(&[0])), Some(1));
    assert_eq!(plugin.stats().last_failure, None);
}

#[test]
fn a_pick_that_cannot_be_used_is_a_failure_and_round_robin_goes_on() {
    let plugin = load(World::Balancer, Guest::body(&some("(i32.const 7)")));
    let snapshot = snapshot(&[1, 1]);
    let picker = plugin.picker(&snapshot).unwrap();
    let picks: Vec<_> = (0..4).map(|_| pick(&*picker, &snapshot, &Tried::default()).unwrap()).collect();
    assert_eq!(picks, [0, 1, 0, 1]);
    let want = Failure::Answer { reason: "it picked position 7 of 2 targets".into() };
    assert_eq!(plugin.stats().last_failure, Some(want));

    let plugin = load(World::Balancer, Guest::body(&some("(i32.const 0)")));
    let picker = plugin.picker(&snapshot).unwrap();
    assert_eq!(pick(&*picker, &snapshot, &tried(&[0])), Some(1));
    assert!(matches!(plugin.stats().last_failure, Some(Failure::Answer { .. })));
}

#[test]
fn a_guest_may_leave_a_request_to_round_robin() {
    let plugin = load(World::Balancer, Guest::default());
    let snapshot = snapshot(&[1, 1]);
    let picker = plugin.picker(&snapshot).unwrap();
    assert_eq!([0; 3].map(|_| pick(&*picker, &snapshot, &Tried::default()).unwrap()), [0, 1, 0]);
    assert_eq!(pick(&*picker, &snapshot, &tried(&[0])), Some(1));
    assert_eq!(plugin.stats().last_failure, None);
}

#[test]
fn a_failing_balancer_picks_nobody_if_so_declared() {
    let mut refusing = spec(World::Balancer, Guest::body("unreachable").build(World::Balancer));
    refusing.fallback = Fallback::Refuse;
    let plugin = host().load(refusing).unwrap();
    let snapshot = snapshot(&[1, 1]);
    let picker = plugin.picker(&snapshot).unwrap();
    assert_eq!(pick(&*picker, &snapshot, &Tried::default()), None);
}

#[test]
fn a_trap_in_targets_changed_is_contained_too() {
    let guest = Guest { changed: "unreachable".into(), ..Guest::default() };
    let plugin = load(World::Balancer, guest);
    let snapshot = snapshot(&[1, 1]);
    let picker = plugin.picker(&snapshot).unwrap();
    assert_eq!(pick(&*picker, &snapshot, &Tried::default()), Some(0));
    assert!(matches!(plugin.stats().last_failure, Some(Failure::Trap { .. })));
}

#[test]
fn nobody_is_asked_when_there_is_nobody_to_pick() {
    let plugin = load_within(std::time::Duration::from_millis(5), Fallback::Continue, World::Balancer, last());
    let (empty, one) = (snapshot(&[]), snapshot(&[1]));
    assert_eq!(pick(&*plugin.picker(&empty).unwrap(), &empty, &Tried::default()), None);
    assert_eq!(pick(&*plugin.picker(&one).unwrap(), &one, &tried(&[0])), None);
    assert_eq!(plugin.stats().calls, 0);
}
