//! All series by their keys.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::AHashMap;

use crate::series::digest::Digest;
use crate::series::line::Line;
use crate::series::{Distribution, Statistic};

/// A series that was not written for so long may be dropped for another one.
const IDLE: u64 = 15 * 60;

/// Series by key. Every call takes a lock for as long as it takes; readers get copies.
#[derive(Debug)]
pub struct Store<K> {
    limits: Limits,
    inner: Mutex<Inner<K>>,
}

/// What a store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most series. Where one more is asked for, the one that was not written for the longest time goes, if that is 15
    /// minutes or more; otherwise the new one is refused. Default: 50,000.
    pub series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series: 50_000 }
    }
}

/// Why a sample is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is no number that can be added to others.
    #[error("a sample must be a finite number")]
    NotFinite,
    /// It is more than [`LATE`](crate::series::LATE) seconds older than the newest of its series.
    #[error("a sample must not be more than 15 s older than the newest one of its metric")]
    TooOld,
    /// It begins a series, and there are as many as there may be.
    #[error("there are {most} series, and none that is idle: no more are begun")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
}

/// How a store is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Series that it holds.
    pub series: usize,
    /// Bytes of memory that their rings hold, about.
    pub bytes: usize,
    /// Samples that were too old, ever.
    pub too_old: u64,
    /// Samples that would have begun a series too many, ever.
    pub too_many: u64,
    /// Series that went because others needed their place, ever.
    pub evicted: u64,
}

#[derive(Debug)]
struct Inner<K> {
    lines: AHashMap<K, Line>,
    /// The second of the newest sample of all.
    newest: u64,
    /// The second before which looking for idle series is in vain.
    look_again: u64,
    /// Everything but what can be counted at any time.
    tally: Tally,
}

impl<K: Eq + Hash + Clone> Store<K> {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let inner = Inner { lines: AHashMap::new(), newest: 0, look_again: 0, tally: Tally::default() };
        Self { limits, inner: Mutex::new(inner) }
    }

    /// Notes one sample. `second` is when, in whole seconds since the epoch; the caller sees to it that it is not to come.
    ///
    /// When a clock was set back, samples are too old; after 60 of them in a row the series begins anew.
    ///
    /// # Errors
    /// [`Refused`] says why it is not kept.
    pub fn record(&self, key: K, second: u64, value: f64) -> Result<(), Refused> {
        if !value.is_finite() {
            return Err(Refused::NotFinite);
        }
        self.change(key, second, |digest| digest.add(value, 1))
    }

    /// Notes as many samples as the distribution holds.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub fn record_many(&self, key: K, second: u64, samples: &Distribution) -> Result<(), Refused> {
        let finite = [samples.0.sum, samples.0.min, samples.0.max].into_iter().all(f64::is_finite);
        match samples.count() {
            0 => Ok(()),
            _ if !finite => Err(Refused::NotFinite),
            _ => self.change(key, second, |digest| digest.absorb(&samples.0)),
        }
    }

    fn change(&self, key: K, second: u64, change: impl Fn(&mut Digest)) -> Result<(), Refused> {
        let mut inner = self.lock();
        inner.newest = inner.newest.max(second);
        if !inner.lines.contains_key(&key) && !inner.has_room(self.limits.series) {
            inner.tally.too_many += 1;
            return Err(Refused::TooMany { most: self.limits.series });
        }
        let done = inner.lines.entry(key).or_insert_with(Line::new).change(second, change);
        done.map_err(|_| {
            inner.tally.too_old += 1;
            Refused::TooOld
        })
    }

    /// The statistic of the last `count` whole periods before `now` (a second since the epoch), the oldest first. Periods are
    /// aligned with the epoch. `None` where a period has no samples, or none that are still kept.
    ///
    /// `period` is in seconds, at least 1. Periods that are not a whole number of minutes are exact for 15 minutes; before
    /// that, a minute counts in the period that it begins in. The caller bounds `count`.
    #[must_use]
    pub fn points(&self, key: &K, statistic: Statistic, period: u64, count: usize, now: u64) -> Vec<Option<f64>> {
        match self.lock().lines.get(key) {
            Some(line) => line.points(statistic, period, count, now),
            None => vec![None; count],
        }
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().lines.len()
    }

    /// Whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys of all series, in no order.
    #[must_use]
    pub fn keys(&self) -> Vec<K> {
        self.lock().lines.keys().cloned().collect()
    }

    /// The second of the newest sample of a series; `None` when there is no such series.
    #[must_use]
    pub fn written(&self, key: &K) -> Option<u64> {
        self.lock().lines.get(key).map(|line| line.written)
    }

    /// Drops every series for which `keep` says no. It is told the key and for how many seconds before `now` the series was
    /// not written.
    pub fn retain(&self, now: u64, mut keep: impl FnMut(&K, u64) -> bool) {
        self.lock().lines.retain(|key, line| keep(key, now.saturating_sub(line.written)));
    }

    /// How the store is doing. Takes longer the more it holds.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let inner = self.lock();
        let each = size_of::<Line>() + size_of::<K>();
        let bytes = inner.lines.values().map(|line| each + line.bytes()).sum();
        Tally { series: inner.lines.len(), bytes, ..inner.tally }
    }

    /// Calls `read` with a series, if there is one.
    pub(crate) fn with<R>(&self, key: &K, read: impl FnOnce(&Line) -> R) -> Option<R> {
        self.lock().lines.get(key).map(read)
    }

    /// Takes in a series from elsewhere, instead of the present one.
    pub(crate) fn put(&self, key: K, line: Line) -> Result<(), Refused> {
        let mut inner = self.lock();
        if !inner.lines.contains_key(&key) && !inner.has_room(self.limits.series) {
            return Err(Refused::TooMany { most: self.limits.series });
        }
        inner.newest = inner.newest.max(line.written);
        inner.lines.insert(key, line);
        Ok(())
    }

    /// A panic of another holder leaves rings that are whole: each change of them ends before it can panic.
    fn lock(&self) -> MutexGuard<'_, Inner<K>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Inner<K> {
    /// Whether one more series may begin; makes room for it if that is needed and can be.
    fn has_room(&mut self, most: usize) -> bool {
        if self.lines.len() < most {
            return true;
        }
        if self.newest < self.look_again {
            return false;
        }
        let oldest = self.lines.iter().min_by_key(|(_, line)| line.written);
        let Some((key, written)) = oldest.map(|(key, line)| (key.clone(), line.written)) else { return false };
        let idle_from = written.saturating_add(IDLE);
        if self.newest < idle_from {
            // Series only become idle later than this one.
            self.look_again = idle_from;
            return false;
        }
        self.lines.remove(&key);
        self.tally.evicted += 1;
        true
    }
}
