//! A worker's own view of the generation: nothing in it is shared with another worker, so nothing in it is locked.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ahash::AHashMap;
use equipoise_metrics::{Counter, Registry};
use equipoise_target::{Endpoint, GroupName};
use http::HeaderValue;

use crate::door::Door;
use crate::grpc::Code;
use crate::l4::{DatagramStats, RelayStats};
use crate::limit::budget::{Income, RetryBudget};
use crate::listen::descriptors::Budget;
use crate::listen::sources::Sources;
use crate::stats::{GroupStats, Lazily, ListenerStats, Reasons, RequestStats, grpc_calls};
use crate::upstream::pools::{self, Pools};
use crate::{Generation, Group, Listener};

/// A generation with what its listeners have beside their configuration.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) generation: Generation,
    /// In the order of the generation's listeners.
    pub(crate) places: Vec<Place>,
    /// Whether a group's targets are told of clients before the first byte.
    announces: bool,
}

impl Active {
    pub(crate) fn new(generation: Generation, places: Vec<Place>) -> Self {
        let announces = generation.groups.values().any(|group| group.settings().transport.announces());
        Self { generation, places, announces }
    }
}

/// What a listener has beside its configuration, and keeps between generations.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where it really listens: the port that was found when the configuration says 0.
    pub(crate) address: Endpoint,
    /// Connections of all workers.
    pub(crate) connections: Arc<AtomicUsize>,
    /// What its requests are let in by, if they are limited.
    pub(crate) door: Option<Arc<Door>>,
    /// Connections of all workers by source.
    pub(crate) sources: Arc<Sources>,
    /// Connections of all listeners.
    pub(crate) budget: Arc<Budget>,
}

/// A worker's view of one generation.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) active: Arc<Active>,
    /// By the address in the configuration.
    pub(crate) fronts: AHashMap<Endpoint, Rc<Front>>,
    /// Those that take datagrams.
    pub(crate) datagram_fronts: AHashMap<Endpoint, Rc<Front>>,
    retries: AHashMap<GroupName, Rc<Retries>>,
    /// Connections to targets, by how they are made.
    pub(crate) pools: Vec<Rc<Pools>>,
    /// Groups in front of which requests may wait.
    limited: Vec<Arc<Group>>,
}

/// A listener as one worker sees it.
#[derive(Debug)]
pub(crate) struct Front {
    active: Arc<Active>,
    position: usize,
    registry: Registry,
    routes: AHashMap<GroupName, Rc<Route>>,
    /// Where requests are counted that no group got.
    pub(crate) own: Rc<Route>,
    pub(crate) stats: Rc<ListenerStats>,
    reasons: Rc<Reasons>,
    /// Why datagrams were not passed on.
    drops: Rc<Reasons>,
    handshakes: Rc<Reasons>,
    /// The port as a field value, if it has one.
    pub(crate) port: Option<HeaderValue>,
}

/// The way from one listener to one group.
#[derive(Debug)]
pub(crate) struct Route {
    /// `None` for requests that no group got.
    pub(crate) group: Option<Arc<Group>>,
    pub(crate) retries: Rc<Retries>,
    /// Connections to the group's targets.
    pub(crate) pools: Rc<Pools>,
    stats: Lazily<RequestStats>,
    /// Ends of gRPC calls, by code.
    calls: Lazily<Box<[Lazily<Counter>; Code::COUNT]>>,
    relayed: Lazily<RelayStats>,
    datagrams: Lazily<DatagramStats>,
}

/// What a worker knows of a group's retries.
#[derive(Debug)]
pub(crate) struct Retries {
    pub(crate) budget: RetryBudget,
    pub(crate) stats: Lazily<GroupStats>,
}

impl Local {
    /// The view before the first generation.
    pub(crate) fn empty() -> Self {
        let generation = Generation::new(Vec::new(), []);
        let active = Arc::new(Active::new(generation, Vec::new()));
        Self {
            active,
            fronts: AHashMap::new(),
            datagram_fronts: AHashMap::new(),
            retries: AHashMap::new(),
            pools: Vec::new(),
            limited: Vec::new(),
        }
    }

