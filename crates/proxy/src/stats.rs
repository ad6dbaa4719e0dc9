//! What the data plane counts. Every handle is resolved once, never on the way of a request.

use std::cell::{OnceCell, RefCell};
use std::time::Duration;

use ahash::AHashMap;
use equipoise_metrics::{Counter, Gauge, Histogram, LATENCY_BUCKETS, Registry};

use crate::grpc::Code;

/// Counts of requests of one listener to one group.
#[derive(Debug, Clone)]
pub(crate) struct RequestStats {
    /// By class, 1xx to 5xx.
    classes: [Counter; 5],
    duration: Histogram,
    sent: Counter,
    received: Counter,
}

impl RequestStats {
    pub(crate) fn new(registry: &Registry, listener: &str, group: &str) -> Self {
        let labels = [("listener", listener), ("group", group)];
        let class = |class: &str| {
            let labels = [("listener", listener), ("group", group), ("status_class", class)];
            registry.counter("equipoise_requests_total", "Requests answered, by class of the status", &labels)
        };
        Self {
            classes: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            duration: registry.histogram(
                "equipoise_request_duration_seconds",
                "From the request to the last byte of its response",
                LATENCY_BUCKETS,
                &labels,
            ),
            sent: registry.counter("equipoise_sent_bytes_total", "Bytes of response bodies", &labels),
            received: registry.counter("equipoise_received_bytes_total", "Bytes of request bodies", &labels),
        }
    }

    pub(crate) fn request(&self, status: u16, duration: Duration, received: u64, sent: u64) {
        self.classes[usize::from(status / 100).clamp(1, 5) - 1].increment();
        self.duration.observe(duration);
        if sent > 0 {
            self.sent.add(sent);
        }
        if received > 0 {
            self.received.add(received);
        }
    }
}

/// Calls of gRPC from one listener to one group that ended with `code`.
pub(crate) fn grpc_calls(registry: &Registry, listener: &str, group: &str, code: Code) -> Counter {
    let code = code.0.to_string();
    let labels = [("listener", listener), ("group", group), ("grpc_status", code.as_str())];
    registry.counter("equipoise_grpc_calls_total", "Calls of gRPC that ended, by their status", &labels)
}

/// Counts of attempts of one group.
#[derive(Debug, Clone)]
pub(crate) struct GroupStats {
    pub(crate) connect_failures: Counter,
    pub(crate) retries: Counter,
    pub(crate) budget_exhausted: Counter,
    pub(crate) hedges: Counter,
    pub(crate) queued: Counter,
    pub(crate) circuits_opened: Counter,
}

impl GroupStats {
    pub(crate) fn new(registry: &Registry, group: &str) -> Self {
        let counter = |name, help| registry.counter(name, help, &[("group", group)]);
        Self {
            connect_failures: counter(
                "equipoise_upstream_connect_failures_total",
                "Connections to targets that could not be made",
            ),
            retries: counter("equipoise_retries_total", "Attempts after a request's first one"),
            budget_exhausted: counter(
                "equipoise_retry_budget_exhausted_total",
                "Retries that were not made because the budget was spent",
            ),
            hedges: counter("equipoise_hedges_total", "Attempts beside one that was not answered yet"),
            queued: counter("equipoise_queued_total", "Requests that waited in line for a place at a target"),
            circuits_opened: counter("equipoise_circuits_opened_total", "Times that a target's circuit opened"),
        }
    }
}

/// Counts of one listener's connections and of what its routers may not do.
#[derive(Debug, Clone)]
pub(crate) struct ListenerStats {
    pub(crate) active: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) requests: Counter,
    pub(crate) refused_edits: Counter,
    pub(crate) tunnels: Gauge,
    pub(crate) tunnel_bytes_up: Counter,
    pub(crate) tunnel_bytes_down: Counter,
}

impl ListenerStats {
    pub(crate) fn new(registry: &Registry, listener: &str) -> Self {
        let labels = [("listener", listener)];
        let tunnel_bytes = |direction| {
            let labels = [("listener", listener), ("direction", direction)];
            registry.counter("equipoise_tunnel_bytes_total", "Bytes that tunnels passed on", &labels)
        };
        Self {
            tunnels: registry.gauge("equipoise_tunnels_active", "Connections that became tunnels", &labels),
            tunnel_bytes_up: tunnel_bytes("received"),
            tunnel_bytes_down: tunnel_bytes("sent"),
            active: registry.gauge("equipoise_connections_active", "Connections of clients", &labels),
            accepted: registry.counter("equipoise_connections_total", "Connections accepted", &labels),
            requests: registry.counter("equipoise_listener_requests_total", "Requests that came in", &labels),
            refused_edits: registry.counter(
                "equipoise_router_edits_refused_total",
                "Wishes of routers that were dropped: framing fields, malformed hosts and paths, too much",
                &labels,
            ),
        }
    }
}

/// What was refused or failed, by reason. A worker meets each of a fixed set of reasons for the first time once, and
/// only then asks the registry.
#[derive(Debug, Default)]
pub(crate) struct Reasons(RefCell<AHashMap<&'static str, Counter>>);

impl Reasons {
    pub(crate) fn count(&self, reason: &'static str, resolve: impl FnOnce() -> Counter) {
        self.0.borrow_mut().entry(reason).or_insert_with(resolve).increment();
    }
}

/// A handle that is resolved when it is first needed: a listener may route to any group, but most go to few.
#[derive(Debug)]
pub(crate) struct Lazily<T>(OnceCell<T>);

impl<T> Lazily<T> {
    pub(crate) fn get(&self, resolve: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(resolve)
    }
}

impl<T> Default for Lazily<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T: Clone> Clone for Lazily<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
