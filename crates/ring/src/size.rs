//! How many slots a table has.

/// Number of slots of a table: a prime, so that every entry's walk visits every slot.
///
/// Larger tables share more evenly and move fewer keys, at 4 bytes a slot. The paper advises at least 100 slots for each
/// entry; all balancers that should agree need the same size, so choose for the largest number of entries to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableSize(u32);

/// Why a number is not a table size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableSizeError {
    /// Not a prime.
    #[error("a table of {size} slots is not possible: the size must be a prime, like {nearest}")]
    NotPrime {
        /// The refused number.
        size: u32,
        /// The smallest prime above it, or the largest size when there is none in range.
        nearest: u32,
    },
    /// Beyond [`TableSize::LARGEST`].
    #[error("a table of {size} slots is too large: at most {largest}", largest = TableSize::LARGEST.0)]
    TooLarge {
        /// The refused number.
        size: u32,
    },
}

impl TableSize {
    /// 65,537, the smaller of the paper's two sizes: good for some hundred entries, 256 KiB.
    pub const DEFAULT: Self = Self(65_537);

    /// 251, for tests and for a handful of entries where memory is scarce.
    pub const SMALL: Self = Self(251);

    /// 5,000,011: 20 MB.
    pub const LARGEST: Self = Self(5_000_011);

    /// Accepts a prime up to [`LARGEST`](Self::LARGEST).
    ///
    /// # Errors
    /// [`TableSizeError`] when `size` is too large or not a prime; the latter names a prime that is.
    pub fn new(size: u32) -> Result<Self, TableSizeError> {
        if size > Self::LARGEST.0 {
            Err(TableSizeError::TooLarge { size })
        } else if is_prime(size) {
            Ok(Self(size))
        } else {
            let nearest = (size..Self::LARGEST.0).find(|size| is_prime(*size)).unwrap_or(Self::LARGEST.0);
            Err(TableSizeError::NotPrime { size, nearest })
        }
    }

    /// The number of slots.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for TableSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Trial division: 1,118 odd numbers for the largest size.
fn is_prime(number: u32) -> bool {
    let odd_divisor = || (3..).step_by(2).take_while(|d| d * d <= number).any(|d| number.is_multiple_of(d));
    number == 2 || number > 2 && number % 2 == 1 && !odd_divisor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_primes_are_sizes_and_a_refusal_names_one() {
        for prime in [2, 3, 7, 251, 2_039, 65_537, 655_373, 5_000_011] {
            assert_eq!(TableSize::new(prime).map(TableSize::get), Ok(prime));
        }
        for (size, nearest) in [(0, 2), (1, 2), (4, 5), (9, 11), (65_536, 65_537), (5_000_000, 5_000_011)] {
            assert_eq!(TableSize::new(size), Err(TableSizeError::NotPrime { size, nearest }));
        }
        assert_eq!(TableSize::new(u32::MAX), Err(TableSizeError::TooLarge { size: u32::MAX }));
    }
}
