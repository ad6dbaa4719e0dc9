//! What the control side counts. Requests are counted by the data plane, calls of plugins by the plugin host.

use std::sync::Weak;
use std::time::Duration;

use equipoise_health::{EventKind, HealthEvent};
use equipoise_metrics::{Counter, Gauge, Registry, Sample};
use equipoise_target::Condition;

use crate::core::{Core, Stage};

/// Handles of the control side.
#[derive(Debug)]
pub(crate) struct Metrics {
    reloads_applied: Counter,
    reloads_refused: Counter,
    last_successful: Gauge,
    health_flips: [Counter; 2],
    guard_held: Counter,
    _build: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry, core: Weak<Core>) -> Self {
        let reloads = |result| {
            let help = "Reloads that changed something or were refused";
            registry.counter("equipoise_config_reloads_total", help, &[("result", result)])
        };
        let flips = |to| {
            let help = "Times that a target was found healthy or unhealthy after the opposite";
            registry.counter("equipoise_health_changes_total", help, &[("to", to)])
        };
        let build = registry.gauge(
            "equipoise_build_info",
            "Always 1; the labels say what runs",
            &[("version", env!("CARGO_PKG_VERSION"))],
        );
        build.set(1);
        registry.collect(equipoise_metrics::process::read);
        registry.collect(move |sample| {
            if let Some(core) = core.upgrade() {
                collect(&core, sample);
            }
        });
        Self {
            reloads_applied: reloads("applied"),
            reloads_refused: reloads("refused"),
            last_successful: registry.gauge(
                "equipoise_config_last_reload_successful",
                "1 when the configuration that was read last serves, 0 when an older one does",
                &[],
            ),
            health_flips: [flips("unhealthy"), flips("healthy")],
            guard_held: registry.counter(
                "equipoise_health_guard_held_total",
                "Times that most targets of a group failed a check together while their traffic succeeded",
                &[],
            ),
            _build: build,
        }
    }

    pub(crate) fn applied(&self) {
        self.reloads_applied.increment();
        self.last_successful(true);
    }

    pub(crate) fn refused(&self) {
        self.reloads_refused.increment();
        self.last_successful(false);
    }

    /// Whether what was read last is what serves.
    pub(crate) fn last_successful(&self, successful: bool) {
        self.last_successful.set(successful.into());
    }

    pub(crate) fn health_event(&self, event: &HealthEvent) {
        match event.kind {
            EventKind::Unhealthy { .. } => self.health_flips[0].increment(),
            EventKind::Healthy { .. } => self.health_flips[1].increment(),
            EventKind::Held { .. } => self.guard_held.increment(),
            _ => {}
        }
    }
}

fn collect(core: &Core, sample: &mut Sample) {
    let serving = core.serving.load();
    sample.gauge("equipoise_config_generation", "Number of the generation that serves", &[], serving.number);
    let ready = core.stage() == Stage::Ready;
    sample.gauge("equipoise_ready", "Whether new requests are welcome", &[], ready);
    if let Some(last) = lock(&core.last_reload).as_ref() {
        let at = last.at.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
        let help = "When the configuration was last read, in seconds since the Unix epoch";
        sample.gauge("equipoise_config_last_reload_timestamp_seconds", help, &[], at);
    }
    crate::scaling::collect(core, sample);
    for group in &serving.groups {
        let (name, snapshot) = (group.name(), group.snapshot());
        let labels = [("group", name.as_str())];
        let help = "Whether no target is healthy and requests go to all of them";
        sample.gauge("equipoise_target_group_failed_open", help, &labels, snapshot.availability().failed_open());
        for member in snapshot.membership().members() {
            let address = member.target.address();
            let healthy = core.monitor.condition(name, address) != Condition::Unhealthy;
            let labels = [("group", name.as_str()), ("target", &address.to_string())];
            sample.gauge(
                "equipoise_target_healthy",
                "Whether the health checks let the target take requests",
                &labels,
                healthy,
            );
        }
    }
}

/// A lock whose value every holder leaves whole.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
