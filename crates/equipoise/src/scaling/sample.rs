//! Once a second, notes what is known of groups and instances: what the data plane counted, what instances used, what their
//! Prometheus pages say. Alarms, policies and graphs read it from the store.
//!
//! ```text
//! registry (counts of requests) ─▶ traffic ───┐
//! providers (usage) ─┐                        ├─▶ Store<SeriesKey> ─▶ alarms, policies, graphs
//! pages (fetched) ───┴─▶ instances ───────────┘
//! ```
//!
//! Only target groups that a scaling group or an alarm names are looked at: a series costs memory. Of instances in service
//! that are past their warm-up, each sample also goes into the group's series, so that its average, minimum and
//! percentiles are over instances.

mod instances;
mod page;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use equipoise_metrics::Registry;
use equipoise_metrics::series::{LATE, Limits, Refused, Store};
use equipoise_proxy::Group;
use equipoise_scale::provider::Provider;
use equipoise_scale::{Instance, Lifecycle, Metric, Moment, Scrape, SeriesKey, Subject};
use equipoise_target::{Condition, Endpoint, GroupName, ScalingGroupName};

use crate::core::Core;

use instances::Instances;
use traffic::Traffic;

/// How long the series of an instance stays after its last sample.
const INSTANCE_STAYS: u64 = 24 * 60 * 60;

/// As long as any ring: nothing is left of such a series.
const GROUP_STAYS: u64 = 14 * 24 * 60 * 60;

/// Takes samples.
#[derive(Debug)]
pub(crate) struct Sampler {
    store: Arc<Store<SeriesKey>>,
    traffic: Traffic,
    instances: Instances,
    /// The second that was sampled last.
    last: Option<u64>,
}

/// A scaling group as it is sampled.
#[derive(Debug)]
pub(crate) struct Scaled {
    pub(crate) name: ScalingGroupName,
    pub(crate) target_group: GroupName,
    /// How long an instance in service does not count yet.
    pub(crate) warm_up: Duration,
    pub(crate) scrape: Option<Arc<Scrape>>,
    /// Every instance that there is, with whoever started it.
    pub(crate) instances: Vec<(Instance, Arc<dyn Provider>)>,
}

impl Scaled {
    fn in_service(&self) -> usize {
        self.instances.iter().filter(|(instance, _)| instance.lifecycle == Lifecycle::InService).count()
    }

    /// Whether the instance counts in the group's metrics.
    fn counts(&self, instance: &Instance, now: Moment) -> bool {
        instance.lifecycle == Lifecycle::InService && now.since(instance.since) >= self.warm_up
    }
}

impl Sampler {
    /// One with an empty store, whose state `registry` shows.
    pub(crate) fn new(registry: &Registry) -> Self {
        let store = Arc::new(Store::new(Limits::default()));
        show(registry, Arc::downgrade(&store));
        Self { store, traffic: Traffic::default(), instances: Instances::new(registry), last: None }
    }

    /// Where the samples are: what alarms and policies read, where pushed metrics go.
    pub(crate) fn store(&self) -> &Arc<Store<SeriesKey>> {
        &self.store
    }

    /// Takes the samples of the second that has just passed; false when that was done. To be called as soon as a second
    /// begins, and at any other time, so that whoever asks for what came before `now` gets all of it. Waits for instances, but not long: who is slow
    /// to say what it used is heard in a later second.
    pub(crate) async fn sample(&mut self, core: &Core, scaled: &[Scaled], now: Moment) -> bool {
        let second = now.seconds().saturating_sub(1);
        // Counts since the last time belong to all the seconds since then, when some were missed.
        let first = self.last.map_or(second, |last| (last + 1).max(second.saturating_sub(LATE)));
        if first > second {
            return false;
        }
        self.last = Some(second);
        self.groups(core, scaled, first..=second);
        for group in scaled {
            let key = key(Subject::ScalingGroup(group.name.clone()), Metric::InService);
            note(&self.store, key, second, group.in_service() as f64);
        }
        self.instances.sample(&self.store, scaled, now).await;
        if (first..=second).any(|second| second.is_multiple_of(60)) {
            self.store.retain(second, |key, idle| match key.subject {
                Subject::Instance(..) => idle < INSTANCE_STAYS,
                Subject::ScalingGroup(_) | Subject::TargetGroup(_) => idle < GROUP_STAYS,
            });
        }
        true
    }

