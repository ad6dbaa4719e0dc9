//! Processor time that only grows.

/// Adds up what was seen of a sum that may fall: a process that ends takes its time along when nobody waited for it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    seen: u64,
    total: u64,
}

impl Meter {
    /// The total after the sum was seen to be `now`.
    pub(super) fn read(&mut self, now: u64) -> u64 {
        self.total += now.saturating_sub(self.seen);
        self.seen = now;
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_never_falls_and_goes_on_growing_after_a_loss() {
        let mut meter = Meter::default();
        let totals: Vec<u64> = [5, 9, 4, 6, 6].into_iter().map(|now| meter.read(now)).collect();
        assert_eq!(totals, [5, 9, 9, 11, 11]);
    }
}
