//! A target group to pick from, for the tests of every algorithm, and the configuration of all of them.

use std::net::SocketAddr;

use equipoise_target::{Availability, Condition, GroupName, Lease, Member, Membership, Target, TargetIndex};

use super::*;
use crate::{PickRequest, Tried};

pub(super) struct Group {
    membership: Arc<Membership>,
    conditions: Vec<Condition>,
}

impl Group {
    pub(super) fn with_weights(weights: &[u32]) -> Self {
        Self::new(&weights.iter().map(|weight| (*weight, 0, Condition::Ready)).collect::<Vec<_>>())
    }

    /// Weight, priority and condition of each member.
    pub(super) fn new(members: &[(u32, u32, Condition)]) -> Self {
        let address = |n: usize| SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 80));
        let member = |(n, (weight, priority, _)): (usize, &_)| Member {
            target: Arc::new(Target::new(address(n))),
            weight: *weight,
            priority: *priority,
        };
        let members_of = members.iter().enumerate().map(member).collect();
        let membership = Arc::new(Membership::new(GroupName::new("todo").unwrap(), members_of));
        Self { membership, conditions: members.iter().map(|(_, _, condition)| *condition).collect() }
    }

    pub(super) fn set(&mut self, target: usize, condition: Condition) {
        self.conditions[target] = condition;
    }

    /// The same membership each time.
    pub(super) fn snapshot(&self) -> Snapshot {
        let availability = Availability::compute(&self.membership, |index| self.conditions[index.get()], true);
        Snapshot::new(Arc::clone(&self.membership), Arc::new(availability))
    }

    pub(super) fn lease(&self, target: usize) -> Lease {
        self.membership.members()[target].target.lease()
    }

    pub(super) fn leases(&self, in_flight: &[usize]) -> Vec<Lease> {
        let each = in_flight.iter().enumerate();
        each.flat_map(|(target, count)| (0..*count).map(move |_| self.lease(target))).collect()
    }

    pub(super) fn loads(&self) -> Vec<u32> {
        self.membership.members().iter().map(|member| member.target.in_flight()).collect()
    }

    /// One pick for a request whose header `x-key` holds `key`.
    pub(super) fn pick(&self, picker: &dyn Picker, key: &str, tried: &[usize]) -> Option<usize> {
        pick(picker, &self.snapshot(), key, tried)
    }
}

pub(super) fn pick(picker: &dyn Picker, snapshot: &Snapshot, key: &str, tried: &[usize]) -> Option<usize> {
    let (mut head, ()) = http::Request::get("/").header("x-key", key).body(()).unwrap().into_parts();
    let mut excluded = Tried::default();
    tried.iter().filter_map(|position| TargetIndex::from_position(*position)).for_each(|index| excluded.add(index));
    let mut request = PickRequest { head: &mut head, client: [192, 0, 2, 1].into(), tried: &excluded };
    picker.pick(snapshot, &mut request).map(TargetIndex::get)
}

pub(super) fn picks(picker: &dyn Picker, group: &Group, count: usize) -> Vec<usize> {
    (0..count).map(|_| group.pick(picker, "key", &[]).unwrap()).collect()
}

/// The shape that a target group has in the configuration.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    #[serde(default)]
    balance: Algorithm,
}

#[track_caller]
fn check(text: &str, want: &Algorithm) {
    let read: Document = toml::from_str(text).unwrap();
    assert_eq!(read.balance, *want);
    let again: Document = toml::from_str(&toml::to_string(&read).unwrap()).unwrap();
    assert_eq!(again.balance, *want, "written and read again");
}

#[track_caller]
fn refused(text: &str, want: &str) {
    let error = toml::from_str::<Document>(text).unwrap_err().to_string();
    assert!(error.contains(want), "{error}");
}

#[test]
fn every_algorithm_is_a_table_of_its_name() {
    check("", &Algorithm::RoundRobin(RoundRobin {}));
    check("[balance.round-robin]", &Algorithm::RoundRobin(RoundRobin {}));
    check("[balance.least-connections]", &Algorithm::LeastConnections(LeastConnections {}));
    check("balance.weighted-least-connections = {}", &Algorithm::WeightedLeastConnections(WeightedLeastConnections {}));
    let name = PluginName::new("geo").unwrap();
    check("balance.plugin.name = 'geo'", &Algorithm::Plugin(Plugin { name }));
}

#[test]
fn a_consistent_hash_needs_a_key_and_has_defaults_for_the_rest() {
    let hash = |key| Algorithm::ConsistentHash(ConsistentHash::new(key));
    let header = http::HeaderName::from_static("x-user");
    check("balance.consistent-hash.key.header = 'X-User'", &hash(HashKey::Header(header)));
    check("balance.consistent-hash.key = { cookie = 'session' }", &hash(HashKey::Cookie("session".into())));
    check("balance.consistent-hash.key = { query = 'id' }", &hash(HashKey::Query("id".into())));
    check("balance.consistent-hash.key = 'path'", &hash(HashKey::Path));
    let full =
        "[balance.consistent-hash]\nkey = 'source'\ntable = 'maglev'\ntable-size = 251\nbounded-load = 2\nseed = 7";
    let settings = ConsistentHash {
        key: HashKey::Source,
        table: Table::Maglev,
        table_size: crate::TableSize::SMALL,
        bounded_load: crate::LoadFactor::new(2.0).ok(),
        seed: 7,
    };
    check(full, &Algorithm::ConsistentHash(settings));
}

#[test]
fn what_is_unknown_or_impossible_is_refused_by_name() {
    refused("balance.round-robins = {}", "unknown variant `round-robins`");
    refused("balance.round-robin.weight = 1", "unknown field `weight`");
    refused("balance.consistent-hash = {}", "missing field `key`");
    refused("balance.consistent-hash = { key = 'path', sed = 1 }", "unknown field `sed`");
    refused("balance.consistent-hash = { key = 'body' }", "unknown variant `body`");
    refused("balance.consistent-hash = { key = { header = 'a b' } }", "`a b` is not the name of a header");
    refused("balance.consistent-hash = { key = { cookie = '' } }", "`` cannot be a name");
    refused("balance.consistent-hash = { key = { query = 'a=b' } }", "`a=b` cannot be a name");
    refused("balance.consistent-hash = { key = 'path', table-size = 100 }", "must be a prime, like 101");
    refused("balance.consistent-hash = { key = 'path', table-size = -1 }", "-1");
    refused("balance.consistent-hash = { key = 'path', bounded-load = 0.5 }", "between 1.0 and 100.0");
    refused("balance.consistent-hash = { key = 'path', bounded-load = nan }", "between 1.0 and 100.0");
    refused("balance.consistent-hash = { key = 'path', table = 'jump' }", "unknown variant `jump`");
    refused("balance.plugin = {}", "missing field `name`");
    refused("balance.plugin.name = '-'", "`-` is not a name");
}

#[test]
fn names_are_those_of_the_configuration() {
    for algorithm in conformance::all() {
        let table = toml::Value::try_from(&algorithm).unwrap();
        assert_eq!(table.as_table().unwrap().keys().collect::<Vec<_>>(), [algorithm.name()]);
    }
}
