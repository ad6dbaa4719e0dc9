//! What a plugin has been doing, in numbers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use equipoise_metrics::{Counter, Gauge, Histogram, Registry};

use crate::failure::{Failure, KINDS};
use crate::{PluginSpec, text};

/// Upper bounds in seconds, from what a warm call costs to what a health check may take.
const BUCKETS: &[f64] =
    &[0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.1, 1.0, 10.0];
/// Failures come with requests, log lines must not.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Stats {
    name: String,
    calls: Counter,
    rested: Counter,
    failures: [Counter; KINDS.len()],
    time: Histogram,
    live: Gauge,
    memory_high_water: Gauge,
    instances: AtomicUsize,
    highest: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    failure: Option<Failure>,
    /// The end of the longest rest that a worker gave the plugin.
    rests_until: Option<Instant>,
    warned: Option<Instant>,
    unreported: u64,
}

/// How a plugin is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginStats {
    /// Calls that reached the guest. Shared with earlier versions of the plugin, as all counts here.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were answered by the fallback because the plugin rested after failures.
    pub rested: u64,
    /// Instances of this version that exist now.
    pub instances: usize,
    /// Most memory that one instance of this version held, in bytes.
    pub memory_high_water: u64,
    /// Whether it failed so often, or for so long, that its fallback answers on some worker without asking it.
    pub resting: bool,
    /// The latest failure of this version.
    pub last_failure: Option<Failure>,
}

impl Stats {
    pub(crate) fn new(registry: &Registry, spec: &PluginSpec) -> Self {
        let labels = [("plugin", spec.name.as_str()), ("world", spec.world.as_str())];
        let failures = KINDS.map(|kind| {
            let labels = [labels[0], labels[1], ("kind", kind)];
            registry.counter("equipoise_plugin_failures", "Plugin calls without a usable answer", &labels)
        });
        Self {
            name: spec.name.to_string(),
            calls: registry.counter("equipoise_plugin_calls", "Plugin calls that reached the guest", &labels),
            rested: registry.counter(
                "equipoise_plugin_rested_calls",
                "Calls answered by the fallback while the plugin rested after failures",
                &labels,
            ),
            failures,
            time: registry.histogram("equipoise_plugin_call_seconds", "Time of a plugin call", BUCKETS, &labels),
            live: registry.gauge("equipoise_plugin_instances", "Live plugin instances", &labels),
            memory_high_water: registry.gauge(
                "equipoise_plugin_memory_high_water_bytes",
                "Most memory that one instance held",
                &labels,
            ),
            instances: AtomicUsize::new(0),
            highest: AtomicU64::new(0),
            last: Mutex::default(),
        }
    }

    pub(crate) fn called(&self, took: Duration) {
        self.calls.increment();
        self.time.observe(took);
    }

    pub(crate) fn rested(&self) {
        self.rested.increment();
    }

    pub(crate) fn born(&self) {
        self.live.increment();
        self.instances.fetch_add(1, Relaxed);
    }

    pub(crate) fn died(&self, held: usize) {
        self.live.decrement();
        self.instances.fetch_sub(1, Relaxed);
        self.held(held);
    }

    /// Notes how much memory an instance holds.
    pub(crate) fn held(&self, bytes: usize) {
        let bytes = bytes as u64;
        // Read first: nearly always nothing changes, and the line stays shared between cores.
        if bytes > self.highest.load(Relaxed) && bytes > self.highest.fetch_max(bytes, Relaxed) {
            self.memory_high_water.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// Notes until when a worker does not ask the plugin.
    pub(crate) fn rests(&self, until: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.rests_until = last.rests_until.max(Some(until));
    }

    /// Counts a failure, and says so in the log at most once a second.
    pub(crate) fn failed(&self, failure: &Failure, now: Instant) {
        self.failures[failure.index()].increment();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.failure = Some(failure.clone());
        if last.warned.is_some_and(|warned| now.saturating_duration_since(warned) < BETWEEN_WARNINGS) {
            last.unreported += 1;
            return;
        }
        let unreported = std::mem::take(&mut last.unreported);
        last.warned = Some(now);
        drop(last);
        tracing::warn!(plugin = %self.name, kind = failure.kind(), unreported, "plugin failed: {}", text::one_line(&failure.to_string(), 600));
    }

    pub(crate) fn read(&self, now: Instant) -> PluginStats {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        PluginStats {
            calls: self.calls.value(),
            failures: self.failures.iter().map(Counter::value).sum(),
            rested: self.rested.value(),
            instances: self.instances.load(Relaxed),
            memory_high_water: self.highest.load(Relaxed),
            resting: last.rests_until.is_some_and(|until| now < until),
            last_failure: last.failure.clone(),
        }
    }
}
