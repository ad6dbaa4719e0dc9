//! Samples that come as counts in a histogram's buckets.

use crate::series::digest::Digest;

/// So many places in a bucket stand for the samples that it counted.
const PLACES: u64 = 4;

/// Samples of which a histogram says how many lie between its bounds, and what all of them come to.
///
/// Number, sum and average are exact. Where in a bucket a sample lies is not known: samples are taken to lie evenly between
/// its bounds, so a percentile is off by less than the bucket is wide, minimum and maximum are the bounds of the lowest
/// and the highest bucket in use, and what lies above the last bound counts as that bound. One single sample is exact.
#[derive(Debug, Clone)]
pub struct Distribution(pub(crate) Digest);

impl Distribution {
    /// From what a histogram counted since it was read last: `counts` holds one number for each of the ascending `bounds`
    /// and one for what is above them, `sum` what all came to. Each sample counts as `scale` times its value, such as 1000.0
    /// to make milliseconds of seconds.
    #[must_use]
    pub fn of_buckets(bounds: &[f64], counts: &[u64], sum: f64, scale: f64) -> Self {
        let total = counts.iter().copied().fold(0, u64::saturating_add);
        let mut digest = Digest::default();
        if total == 1 {
            digest.add(sum * scale, 1);
            return Self(digest);
        }
        let mut lower = 0.0;
        for (position, count) in counts.iter().enumerate() {
            let upper = bounds.get(position).copied().unwrap_or(lower);
            fill(&mut digest, lower * scale, upper * scale, *count);
            lower = upper;
        }
        if total > 0 {
            // The average of what is above the last bound may be, too.
            let average = sum * scale / total as f64;
            digest.widen(average, average);
            digest.sum = sum * scale;
        }
        Self(digest)
    }

    /// So many samples of each of these values; each is exact.
    #[must_use]
    pub fn of_values(values: &[(f64, u64)]) -> Self {
        let mut digest = Digest::default();
        values.iter().filter(|(_, count)| *count > 0).for_each(|(value, count)| digest.add(*value, *count));
        Self(digest)
    }

    /// How many samples there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count
    }
}

/// Adds `count` samples between two values.
fn fill(digest: &mut Digest, lower: f64, upper: f64, count: u64) {
    let places = count.min(PLACES);
    for place in 0..places {
        // The first places take what cannot be shared out evenly.
        let share = count / places + u64::from(place < count % places);
        let value = lower + (upper - lower) * (place as f64 + 0.5) / places as f64;
        digest.add(value, share);
    }
    if count > 0 {
        digest.widen(lower, upper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Statistic;

    fn said(distribution: &Distribution, statistic: Statistic) -> f64 {
        distribution.0.statistic(statistic).expect("there are samples")
    }

    #[test]
    fn number_and_sum_are_exact_and_percentiles_lie_in_their_bucket() {
        let some = Distribution::of_buckets(&[0.01, 0.1, 1.0], &[90, 9, 1, 0], 2.5, 1000.0);
        assert_eq!(some.count(), 100);
        assert!((said(&some, Statistic::Sum) - 2500.0).abs() < 1e-9);
        assert!((said(&some, Statistic::Average) - 25.0).abs() < 1e-9);
        assert_eq!(said(&some, Statistic::Minimum), 0.0);
        assert_eq!(said(&some, Statistic::Maximum), 1000.0);
        assert!((0.0..=10.0).contains(&said(&some, Statistic::P50)));
        assert!((10.0..=100.0).contains(&said(&some, Statistic::P95)));
    }

    #[test]
    fn one_sample_is_exact() {
        let one = Distribution::of_buckets(&[0.01, 0.1], &[0, 1, 0], 0.05, 1000.0);
        for statistic in [Statistic::Average, Statistic::Minimum, Statistic::Maximum, Statistic::P99] {
            assert!((said(&one, statistic) - 50.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_above_the_last_bound_counts_as_it_and_the_average_is_still_exact() {
        let slow = Distribution::of_buckets(&[1.0, 10.0], &[0, 0, 2], 50.0, 1.0);
        assert_eq!(said(&slow, Statistic::Average), 25.0);
        assert!((said(&slow, Statistic::P50) - 10.0).abs() <= 0.2);
    }

    #[test]
    fn samples_of_known_values_are_exact() {
        let errors = Distribution::of_values(&[(0.0, 3), (100.0, 1)]);
        assert_eq!(said(&errors, Statistic::Average), 25.0);
        assert_eq!(said(&errors, Statistic::SampleCount), 4.0);
        assert_eq!(said(&errors, Statistic::P99), 100.0);
    }

    #[test]
    fn no_samples_are_nothing() {
        let none = Distribution::of_buckets(&[1.0], &[0, 0], 0.0, 1.0);
        assert_eq!(none.count(), 0);
        assert_eq!(none.0.statistic(Statistic::P50), None);
    }
}
