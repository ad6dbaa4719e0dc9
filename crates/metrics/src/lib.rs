//! What happened, how often and how long: counters, gauges and histograms, read as OpenMetrics text.
//!
//! A handle is resolved once, when a generation is built; recording through it is one relaxed atomic addition on a
//! cache line that other cores rarely touch. Nothing is locked, looked up or allocated on the way of a request.
//!
//! The registry holds its series weakly. Two handles with the same name and labels share one series, so counts survive
//! a reload that rebuilds its handles; a series whose last handle is gone vanishes from the text, so targets that come
//! and go leave nothing behind.
//!
//! This crate refuses to know who records and who reads. It keeps no history: that is the reader's business.
//!
//! ```
//! use std::time::Duration;
//! use equipoise_metrics::{LATENCY_BUCKETS, Registry};
//!
//! let registry = Registry::new();
//! let requests = registry.counter("equipoise_requests", "Requests answered", &[("listener", "web")]);
//! let latency = registry.histogram("equipoise_request_seconds", "Time to the last byte", LATENCY_BUCKETS, &[]);
//! registry.collect(|sample| sample.gauge("equipoise_up", "Whether the program runs", &[], 1));
//!
//! requests.increment();
//! latency.observe(Duration::from_millis(3));
//!
//! let text = registry.encode();
//! assert!(text.contains("equipoise_requests_total{listener=\"web\"} 1\n"));
//! assert!(text.contains("equipoise_request_seconds_bucket{le=\"0.005\"} 1\n"));
//! assert!(text.contains("equipoise_up 1\n"));
//! ```

mod cells;
mod handle;
pub mod page;
pub mod process;
mod registry;
mod sample;
pub mod series;

pub use handle::{Counter, Gauge, Histogram};
pub use registry::{CONTENT_TYPE, Registry};
pub use sample::{Number, Sample};

/// Upper bounds in seconds for times of requests: those that OpenTelemetry recommends for HTTP, with three more below
/// because a balancer's own share is well under 5 ms.
pub const LATENCY_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
