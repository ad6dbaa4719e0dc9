//! One series: the same samples in rings of three step lengths.

use crate::series::Statistic;
use crate::series::digest::Digest;
use crate::series::ring::{Ring, Shape};

/// How many seconds before the newest sample of a series another one may still come in.
pub const LATE: u64 = 15;

/// So many samples in a row that are too old say that the clock was set back.
const SET_BACK: u8 = 60;

/// The last second that there is: 285 million years on, and far from where sums of seconds overflow.
pub(crate) const LATEST: u64 = 1 << 53;

/// The rings, from the finest to the coarsest; each step is a whole number of the finer ones. 15 minutes, 24 hours and 14
/// days are promised.
pub(crate) const SHAPES: [Shape; 3] = [
    Shape { step: 1, kept: 15 * 60 + 60 },
    Shape { step: 60, kept: 24 * 60 + 60 },
    Shape { step: 300, kept: 14 * 24 * 12 + 12 },
];

/// One series.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) rings: [Ring; 3],
    /// The second of the newest sample.
    pub(crate) written: u64,
    /// Samples that were too old since the last one that was not.
    stale: u8,
}

/// A sample older than [`LATE`] allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooOld;

impl Line {
    pub(crate) fn new() -> Self {
        Self { rings: SHAPES.map(Ring::new), written: 0, stale: 0 }
    }

    /// Changes the steps that `second` is in.
    pub(crate) fn change(&mut self, second: u64, change: impl Fn(&mut Digest)) -> Result<(), TooOld> {
        let second = second.min(LATEST);
        if second + LATE < self.written {
            self.stale += 1;
            if self.stale < SET_BACK {
                return Err(TooOld);
            }
            // What was written in a future that never came would keep every sample out until it comes.
            *self = Self::new();
        }
        self.stale = 0;
        self.written = self.written.max(second);
        self.rings.iter_mut().for_each(|ring| ring.change(second, &change));
        Ok(())
    }

    /// The statistic of the last `count` whole periods before `now`.
    pub(crate) fn points(&self, statistic: Statistic, period: u64, count: usize, now: u64) -> Vec<Option<f64>> {
        let period = period.max(1);
        let end = now / period;
        let count_u64 = count as u64;
        let ring = self.ring(period, end.saturating_sub(count_u64) * period);
        let point = |back: u64| {
            let from = end.checked_sub(back)? * period;
            let to = from.saturating_add(period);
            let spread = statistic.percent().is_some();
            ring.covers(from).then(|| ring.read(from, to, spread).statistic(statistic)).flatten()
        };
        (1..=count_u64).rev().map(point).collect()
    }

    /// The ring to read periods of this length from, from the second `from` on: one whose steps fit into the period and
    /// that goes back far enough, if there is one. All that fit say the same; the coarsest is read the fastest.
    fn ring(&self, period: u64, from: u64) -> &Ring {
        let fits = |ring: &&Ring| period.is_multiple_of(ring.shape.step);
        let covers = |ring: &&Ring| ring.covers(from);
        let coarsest = |may: &dyn Fn(&&Ring) -> bool| self.rings.iter().rev().find(may);
        let finest = self.rings.iter().find(|ring| covers(ring) && ring.shape.step <= period);
        let best = coarsest(&|ring| fits(ring) && covers(ring)).or(finest);
        // Nothing goes back far enough: what there is.
        best.or_else(|| coarsest(&fits)).unwrap_or(&self.rings[0])
    }

    /// Bytes of memory that it holds, beside itself.
    pub(crate) fn bytes(&self) -> usize {
        self.rings.iter().map(Ring::bytes).sum()
    }
}
