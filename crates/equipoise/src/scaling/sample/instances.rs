//! What instances used, and what their pages say. Each is asked by a task of its own, so that a slow one holds up nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use equipoise_metrics::series::Store;
use equipoise_metrics::{Counter, Registry};
use equipoise_scale::provider::{Provider, Usage};
use equipoise_scale::{Instance, InstanceId, Lifecycle, Metric, Moment, Scrape, SeriesKey, Subject};
use equipoise_target::ScalingGroupName;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::page::{Page, PageFailure, fetch_page};
use super::{Scaled, key, note};

/// How long a round waits for answers. Reading /proc takes microseconds; an engine that takes longer is heard next time.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long an instance may take to say what it used.
const USAGE_LIMIT: Duration = Duration::from_secs(10);

/// When a question whose task came to nothing is asked again.
const ASKED_AGAIN: Duration = Duration::from_secs(60);

/// Less time between two readings says nothing about a second.
const SHORTEST: f64 = 0.05;

/// With more series than this, instances begin none of their own: what alarms read of groups must find room.
const MOST_WITH_INSTANCES: usize = 20_000;

type Name = (ScalingGroupName, InstanceId);

/// Asks instances.
#[derive(Debug)]
pub(super) struct Instances {
    /// Pages that could not be had.
    failures: Counter,
    known: AHashMap<Name, Known>,
    answers: JoinSet<Answer>,
}

/// What is known of an instance.
#[derive(Debug, Default)]
struct Known {
    /// When it was asked what it used, until it says so.
    usage_asked: Option<Instant>,
    /// What it had used at some time.
    usage: Option<(Instant, Usage)>,
    /// When it was asked for its page, until that is there.
    page_asked: Option<Instant>,
    page_due: Option<Instant>,
    /// The counters of its page at some time.
    counters: BTreeMap<Box<str>, (Instant, f64)>,
    /// Whether its last page could not be had, of which the log tells once.
    failing: bool,
}

/// What an instance said, and when.
#[derive(Debug)]
struct Answer {
    from: Name,
    at: Instant,
    what: What,
}

#[derive(Debug)]
enum What {
    /// `None` when it cannot be had.
    Usage(Option<Usage>),
    Page(Result<Page, PageFailure>),
}

impl Instances {
    pub(super) fn new(registry: &Registry) -> Self {
        let help = "Times that an instance's page of metrics could not be had";
        let failures = registry.counter("equipoise_scrape_failures_total", help, &[]);
        Self { failures, known: AHashMap::new(), answers: JoinSet::new() }
    }

    /// Asks every instance, and notes what has been answered until a little later as what held in the second before `now`.
    pub(super) async fn sample(&mut self, store: &Store<SeriesKey>, scaled: &[Scaled], now: Moment) {
        let second = now.seconds().saturating_sub(1);
        // Whether an instance counts in its group's metrics; who is not in here is gone.
        let mut counts = AHashMap::new();
        for group in scaled {
            for (instance, _) in &group.instances {
                counts.insert((group.name.clone(), instance.id.clone()), group.counts(instance, now));
            }
        }
        self.known.retain(|name, _| counts.contains_key(name));
        for group in scaled {
            for (instance, provider) in &group.instances {
                self.ask(group, instance, provider);
            }
        }
        let patience = Instant::now() + PATIENCE;
        while let Ok(Some(answer)) = timeout_at(patience, self.answers.join_next()).await {
            // A task that panicked is asked again in a while.
            let Ok(answer) = answer else { continue };
            let Some(counts) = counts.get(&answer.from) else { continue };
            self.heard(store, answer, *counts, second);
        }
    }

