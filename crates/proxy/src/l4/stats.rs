//! What is counted of connections that are passed on.

use std::time::Duration;

use equipoise_metrics::{Counter, Histogram, Registry};

/// Upper bounds of how long connections last, in seconds: from a single question to a day.
const LIFE_BUCKETS: &[f64] = &[0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 86_400.0];

/// Counts of connections of one listener to one group.
#[derive(Debug, Clone)]
pub(crate) struct RelayStats {
    pub(crate) connections: Counter,
    received: Counter,
    sent: Counter,
    duration: Histogram,
}

/// Counts of datagrams of one listener to one group.
#[derive(Debug, Clone)]
pub(crate) struct DatagramStats {
    pub(crate) relayed: RelayStats,
    received: Counter,
    sent: Counter,
}

impl DatagramStats {
    pub(crate) fn new(registry: &Registry, listener: &str, group: &str) -> Self {
        let labels = [("listener", listener), ("group", group)];
        let counter = |name, help| registry.counter(name, help, &labels);
        Self {
            relayed: RelayStats::new(registry, listener, group),
            received: counter("equipoise_received_datagrams_total", "Datagrams passed on from clients to targets"),
            sent: counter("equipoise_sent_datagrams_total", "Datagrams passed on from targets to clients"),
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.increment();
        self.relayed.moved(bytes as u64, 0);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.increment();
        self.relayed.moved(0, bytes as u64);
    }
}

impl RelayStats {
    pub(crate) fn new(registry: &Registry, listener: &str, group: &str) -> Self {
        let labels = [("listener", listener), ("group", group)];
        let counter = |name, help| registry.counter(name, help, &labels);
        Self {
            connections: counter("equipoise_relayed_connections_total", "Connections passed on to a target"),
            received: counter("equipoise_relayed_received_bytes_total", "Bytes passed on from clients to targets"),
            sent: counter("equipoise_relayed_sent_bytes_total", "Bytes passed on from targets to clients"),
            duration: registry.histogram(
                "equipoise_relayed_duration_seconds",
                "From the connection of a client to its end",
                LIFE_BUCKETS,
                &labels,
            ),
        }
    }

    pub(crate) fn moved(&self, received: u64, sent: u64) {
        if received > 0 {
            self.received.add(received);
        }
        if sent > 0 {
            self.sent.add(sent);
        }
    }

    pub(crate) fn ended(&self, duration: Duration) {
        self.duration.observe(duration);
    }
}
