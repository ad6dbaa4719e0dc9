//! What the recording side holds.

use std::sync::Arc;
use std::time::Duration;

use crate::cells::Cells;
use crate::sample::{Buckets, Value};

/// The numbers behind all handles with one name and one set of labels.
#[derive(Debug)]
pub(crate) struct Series {
    cells: Cells,
    shape: Shape,
}

/// What the numbers of a series mean.
#[derive(Debug)]
enum Shape {
    /// One sum.
    Counter,
    /// One sum of signed numbers.
    Gauge,
    /// A sum for each bound, one for what is above all of them, then the sum of nanoseconds.
    Histogram { bounds: &'static [f64], nanos: Box<[u64]> },
}

impl Series {
    pub(crate) fn counter(shards: usize) -> Self {
        Self { cells: Cells::new(1, shards), shape: Shape::Counter }
    }

    pub(crate) fn gauge(shards: usize) -> Self {
        Self { cells: Cells::new(1, shards), shape: Shape::Gauge }
    }

    pub(crate) fn histogram(bounds: &'static [f64], shards: usize) -> Self {
        // `as` saturates, so an infinite bound becomes the largest time there is.
        let nanos = bounds.iter().map(|seconds| (seconds * 1e9).round() as u64).collect();
        Self { cells: Cells::new(bounds.len() + 2, shards), shape: Shape::Histogram { bounds, nanos } }
    }

    /// The present value.
    pub(crate) fn value(&self) -> Value {
        match &self.shape {
            Shape::Counter => Value::Counter(self.cells.sum(0).into()),
            Shape::Gauge => Value::Gauge(self.cells.sum(0).cast_signed().into()),
            Shape::Histogram { bounds, .. } => {
                let upper = bounds.iter().copied().chain([f64::INFINITY]);
                let counts = upper.enumerate().map(|(index, bound)| (bound, self.cells.sum(index))).collect();
                Value::Histogram(Buckets { counts, sum: self.cells.sum(bounds.len() + 1) as f64 / 1e9 })
            }
        }
    }
}

/// Counts things that happened. Clones share the count.
#[derive(Debug, Clone)]
pub struct Counter(pub(crate) Arc<Series>);

impl Counter {
    /// Counts one more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts `amount` more.
    pub fn add(&self, amount: u64) {
        self.0.cells.add(0, amount);
    }

    /// The count.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.cells.sum(0)
    }
}

/// Follows a number that goes up and down. Clones share it.
#[derive(Debug, Clone)]
pub struct Gauge(pub(crate) Arc<Series>);

impl Gauge {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// One less.
    pub fn decrement(&self) {
        self.add(-1);
    }

    /// Adds `amount`, which may be negative.
    pub fn add(&self, amount: i64) {
        self.0.cells.add(0, amount.cast_unsigned());
    }

    /// Sets the value. For gauges with one writer: what other threads add in the same moment is kept on top, and of two
    /// that set at once neither need win.
    pub fn set(&self, value: i64) {
        self.add(value.wrapping_sub(self.value()));
    }

    /// The present value.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.0.cells.sum(0).cast_signed()
    }
}

/// Sorts durations into buckets. Clones share them.
#[derive(Debug, Clone)]
pub struct Histogram(pub(crate) Arc<Series>);

impl Histogram {
    /// Notes one duration. The sum of all wraps after 584 years.
    pub fn observe(&self, duration: Duration) {
        // Only the registry makes histograms, and always with this shape.
        let Shape::Histogram { nanos: bounds, .. } = &self.0.shape else { return };
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().position(|bound| nanos <= *bound).unwrap_or(bounds.len());
        self.0.cells.add(bucket, 1);
        self.0.cells.add(bounds.len() + 1, nanos);
    }

    /// Upper bounds of the buckets in seconds, without the infinite one.
    #[must_use]
    pub fn bounds(&self) -> &'static [f64] {
        match &self.0.shape {
            Shape::Histogram { bounds, .. } => bounds,
            Shape::Counter | Shape::Gauge => &[], // only the registry makes histograms, and never of these
        }
    }

    /// What was noted so far: a count for each of the bounds and one for what is above them, and the sum of all in
    /// nanoseconds, which wraps. What is noted meanwhile may be in one of them and not yet in another.
    #[must_use]
    pub fn read(&self) -> (Vec<u64>, u64) {
        let bounds = self.bounds().len();
        ((0..=bounds).map(|bucket| self.0.cells.sum(bucket)).collect(), self.0.cells.sum(bounds + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_goes_below_zero_and_can_be_set() {
        let gauge = Gauge(Arc::new(Series::gauge(2)));
        gauge.decrement();
        assert_eq!(gauge.value(), -1);
        gauge.set(7);
        gauge.increment();
        assert_eq!(gauge.value(), 8);
    }

    #[test]
    fn a_duration_on_a_bound_belongs_below_it() {
        let histogram = Histogram(Arc::new(Series::histogram(&[0.001, 0.01], 1)));
        for millis in [1, 10, 11] {
            histogram.observe(Duration::from_millis(millis));
        }
        histogram.observe(Duration::from_nanos(1_000_001));
        assert_eq!(histogram.read(), (vec![1, 2, 1], 23_000_001));
        let Value::Histogram(buckets) = histogram.0.value() else { panic!("not a histogram") };
        assert_eq!(buckets.counts, [(0.001, 1), (0.01, 2), (f64::INFINITY, 1)]);
        assert!((buckets.sum - 0.023_000_001).abs() < 1e-12);
    }
}