    fn groups(&mut self, core: &Core, scaled: &[Scaled], seconds: std::ops::RangeInclusive<u64>) {
        let serving = core.serving.load();
        let by_alarms = serving.config.alarms.values().filter_map(|alarm| alarm.target_group.as_ref());
        let names: BTreeSet<_> = scaled.iter().map(|group| &group.target_group).chain(by_alarms).collect();
        let groups: Vec<_> = names.into_iter().filter_map(|name| serving.group(name)).map(|(group, _)| group).collect();
        let mut counts = self.traffic.advance(&core.registry, groups.iter().map(|group| group.name()));
        for group in groups {
            let name = group.name();
            let healthy = |address: Endpoint| core.monitor.condition(name, address) != Condition::Unhealthy;
            let mut subjects = vec![Subject::TargetGroup(name.clone())];
            let joined = scaled.iter().filter(|scaled| scaled.target_group == *name);
            subjects.extend(joined.map(|scaled| Subject::ScalingGroup(scaled.name.clone())));
            let counted = counts.remove(name).unwrap_or_default();
            counted.note(&self.store, &subjects, &targets(group, healthy), &seconds);
        }
    }
}

/// How the targets of a group are at the moment.
#[derive(Debug, Default)]
struct Targets {
    healthy: u32,
    /// Requests under way at those that are healthy.
    in_flight: u64,
    /// Requests in line.
    waiting: usize,
}

fn targets(group: &Group, healthy: impl Fn(Endpoint) -> bool) -> Targets {
    let mut targets = Targets { waiting: group.queue_length(), ..Targets::default() };
    let snapshot = group.snapshot();
    for member in snapshot.membership().members().iter().filter(|member| healthy(member.target.address())) {
        targets.healthy += 1;
        targets.in_flight += u64::from(member.target.in_flight());
    }
    targets
}

/// Series beyond which nobody begins one by pushing: what is measured here must not be crowded out by a client that makes up
/// a name for each number.
const PUSHED: usize = 10_000;

/// Notes a sample that somebody pushed: that of an instance counts for its group, too.
///
/// # Errors
/// [`Refused`] says why it is not kept.
pub(crate) fn push(store: &Store<SeriesKey>, key: SeriesKey, now: Moment, value: f64) -> Result<(), Refused> {
    if store.written(&key).is_none() && store.len() >= PUSHED {
        return Err(Refused::TooMany { most: PUSHED });
    }
    if let Subject::Instance(group, _) = &key.subject {
        let subject = Subject::ScalingGroup(group.clone());
        store.record(SeriesKey { subject, metric: key.metric.clone() }, now.seconds(), value)?;
    }
    store.record(key, now.seconds(), value)
}

/// What is to be kept over a restart: the series of groups, as bytes for [`Store::import`].
pub(crate) fn kept(store: &Store<SeriesKey>) -> BTreeMap<SeriesKey, Vec<u8>> {
    let of_groups = store.keys().into_iter().filter(|key| !matches!(key.subject, Subject::Instance(..)));
    of_groups.filter_map(|key| Some((key.clone(), store.export(&key)?))).collect()
}

fn key(subject: Subject, metric: Metric) -> SeriesKey {
    SeriesKey { subject, metric }
}

/// Notes a sample. The store counts what it refuses, and there is nobody to tell.
fn note(store: &Store<SeriesKey>, key: SeriesKey, second: u64, value: f64) {
    let _ = store.record(key, second, value);
}

/// Shows how the store is doing, as long as it is there.
fn show(registry: &Registry, store: Weak<Store<SeriesKey>>) {
    registry.collect(move |sample| {
        let Some(store) = store.upgrade() else { return };
        let tally = store.tally();
        let help = "Metrics of groups and instances that are kept over time";
        sample.gauge("equipoise_series", help, &[], tally.series as u64);
        sample.gauge("equipoise_series_bytes", "Memory that these take, about", &[], tally.bytes as u64);
        let help = "Samples that were not kept: too old, or of one metric too many";
        let name = "equipoise_samples_refused_total";
        sample.counter(name, help, &[("reason", "too-old")], tally.too_old);
        sample.counter(name, help, &[("reason", "too-many-series")], tally.too_many);
        let help = "Idle metrics that were dropped because others needed their place";
        sample.counter("equipoise_series_evicted_total", help, &[], tally.evicted);
    });
}

#[cfg(test)]
mod tests;
