//! A pick happens for each request: it must not allocate, whatever the algorithm and however it ends.

use std::sync::Arc;

use equipoise_balance::{Algorithm, PickRequest, Tried};
use equipoise_target::{Availability, Condition, GroupName, Member, Membership, Snapshot, Target};

const ALGORITHMS: [&str; 9] = [
    "round-robin = {}",
    "least-connections = {}",
    "weighted-least-connections = {}",
    "consistent-hash.key.header = 'x-user'",
    "consistent-hash.key.header = 'absent'",
    "consistent-hash.key.cookie = 'session'",
    "consistent-hash.key.query = 'id'",
    "consistent-hash.key = 'path'",
    "consistent-hash = { key = 'source', bounded-load = 1.25 }",
];

fn snapshot(group: GroupName) -> Snapshot {
    let member = |number: u16| Member {
        target: Arc::new(Target::new(([127, 0, 0, 1], 8000 + number))),
        weight: number.into(),
        priority: 0,
    };
    let membership = Arc::new(Membership::new(group, (1..=8).map(member).collect()));
    let condition = |index: equipoise_target::TargetIndex| match index.get() {
        0 => Condition::Unhealthy,
        1 => Condition::Degraded { percent: 50 },
        _ => Condition::Ready,
    };
    let availability = Availability::compute(&membership, condition, true);
    Snapshot::new(membership, Arc::new(availability))
}

#[test]
fn picking_does_not_allocate() {
    let snapshot = snapshot(GroupName::new("todo").unwrap());
    let head = http::Request::get("/todos?id=7").header("x-user", "alice").header("cookie", "a=b; session=7");
    let (mut head, ()) = head.body(()).unwrap().into_parts();
    for text in ALGORITHMS {
        let algorithm: Algorithm = toml::from_str(text).unwrap();
        let picker = algorithm.picker(&snapshot, &()).unwrap();
        let mut tried = Tried::default();
        loop {
            let mut request = PickRequest { head: &mut head, client: [192, 0, 2, 1].into(), tried: &tried };
            let mut picked = None;
            let counted = allocation_counter::measure(|| picked = picker.pick(&snapshot, &mut request));
            assert_eq!(counted.count_total, 0, "{text} after {} attempts", tried.len());
            let Some(index) = picked else { break };
            tried.add(index);
        }
        assert_eq!(tried.len(), 7, "{text}");
    }
}
