//! The one hash of this crate: XXH3, whose output its authors have frozen.
//!
//! Not keyed against an attacker who knows the seed: whoever may choose keys freely and learns the seed can aim them all
//! at one entry. Bounded load limits what that does.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// Hash of a key, the same on every machine.
#[must_use]
pub fn hash(key: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(key, seed)
}

/// Two independent hashes of an entry's identity.
pub(crate) fn pair(id: &[u8], seed: u64) -> (u64, u64) {
    let both = xxh3_128_with_seed(id, seed);
    // The upper and lower half: truncation is the point.
    ((both >> 64) as u64, both as u64)
}

/// Another hash for each `step`, as random as the first: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA
/// 2014, figure 17) over a Weyl sequence. Step 0 is `hash` itself.
pub(crate) fn again(hash: u64, step: u64) -> u64 {
    if step == 0 {
        return hash;
    }
    let mut mixed = hash.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A place below `size` for `hash`, uniform, by a multiplication in place of a division (Lemire, 2019).
pub(crate) fn place(hash: u64, size: usize) -> usize {
    // Less than `size`, which is a `usize`.
    ((u128::from(hash) * size as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_test_vectors() {
        assert_eq!(hash(b"", 0), 0x2d06_8005_38d3_94c2);
        assert_eq!(pair(b"", 0), (0x99aa_06d3_0147_98d8, 0x6001_c324_468d_497f));
    }

    #[test]
    fn places_cover_the_whole_table_and_no_more() {
        assert_eq!((place(0, 7), place(u64::MAX, 7), place(u64::MAX / 2, 7)), (0, 6, 3));
        assert_eq!(place(u64::MAX, 1), 0);
    }
}