    /// The view of `active`, which takes over from `earlier` whatever belongs to what did not change.
    pub(crate) fn new(active: Arc<Active>, registry: &Registry, earlier: &Self) -> Self {
        let groups = &active.generation.groups;
        let retries: AHashMap<_, _> = groups
            .iter()
            .map(|(name, group)| (name.clone(), Rc::new(Retries::new(group, earlier.retries.get(name)))))
            .collect();
        let (pools, by_group) = pools::of_groups(groups, &earlier.pools);
        let ways = |name: &GroupName| (Rc::clone(&retries[name]), Rc::clone(&by_group[name])); // of the same groups
        let (mut fronts, mut datagram_fronts) = (AHashMap::new(), AHashMap::new());
        for (position, listener) in active.generation.listeners.iter().enumerate() {
            let (fronts, earlier) = match listener.spot().datagrams {
                true => (&mut datagram_fronts, &earlier.datagram_fronts),
                false => (&mut fronts, &earlier.fronts),
            };
            let earlier = earlier.get(&listener.bind).filter(|front| front.listener().name == listener.name);
            let front = Front::new(&active, position, registry, &ways, earlier.map(Rc::as_ref));
            fronts.insert(listener.bind, Rc::new(front));
        }
        let limited = groups.values().filter(|group| group.settings().limits.is_limited()).cloned().collect();
        Self { active, fronts, datagram_fronts, retries, pools, limited }
    }

    /// Lets those who wait in front of full groups look again.
    pub(crate) fn stir(&self) {
        self.limited.iter().for_each(|group| group.tally().line.stir());
    }
}

/// What listeners share on the way to a group.
type Ways<'a> = dyn Fn(&GroupName) -> (Rc<Retries>, Rc<Pools>) + 'a;

impl Front {
    fn new(
        active: &Arc<Active>,
        position: usize,
        registry: &Registry,
        ways: &Ways<'_>,
        earlier: Option<&Self>,
    ) -> Self {
        let (listener, place) = (&active.generation.listeners[position], &active.places[position]);
        let route = |(name, group): (&GroupName, &Arc<Group>)| {
            let earlier = earlier.and_then(|front| front.routes.get(name));
            let (retries, pools) = ways(name);
            let route = Route {
                group: Some(Arc::clone(group)),
                retries,
                pools,
                stats: earlier.map(|route| route.stats.clone()).unwrap_or_default(),
                calls: Lazily::default(),
                relayed: earlier.map(|route| route.relayed.clone()).unwrap_or_default(),
                datagrams: earlier.map(|route| route.datagrams.clone()).unwrap_or_default(),
            };
            (name.clone(), Rc::new(route))
        };
        Self {
            active: Arc::clone(active),
            position,
            registry: registry.clone(),
            routes: active.generation.groups.iter().map(route).collect(),
            own: earlier.map_or_else(Rc::default, |front| Rc::clone(&front.own)),
            stats: Rc::new(ListenerStats::new(registry, listener.name.as_str())),
            reasons: earlier.map_or_else(Rc::default, |front| Rc::clone(&front.reasons)),
            drops: earlier.map_or_else(Rc::default, |front| Rc::clone(&front.drops)),
            handshakes: earlier.map_or_else(Rc::default, |front| Rc::clone(&front.handshakes)),
            port: place.address.port().map(HeaderValue::from),
        }
    }

    pub(crate) fn listener(&self) -> &Listener {
        &self.active.generation.listeners[self.position]
    }

    pub(crate) fn place(&self) -> &Place {
        &self.active.places[self.position]
    }

    pub(crate) fn generation(&self) -> &Generation {
        &self.active.generation
    }