    fn ask(&mut self, group: &Scaled, instance: &Instance, provider: &Arc<dyn Provider>) {
        let name = (group.name.clone(), instance.id.clone());
        let known = self.known.entry(name.clone()).or_default();
        let now = Instant::now();
        let may = |asked: Option<Instant>| asked.is_none_or(|asked| now - asked > ASKED_AGAIN);
        let lives = !matches!(instance.lifecycle, Lifecycle::Pending | Lifecycle::Stopping);
        if let Some(handle) = instance.handle.clone().filter(|_| lives && may(known.usage_asked)) {
            known.usage_asked = Some(now);
            let (provider, from) = (Arc::clone(provider), name.clone());
            self.answers.spawn(async move {
                let usage = timeout(USAGE_LIMIT, provider.usage(&handle)).await;
                Answer { from, at: Instant::now(), what: What::Usage(usage.ok().and_then(Result::ok)) }
            });
        }
        let due = known.page_due.is_none_or(|due| due <= now) && may(known.page_asked);
        let scrape = group.scrape.as_ref().filter(|_| due && instance.lifecycle == Lifecycle::InService);
        if let (Some(scrape), Some(address)) = (scrape, instance.address) {
            known.page_asked = Some(now);
            known.page_due = Some(now + scrape.interval);
            let scrape: Arc<Scrape> = Arc::clone(scrape);
            self.answers.spawn(async move {
                let page = fetch_page(&scrape, address).await;
                Answer { from: name, at: Instant::now(), what: What::Page(page) }
            });
        }
    }

    fn heard(&mut self, store: &Store<SeriesKey>, answer: Answer, counts: bool, second: u64) {
        let Answer { from, at, what } = answer;
        let Some(known) = self.known.get_mut(&from) else { return };
        let mut samples = Vec::new();
        match what {
            What::Usage(usage) => {
                known.usage_asked = None;
                let before = std::mem::replace(&mut known.usage, usage.map(|usage| (at, usage)));
                if let Some(usage) = usage {
                    samples = used(before, at, usage);
                }
            }
            What::Page(Ok(page)) => {
                (known.page_asked, known.failing) = (None, false);
                samples = shown(&mut known.counters, at, page);
            }
            What::Page(Err(failure)) => {
                known.page_asked = None;
                if !std::mem::replace(&mut known.failing, true) {
                    let (group, instance) = (&from.0, &from.1);
                    tracing::warn!(scaling_group = %group, %instance, %failure, "no metrics from the instance's page");
                }
                self.failures.increment();
            }
        }
        let (group, instance) = from;
        for (metric, value) in samples {
            if counts {
                note(store, key(Subject::ScalingGroup(group.clone()), metric.clone()), second, value);
            }
            let key = key(Subject::Instance(group.clone(), instance.clone()), metric);
            if store.len() < MOST_WITH_INSTANCES || store.written(&key).is_some() {
                note(store, key, second, value);
            }
        }
    }
}

/// What two readings of an instance's usage come to.
fn used(before: Option<(Instant, Usage)>, at: Instant, now: Usage) -> Vec<(Metric, f64)> {
    let mut samples = Vec::new();
    if let Some(memory) = now.memory {
        samples.push((Metric::Memory, memory as f64));
        let limit = now.memory_limit.filter(|limit| *limit > 0);
        samples.extend(limit.map(|limit| (Metric::MemoryUtilization, memory as f64 / limit as f64 * 100.0)));
    }
    let Some((since, before)) = before else { return samples };
    let seconds = at.saturating_duration_since(since).as_secs_f64();
    if seconds < SHORTEST {
        return samples;
    }
    let processors = if now.processors > 0.0 { now.processors } else { 1.0 };
    // Where a count fell, it is not the same one any more.
    let cpu = before.cpu.zip(now.cpu).and_then(|(before, now)| now.checked_sub(before));
    samples.extend(cpu.map(|cpu| (Metric::CpuUtilization, cpu.as_secs_f64() / seconds / processors * 100.0)));
    for (metric, before, now) in
        [(Metric::NetworkReceived, before.received, now.received), (Metric::NetworkSent, before.sent, now.sent)]
    {
        let moved = before.zip(now).and_then(|(before, now)| now.checked_sub(before));
        samples.extend(moved.map(|moved| (metric, moved as f64 / seconds)));
    }
    samples
}

/// What a page comes to: a counter's growth in a second, anything else as it is.
pub(super) fn shown(counters: &mut BTreeMap<Box<str>, (Instant, f64)>, at: Instant, page: Page) -> Vec<(Metric, f64)> {
    let mut samples = Vec::new();
    for (name, value) in page {
        let Ok(metric) = format!("custom.{name}").parse::<Metric>() else { continue };
        if !name.ends_with("_total") {
            samples.push((metric, value));
            continue;
        }
        let before = counters.insert(name, (at, value));
        let Some((since, before)) = before.filter(|(_, before)| *before <= value) else { continue };
        let seconds = at.saturating_duration_since(since).as_secs_f64();
        if seconds >= SHORTEST {
            samples.push((metric, (value - before) / seconds));
        }
    }
    samples
}
