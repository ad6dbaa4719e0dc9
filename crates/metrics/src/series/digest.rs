//! What is known of the samples of one step, or of several.

use crate::series::Statistic;
use crate::series::spread::{self, Bucket};

/// Samples, summed up. The numbers mean nothing while `count` is 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// In the order of the buckets; empty while all samples are equal.
    pub(crate) spread: Vec<Bucket>,
}

/// The same, as small as it can be kept.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// By [`spread::pack`].
    pub(crate) spread: Box<[u8]>,
}

/// A step that is over, in 16 bytes and what it points to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Equal samples, or none: all that there is to keep of a number that stays as it is.
    Same { count: u32, value: f64 },
    /// Any others.
    Many(Box<Packed>),
}

/// No samples.
pub(crate) const EMPTY: Step = Step::Same { count: 0, value: 0.0 };

impl Digest {
    /// Adds `count` equal samples, which are not none.
    pub(crate) fn add(&mut self, value: f64, count: u64) {
        self.widen(value, value);
        if !self.spread.is_empty() {
            spread::count(&mut self.spread, spread::bucket(value), count);
        }
        self.count = self.count.saturating_add(count);
        self.sum += value * count as f64;
    }

    /// Makes room for samples from `min` to `max`: from now on these bounds hold, and unless all are equal, buckets do.
    pub(crate) fn widen(&mut self, min: f64, max: f64) {
        if self.count == 0 {
            (self.min, self.max) = (min, max);
            return;
        }
        let before = self.min;
        (self.min, self.max) = (self.min.min(min), self.max.max(max));
        if self.spread.is_empty() && self.min < self.max {
            spread::count(&mut self.spread, spread::bucket(before), self.count);
        }
    }

    /// Forgets everything, and keeps the room.
    pub(crate) fn clear(&mut self) {
        (self.count, self.sum) = (0, 0.0);
        self.spread.clear();
    }

    /// Adds what a step holds, with its buckets when `spread` says so.
    pub(crate) fn merge(&mut self, step: &Step, spread: bool) {
        match step {
            Step::Same { count: 0, .. } => {}
            Step::Same { count, value } if spread => self.add(*value, (*count).into()),
            Step::Same { count, value } => {
                self.totals((*count).into(), value * f64::from(*count), *value, *value);
            }
            Step::Many(packed) => {
                if spread {
                    self.merge_spread(packed.min, packed.max, packed.count, &packed.spread);
                }
                self.totals(packed.count, packed.sum, packed.min, packed.max);
            }
        }
    }

    fn merge_spread(&mut self, min: f64, max: f64, count: u64, bytes: &[u8]) {
        self.widen(min, max);
        if bytes.is_empty() {
            if !self.spread.is_empty() {
                spread::count(&mut self.spread, spread::bucket(min), count);
            }
            return;
        }
        let mut more = Vec::new();
        spread::unpack(bytes, |place, count| more.push((place, count)));
        self.spread = add(&self.spread, &more);
    }

    /// Adds what another digest holds.
    pub(crate) fn absorb(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.widen(other.min, other.max);
        if !other.spread.is_empty() {
            self.spread = add(&self.spread, &other.spread);
        } else if !self.spread.is_empty() {
            spread::count(&mut self.spread, spread::bucket(other.min), other.count);
        }
        self.totals(other.count, other.sum, other.min, other.max);
    }

    fn totals(&mut self, count: u64, sum: f64, min: f64, max: f64) {
        let first = self.count == 0;
        self.min = if first { min } else { self.min.min(min) };
        self.max = if first { max } else { self.max.max(max) };
        self.count = self.count.saturating_add(count);
        self.sum += sum;
    }

    /// `None` without samples.
    pub(crate) fn statistic(&self, statistic: Statistic) -> Option<f64> {
        let said = match statistic {
            Statistic::Average => (self.sum / self.count as f64).clamp(self.min, self.max),
            Statistic::Sum => self.sum,
            Statistic::Minimum => self.min,
            Statistic::Maximum => self.max,
            Statistic::SampleCount => self.count as f64,
            Statistic::P50 | Statistic::P90 | Statistic::P95 | Statistic::P99 => self.percentile(statistic.percent()?),
        };
        (self.count > 0).then_some(said)
    }

    /// The smallest sample that `percent` of all do not exceed: that of the rank ⌈n · percent / 100⌉.
    fn percentile(&self, percent: u64) -> f64 {
        let total: u64 = self.spread.iter().map(|(_, count)| u64::from(*count)).sum();
        let rank = total.saturating_mul(percent).div_ceil(100).max(1);
        let mut passed = 0;
        let place = self.spread.iter().find(|(_, count)| {
            passed += u64::from(*count);
            passed >= rank
        });
        place.map_or(self.min, |(place, _)| spread::value(*place).clamp(self.min, self.max))
    }

    /// Whether number and value say all that there is. Sums of samples like 0.1 are a little off their product, and nothing
    /// that was said may change.
    pub(crate) fn is_uniform(&self) -> bool {
        self.min == self.max && self.sum == self.min * self.count as f64
    }

    /// As a step that is over.
    pub(crate) fn pack(&self) -> Step {
        let Self { count, sum, min, max, .. } = *self;
        match u32::try_from(count) {
            Ok(0) => EMPTY,
            Ok(count) if self.is_uniform() => Step::Same { count, value: min },
            _ => Step::Many(Box::new(Packed { count, sum, min, max, spread: spread::pack(&self.spread) })),
        }
    }
}

impl Step {
    /// As something to add to.
    pub(crate) fn unpack(&self) -> Digest {
        let mut digest = Digest::default();
        digest.merge(self, true);
        digest
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Same { count: 0, .. })
    }

    /// Bytes that it points to.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Same { .. } => 0,
            Self::Many(packed) => size_of::<Packed>() + packed.spread.len(),
        }
    }
}

/// Two spreads as one.
fn add(left: &[Bucket], right: &[Bucket]) -> Vec<Bucket> {
    let mut sum = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some((a, n)), Some((b, m))) if a == b => {
                sum.push((*a, n.saturating_add(*m)));
                left.next();
                right.next();
            }
            (Some((a, _)), Some((b, _))) if a < b => sum.extend(left.next()),
            (_, Some(_)) => sum.extend(right.next()),
            (Some(_), None) => sum.extend(left.next()),
            (None, None) => return sum,
        }
    }
}
