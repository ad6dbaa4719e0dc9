//! Bounded load: how much one entry may carry before a key goes elsewhere.
//!
//! Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018, section 2: with a factor *c*
//! above 1, no entry holds more than ⌈*c* · average⌉, and a change still moves few keys.

/// The factor *c*: how far above its fair share an entry may be loaded, from 1.0 (evenly, keys often move) to 100.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadFactor {
    /// Kept in thousandths so that capacities are the same on every machine.
    thousandths: u32,
}

/// Why a number is not a load factor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("a load factor of {factor} is not possible: it must be between 1.0 and 100.0")]
pub struct LoadFactorError {
    /// The refused number.
    pub factor: f64,
}

impl LoadFactor {
    /// Accepts a factor from 1.0 to 100.0, rounded to thousandths.
    ///
    /// # Errors
    /// [`LoadFactorError`] when `factor` is out of that range or not a number.
    pub fn new(factor: f64) -> Result<Self, LoadFactorError> {
        if (1.0..=100.0).contains(&factor) {
            Ok(Self { thousandths: (factor * 1000.0).round() as u32 })
        } else {
            Err(LoadFactorError { factor })
        }
    }

    /// The factor.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.thousandths) / 1000.0
    }

    /// What an entry may carry, at least 1, when all entries together carry `load` (the newcomer included) and this one
    /// weighs `weight` of `total_weight`. An entry that carries less has room for the newcomer; while `load` is no more
    /// than what they all carry plus one, at least one has.
    #[must_use]
    pub fn capacity(self, load: u64, weight: u32, total_weight: u64) -> u64 {
        let whole = u128::from(self.thousandths) * u128::from(load) * u128::from(weight);
        let parts = 1000 * u128::from(total_weight.max(1));
        u64::try_from(whole.div_ceil(parts)).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn capacity_is_the_fair_share_times_the_factor_rounded_up() {
        let factor = LoadFactor::new(1.25).unwrap();
        assert_eq!(factor.capacity(4, 1, 4), 2);
        assert_eq!(factor.capacity(16, 1, 4), 5);
        assert_eq!(factor.capacity(16, 2, 4), 10);
        assert_eq!(factor.capacity(0, 1, 4), 1);
        assert_eq!(LoadFactor::new(1.0).unwrap().capacity(16, 1, 4), 4);
        assert_eq!(LoadFactor::new(100.0).unwrap().capacity(u64::MAX, u32::MAX, 0), u64::MAX);
    }

    #[test]
    fn factors_outside_the_range_are_refused() {
        for bad in [0.0, 0.999, -1.0, 100.1, f64::NAN, f64::INFINITY] {
            assert!(LoadFactor::new(bad).is_err(), "{bad}");
        }
        assert_eq!(LoadFactor::new(1.25).map(LoadFactor::get), Ok(1.25));
    }

    proptest! {
        #[test]
        fn somebody_always_has_room(
            carried in prop::collection::vec((0_u64..1000, 1_u32..100), 1..20),
            factor in 1.0..3.0_f64,
        ) {
            let factor = LoadFactor::new(factor).unwrap();
            let load = carried.iter().map(|(load, _)| load).sum::<u64>() + 1;
            let total = carried.iter().map(|(_, weight)| u64::from(*weight)).sum();
            prop_assert!(carried.iter().any(|(own, weight)| *own < factor.capacity(load, *weight, total)));
        }
    }
}
