//! What is measured, and what it may cost.

use std::thread::available_parallelism;

use anyhow::{Result, ensure};

use super::load;
use super::peer::{Peer, Protocol, Setting};

/// One thing to measure.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    /// What is compared.
    pub(super) figure: Figure,
    /// What must hold.
    pub(super) gate: Option<f64>,
    /// What is aimed at.
    pub(super) goal: f64,
    protocol: Protocol,
}

/// Where load comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Wrk {
        path: &'static str,
        fields: &'static [&'static str],
        scheme: &'static str,
        connections: u32,
    },
    H2load,
    /// Requests at a fixed rate, whether or not the ones before are answered.
    Rate {
        each_second: u32,
    },
    /// Connections that have had one answer and wait.
    Idle {
        connections: usize,
    },
}

/// What is compared with gate and goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// Processor time for each request: ours by nginx's. The goal may ask for the same against HAProxy.
    Time { goal_against: &'static [Peer] },
    /// Half of the answers are there by then: ours by nginx's.
    Median,
    /// Microseconds that the plugin adds.
    Plugin,
    /// KiB that each connection takes.
    Memory,
    /// Requests per second of two workers by those of one. More is better.
    Workers,
}

const NGINX: &[Peer] = &[Peer::Nginx];
const BOTH: &[Peer] = &[Peer::Nginx, Peer::Haproxy];

const fn wrk(path: &'static str, scheme: &'static str) -> Kind {
    Kind::Wrk { path, fields: &[], scheme, connections: 64 }
}

pub(super) static SCENARIOS: [Scenario; 11] = [
    Scenario {
        name: "h1",
        title: "HTTP/1.1 keep-alive, 128 B",
        kind: wrk("/s", "http"),
        figure: Figure::Time { goal_against: BOTH },
        gate: Some(1.10),
        goal: 1.00,
        protocol: Protocol::Http,
    },
    Scenario {
        name: "h1-64k",
        title: "HTTP/1.1 keep-alive, 64 KiB",
        kind: wrk("/b", "http"),
        figure: Figure::Time { goal_against: NGINX },
        gate: Some(0.70),
        goal: 0.58,
        protocol: Protocol::Http,
    },
    Scenario {
        name: "new",
        title: "a new connection for each request",
        kind: Kind::Wrk { path: "/s", fields: &["Connection: close"], scheme: "http", connections: 64 },
        figure: Figure::Time { goal_against: NGINX },
        gate: Some(1.20),
        goal: 1.05,
        protocol: Protocol::Http,
    },
    Scenario {
        name: "tls",
        title: "TLS 1.3 keep-alive, 128 B",
        kind: wrk("/s", "https"),
        figure: Figure::Time { goal_against: NGINX },
        gate: Some(0.95),
        goal: 0.80,
        protocol: Protocol::Https,
    },
    Scenario {
        name: "h2",
        title: "HTTP/2 over TLS to HTTP/1.1, 128 B",
        kind: Kind::H2load,
        figure: Figure::Time { goal_against: &[Peer::Haproxy] },
        gate: Some(0.95),
        goal: 1.00,
        protocol: Protocol::Https,
    },
    Scenario {
        name: "tcp",
        title: "TCP, 128 B",
        kind: wrk("/s", "http"),
        figure: Figure::Time { goal_against: NGINX },
        gate: Some(1.10),
        goal: 1.00,
        protocol: Protocol::Tcp,
    },
    Scenario {
        name: "tcp-64k",
        title: "TCP, 64 KiB",
        kind: wrk("/b", "http"),
        figure: Figure::Time { goal_against: NGINX },
        gate: Some(0.85),
        goal: 0.55,
        protocol: Protocol::Tcp,
    },
    Scenario {
        name: "plugin",
        title: "a WASM router on the route, µs more",
        kind: Kind::Wrk { path: "/s", fields: &["x-country: au"], scheme: "http", connections: 64 },
        figure: Figure::Plugin,
        gate: Some(4.0),
        goal: 2.4,
        protocol: Protocol::Http,
    },
    Scenario {
        name: "idle",
        title: "an idle keep-alive connection, KiB",
        kind: Kind::Idle { connections: 9_500 },
        figure: Figure::Memory,
        gate: Some(16.0),
        goal: 5.0,
        protocol: Protocol::Http,
    },
    Scenario {
        name: "rate",
        title: "p50 at 10,000 requests/s",
        kind: Kind::Rate { each_second: 10_000 },
        figure: Figure::Median,
        gate: Some(1.10),
        goal: 1.02,
        protocol: Protocol::Http,
    },
    Scenario {
        name: "workers",
        title: "requests/s of two workers by one",
        kind: Kind::Wrk { path: "/s", fields: &[], scheme: "http", connections: 128 },
        figure: Figure::Workers,
        gate: None,
        goal: 1.8,
        protocol: Protocol::Http,
    },
];

impl Scenario {
    /// What must be there before it can be measured.
    pub(super) fn needs(&self) -> Result<()> {
        match self.kind {
            Kind::Wrk { .. } => load::require("wrk", "wrk")?,
            Kind::H2load => load::require("h2load", "nghttp2-client")?,
            Kind::Rate { .. } | Kind::Idle { .. } => {}
        }
        if self.protocol == Protocol::Https {
            load::require("openssl", "openssl")?;
        }
        let processors = available_parallelism()?.get();
        let wanted = if self.figure == Figure::Workers { 4 } else { 2 };
        ensure!(
            processors >= wanted,
            "it needs {wanted} processors, half of them for the load; there are {processors}"
        );
        Ok(())
    }

    pub(super) fn is_for(&self, peer: Peer) -> bool {
        peer == Peer::Ours || !matches!(self.figure, Figure::Plugin | Figure::Workers)
    }

    /// In which settings proxies are measured.
    pub(super) fn settings(&self) -> &'static [Setting] {
        match (self.figure, self.protocol) {
            (Figure::Plugin, _) => &[Setting::PLAIN, Setting::PLUGIN],
            (Figure::Workers, _) => &[Setting::PLAIN, Setting::TWO_WORKERS],
            (_, Protocol::Http) => &[Setting::PLAIN],
            (_, Protocol::Https) => &[Setting::TLS],
            (_, Protocol::Tcp) => &[Setting::TCP],
        }
    }

    /// Memory is measured once; nothing is faster the second time.
    pub(super) fn rounds(&self, wanted: usize) -> usize {
        if matches!(self.kind, Kind::Idle { .. }) { 0 } else { wanted }
    }
}
