//! Outcomes of the last while, in two halves.

/// Outcomes of one half window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bucket {
    epoch: u32,
    good: u32,
    bad: u32,
}

const EPOCH_BITS: u32 = 24;
const COUNT_BITS: u32 = 20;
const MOST: u32 = (1 << COUNT_BITS) - 1;

impl Bucket {
    /// The bucket after one more outcome in `epoch`; what it held of another epoch is forgotten.
    pub(super) fn after(self, good: bool, epoch: u64) -> Self {
        let epoch = short(epoch);
        let mut next = if self.epoch == epoch { self } else { Self { epoch, ..Self::default() } };
        let count = if good { &mut next.good } else { &mut next.bad };
        *count += 1;
        // Shares survive halving; a counter that stops would not let them.
        if *count >= MOST {
            (next.good, next.bad) = (next.good / 2, next.bad / 2);
        }
        next
    }

    pub(super) fn pack(self) -> u64 {
        (u64::from(self.epoch) << (2 * COUNT_BITS)) | (u64::from(self.good) << COUNT_BITS) | u64::from(self.bad)
    }

    #[expect(clippy::cast_possible_truncation, reason = "cut to the bits that were put in")]
    pub(super) fn unpack(word: u64) -> Self {
        let count = |word: u64| word as u32 & MOST;
        Self { epoch: (word >> (2 * COUNT_BITS)) as u32, good: count(word >> COUNT_BITS), bad: count(word) }
    }
}

/// Whether failures make up `percent` or more of at least `least` outcomes in this half window and the one before.
pub(super) fn exceeds(buckets: impl Iterator<Item = Bucket>, epoch: u64, percent: u8, least: u32) -> bool {
    let recent = [short(epoch), short(epoch.wrapping_sub(1))];
    let (mut good, mut bad) = (0_u64, 0_u64);
    for bucket in buckets.filter(|bucket| recent.contains(&bucket.epoch)) {
        good += u64::from(bucket.good);
        bad += u64::from(bucket.bad);
    }
    let total = good + bad;
    total >= u64::from(least.max(1)) && bad * 100 >= total * u64::from(percent)
}

/// As much of an epoch as a bucket holds: enough that none is met twice within hours.
#[expect(clippy::cast_possible_truncation, reason = "cut on purpose")]
fn short(epoch: u64) -> u32 {
    epoch as u32 & ((1 << EPOCH_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_survives_packing_and_forgets_an_earlier_epoch() {
        let mut bucket = Bucket::default();
        for outcome in [true, false, true] {
            bucket = Bucket::unpack(bucket.after(outcome, 7).pack());
        }
        assert_eq!(bucket, Bucket { epoch: 7, good: 2, bad: 1 });
        assert_eq!(bucket.after(false, 9), Bucket { epoch: 9, good: 0, bad: 1 });
    }

    #[test]
    fn a_full_counter_keeps_the_share() {
        let full = Bucket { epoch: 1, good: MOST - 1, bad: MOST / 2 };
        let after = full.after(true, 1);
        assert_eq!(after, Bucket { epoch: 1, good: MOST / 2, bad: MOST / 4 });
    }

    #[test]
    fn only_the_last_two_halves_count() {
        let buckets = [Bucket { epoch: 4, good: 0, bad: 10 }, Bucket { epoch: 5, good: 10, bad: 0 }];
        assert!(exceeds(buckets.into_iter(), 5, 50, 20));
        assert!(!exceeds(buckets.into_iter(), 5, 51, 20));
        assert!(!exceeds(buckets.into_iter(), 5, 50, 21));
        assert!(!exceeds(buckets.into_iter(), 6, 50, 1));
    }
}