    /// Whether targets are told of clients before the first byte.
    pub(crate) fn announces(&self) -> bool {
        self.active.announces
    }

    pub(crate) fn route(&self, group: &GroupName) -> Option<&Rc<Route>> {
        self.routes.get(group)
    }

    /// Counts of requests that take `route`.
    pub(crate) fn requests<'a>(&self, route: &'a Route) -> &'a RequestStats {
        route.stats.get(|| RequestStats::new(&self.registry, self.listener().name.as_str(), route.name()))
    }

    /// Counts the end of a gRPC call that took `route`.
    pub(crate) fn call_ended(&self, route: &Route, code: Code) {
        let Some(counter) = route.calls.get(Box::default).get(usize::from(code.0)) else { return };
        counter.get(|| grpc_calls(&self.registry, self.listener().name.as_str(), route.name(), code)).increment();
    }

    /// Whether clients make requests here, rather than connections that are passed on.
    pub(crate) fn speaks_http(&self) -> bool {
        self.listener().protocol.tcp().is_none()
    }

    /// Counts of datagrams that take `route`.
    pub(crate) fn datagrams<'a>(&self, route: &'a Route) -> &'a DatagramStats {
        route.datagrams.get(|| DatagramStats::new(&self.registry, self.listener().name.as_str(), route.name()))
    }

    /// Counts a datagram that was not passed on.
    pub(crate) fn datagram_dropped(&self, reason: &'static str) {
        self.drops.count(reason, || {
            let labels = [("listener", self.listener().name.as_str()), ("reason", reason)];
            self.registry.counter("equipoise_dropped_datagrams_total", "Datagrams that were not passed on", &labels)
        });
    }

    /// Counts of connections that take `route`.
    pub(crate) fn relays<'a>(&self, route: &'a Route) -> &'a RelayStats {
        route.relayed.get(|| RelayStats::new(&self.registry, self.listener().name.as_str(), route.name()))
    }

    /// Counts of attempts that take `route`.
    pub(crate) fn attempts<'a>(&self, route: &'a Route) -> &'a GroupStats {
        route.retries.stats.get(|| GroupStats::new(&self.registry, route.name()))
    }

    /// Counts one TLS handshake by how it ended.
    pub(crate) fn shook_hands(&self, outcome: &'static str) {
        self.handshakes.count(outcome, || {
            let labels = [("listener", self.listener().name.as_str()), ("outcome", outcome)];
            self.registry.counter("equipoise_tls_handshakes_total", "TLS handshakes by how they ended", &labels)
        });
    }

    /// Counts one request or connection that was refused or failed.
    pub(crate) fn fault(&self, reason: &'static str) {
        self.reasons.count(reason, || {
            let labels = [("listener", self.listener().name.as_str()), ("reason", reason)];
            self.registry.counter("equipoise_faults_total", "Requests and connections refused or failed", &labels)
        });
    }
}

impl Route {
    pub(crate) fn name(&self) -> &str {
        self.group.as_ref().map_or("", |group| group.name().as_str())
    }
}

impl Default for Route {
    fn default() -> Self {
        let budget = RetryBudget::new(Arc::default(), Income { percent: 0, per_second: 0 });
        let retries = Rc::new(Retries { budget, stats: Lazily::default() });
        Self {
            group: None,
            retries,
            pools: Rc::default(),
            stats: Lazily::default(),
            calls: Lazily::default(),
            relayed: Lazily::default(),
            datagrams: Lazily::default(),
        }
    }
}

impl Retries {
    /// A worker's hand in the group's budget.
    fn new(group: &Group, earlier: Option<&Rc<Self>>) -> Self {
        let retry = &group.settings().retry;
        let income = Income { percent: retry.budget_percent, per_second: retry.budget_minimum };
        let budget = RetryBudget::new(Arc::clone(&group.tally().purse), income);
        Self { budget, stats: earlier.map(|earlier| earlier.stats.clone()).unwrap_or_default() }
    }
}
