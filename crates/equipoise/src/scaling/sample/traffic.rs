//! What was counted of requests to target groups since the last look.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ahash::AHashMap;
use equipoise_metrics::series::{Distribution, Store};
use equipoise_metrics::{Counter, Histogram, Registry};
use equipoise_scale::{Metric, SeriesKey, Subject};
use equipoise_target::GroupName;

use super::{Targets, key, note};

/// Reads counts of requests, and remembers where they were.
#[derive(Debug, Default)]
pub(super) struct Traffic(BTreeMap<GroupName, Meters>);

/// What [`Histogram::read`] gave.
type Read = (Vec<u64>, u64);

/// Where the counts of one group were. The handles are kept, so that nothing that is counted between two looks is lost with
/// the generation that counted it.
#[derive(Debug, Default)]
struct Meters {
    /// By listener.
    durations: AHashMap<Box<str>, (Histogram, Read)>,
    /// By listener and class of the status.
    classes: AHashMap<(Box<str>, Box<str>), (Counter, u64)>,
    /// Whether this group was looked at before: what is new then began since.
    known: bool,
}

/// What was counted of one group between two looks.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Counted {
    requests: u64,
    failed: u64,
    bounds: &'static [f64],
    /// For each of the bounds and for what is above them.
    durations: Vec<u64>,
    nanos: u64,
}

impl Traffic {
    /// Everything that was counted of these groups since the last call; of a group that is new here, nothing.
    pub(super) fn advance<'a>(
        &mut self,
        registry: &Registry,
        groups: impl Iterator<Item = &'a GroupName>,
    ) -> BTreeMap<GroupName, Counted> {
        let mut before = std::mem::take(&mut self.0);
        self.0 = groups.map(|name| (name.clone(), before.remove(name).unwrap_or_default())).collect();
        registry.histograms("equipoise_request_duration_seconds", |labels, histogram| {
            let Some((meters, listener)) = self.meters(labels) else { return };
            let began = if meters.known { (vec![0; histogram.bounds().len() + 1], 0) } else { histogram.read() };
            meters.durations.entry(listener.into()).or_insert((histogram, began));
        });
        registry.counters("equipoise_requests_total", |labels, counter| {
            let Some((meters, listener)) = self.meters(labels) else { return };
            let Some(class) = label(labels, "status_class") else { return };
            let began = if meters.known { 0 } else { counter.value() };
            meters.classes.entry((listener.into(), class.into())).or_insert((counter, began));
        });
        self.0.iter_mut().map(|(name, meters)| (name.clone(), meters.advance())).collect()
    }

    /// The meters of the group that these labels name, with the listener that they name.
    fn meters<'a>(&mut self, labels: &'a [(&'static str, Box<str>)]) -> Option<(&mut Meters, &'a str)> {
        let meters = self.0.get_mut(label(labels, "group")?)?;
        Some((meters, label(labels, "listener")?))
    }
}

fn label<'a>(labels: &'a [(&'static str, Box<str>)], name: &str) -> Option<&'a str> {
    labels.iter().find(|(other, _)| *other == name).map(|(_, value)| &**value)
}

impl Meters {
    fn advance(&mut self) -> Counted {
        self.known = true;
        let mut counted = Counted::default();
        for (histogram, before) in self.durations.values_mut() {
            let now = histogram.read();
            counted.bounds = histogram.bounds();
            counted.durations.resize(now.0.len(), 0);
            for (sum, (now, before)) in counted.durations.iter_mut().zip(now.0.iter().zip(&before.0)) {
                *sum += now.wrapping_sub(*before);
            }
            counted.nanos = counted.nanos.wrapping_add(now.1.wrapping_sub(before.1));
            *before = now;
        }
        for ((_, class), (counter, before)) in &mut self.classes {
            let now = counter.value();
            let more = now.wrapping_sub(std::mem::replace(before, now));
            counted.requests += more;
            counted.failed += if &**class == "5xx" { more } else { 0 };
        }
        counted
    }
}

impl Counted {
    /// Notes what was counted in these seconds, the last of which is now.
    pub(super) fn note(
        &self,
        store: &Store<SeriesKey>,
        subjects: &[Subject],
        targets: &Targets,
        seconds: &RangeInclusive<u64>,
    ) {
        let now = *seconds.end();
        let rate = self.requests as f64 / (now - seconds.start() + 1) as f64;
        let durations = Distribution::of_buckets(self.bounds, &self.durations, self.nanos as f64 / 1e9, 1000.0);
        let outcomes = [(0.0, self.requests.saturating_sub(self.failed)), (100.0, self.failed)];
        let outcomes = Distribution::of_values(&outcomes);
        for subject in subjects {
            let one = |metric, second, value| note(store, key(subject.clone(), metric), second, value);
            for second in seconds.clone() {
                one(Metric::RequestCount, second, rate);
                if targets.healthy > 0 {
                    one(Metric::RequestCountPerTarget, second, rate / f64::from(targets.healthy));
                }
            }
            if targets.healthy > 0 {
                one(Metric::InFlightPerTarget, now, targets.in_flight as f64 / f64::from(targets.healthy));
            }
            one(Metric::QueueLength, now, targets.waiting as f64);
            one(Metric::HealthyCount, now, targets.healthy.into());
            // The store counts what it refuses.
            let _ = store.record_many(key(subject.clone(), Metric::Latency), now, &durations);
            let _ = store.record_many(key(subject.clone(), Metric::ErrorRate), now, &outcomes);
        }
    }
}
