//! Which series there are.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};

use crate::handle::{Counter, Gauge, Histogram, Series};
use crate::sample::{Labels, Sample, sorted, without_total};

/// Media type of [`Registry::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// More shards than this cost memory in every series and save nothing that shows.
const MOST_SHARDS: usize = 64;

/// All series of one program. Clones are the same registry.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    encoder: Arc<prometheus_client::registry::Registry>,
}

struct Shared {
    shards: usize,
    series: Mutex<Known>,
    collectors: Mutex<Vec<Collect>>,
}

type Collect = Arc<dyn Fn(&mut Sample) + Send + Sync>;

/// Kind, name and labels.
type Key = (Kind, &'static str, Labels);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Default)]
struct Known {
    series: BTreeMap<Key, (&'static str, Weak<Series>)>,
    /// How many entries make it worth looking for dead ones: twice as many as lived at the last look, so that the
    /// work stays in proportion to what is registered, even if nobody ever asks for the text.
    crowded: usize,
}

impl Registry {
    /// An empty registry with as many shards as the program may use processors.
    #[must_use]
    pub fn new() -> Self {
        Self::with_shards(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// An empty registry with `shards` shards, rounded up to a power of two and at most 64. Every series takes at least
    /// 128 bytes for each.
    #[must_use]
    pub fn with_shards(shards: NonZeroUsize) -> Self {
        let shards = shards.get().min(MOST_SHARDS);
        let shared = Arc::new(Shared { shards, series: Mutex::default(), collectors: Mutex::default() });
        let mut encoder = prometheus_client::registry::Registry::default();
        encoder.register_collector(Box::new(Scrape(Arc::clone(&shared))));
        Self { shared, encoder: Arc::new(encoder) }
    }

    /// The counter with this name and these labels. The text shows it with the suffix `_total`, whether or not `name`
    /// ends so.
    ///
    /// `name` and the label names must be legal in Prometheus (`[a-zA-Z_][a-zA-Z0-9_]*`), and one name must always be
    /// used for one kind; label values may hold anything.
    #[must_use]
    pub fn counter(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        let key = (Kind::Counter, without_total(name), sorted(labels));
        Counter(self.shared.series(key, help, Series::counter))
    }

    /// The gauge with this name and these labels.
    #[must_use]
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        Gauge(self.shared.series((Kind::Gauge, name, sorted(labels)), help, Series::gauge))
    }

    /// The histogram with this name and these labels. `buckets` are ascending upper bounds in seconds, without the
    /// infinite one; they count only when the series is new.
    #[must_use]
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        buckets: &'static [f64],
        labels: &[(&'static str, &str)],
    ) -> Histogram {
        debug_assert!(buckets.is_sorted(), "bounds of {name} are not ascending");
        let key = (Kind::Histogram, name, sorted(labels));
        Histogram(self.shared.series(key, help, |shards| Series::histogram(buckets, shards)))
    }

    /// Shows `read` every histogram of this name that somebody holds, with its labels in the order of their names. Whoever
    /// keeps a clone sees its counts to the end, also when nobody else does.
    ///
    /// New handles wait for `read`; recording through old ones does not.
    pub fn histograms(&self, name: &'static str, mut read: impl FnMut(&[(&'static str, Box<str>)], Histogram)) {
        self.shared.each((Kind::Histogram, name, Labels::new()), |labels, series| read(labels, Histogram(series)));
    }

    /// Shows `read` every counter of this name, as [`Registry::histograms`] does.
    pub fn counters(&self, name: &'static str, mut read: impl FnMut(&[(&'static str, Box<str>)], Counter)) {
        let first = (Kind::Counter, without_total(name), Labels::new());
        self.shared.each(first, |labels, series| read(labels, Counter(series)));
    }

    /// Calls `read` whenever the text is asked for, for values that are kept elsewhere. It stays for the life of the
    /// registry; to let go of something earlier, hold it weakly.
    pub fn collect(&self, read: impl Fn(&mut Sample) + Send + Sync + 'static) {
        lock(&self.shared.collectors).push(Arc::new(read));
    }

    /// Everything as OpenMetrics text, families in the order of their names.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail, and nothing else in the encoder can.
        let _ = text::encode(&mut text, &self.encoder);
        text
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("series", &lock(&self.shared.series).series.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn series(&self, key: Key, help: &'static str, new: impl FnOnce(usize) -> Series) -> Arc<Series> {
        let mut known = lock(&self.series);
        if let Some(series) = known.series.get(&key).and_then(|(_, series)| series.upgrade()) {
            return series;
        }
        let series = Arc::new(new(self.shards));
        known.series.insert(key, (help, Arc::downgrade(&series)));
        if known.series.len() > known.crowded {
            known.forget_dead();
        }
        series
    }

    /// Every living series of the kind and name of `first`, which is before all of them.
    fn each(&self, first: Key, mut read: impl FnMut(&Labels, Arc<Series>)) {
        let (kind, name) = (first.0, first.1);
        let known = lock(&self.series);
        let family = known.series.range(first..).take_while(|((other, named, _), _)| (*other, *named) == (kind, name));
        for ((_, _, labels), (_, series)) in family {
            if let Some(series) = series.upgrade() {
                read(labels, series);
            }
        }
    }

    fn sample(&self) -> Sample {
        let mut sample = Sample::default();
        {
            let mut known = lock(&self.series);
            known.forget_dead();
            for ((_, name, labels), (help, series)) in &known.series {
                if let Some(series) = series.upgrade() {
                    sample.put(name, help, labels.clone(), series.value());
                }
            }
        }
        // Called without a lock held: a collector may well ask the registry for a handle.
        let collectors = lock(&self.collectors).clone();
        collectors.iter().for_each(|read| read(&mut sample));
        sample
    }
}

impl Known {
    fn forget_dead(&mut self) {
        self.series.retain(|_, (_, series)| series.strong_count() > 0);
        self.crowded = self.series.len() * 2 + 16;
    }
}

/// The way from prometheus-client's registry, which is the encoder's entrance, to our series.
struct Scrape(Arc<Shared>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.sample().encode(&mut encoder)
    }
}

/// A panic elsewhere leaves these lists whole: each change to them is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
