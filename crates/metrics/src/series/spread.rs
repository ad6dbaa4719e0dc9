//! How samples lie: counts in buckets that grow by a fixed ratio, so that every bucket says its values with the same
//! relative error. The idea is DDSketch's (Masson, Rim, Lee: "DDSketch", VLDB 2019); merging is adding counts.

/// How far a percentile may be from the sample at its rank, as a share of that sample. Values nearer to 0 than 1e-9 count
/// as that near, values beyond 1e30 as that far.
pub const RELATIVE_ERROR: f64 = 0.02;

/// Upper bound of a bucket by its lower one.
const RATIO: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);

/// Buckets of 1e-9 and of 1e30 count from 1 to here.
const HIGHEST: f64 = 2247.0;

/// The bucket of (1 / RATIO, 1].
const OF_ONE: f64 = 520.0;

/// Most buckets in one step: values that are a billion times apart. Beyond that, the lowest are counted together.
pub(crate) const MOST: usize = 512;

/// A bucket and how many samples are in it. Buckets of negative numbers mirror those of positive ones; 0 is its own.
pub(crate) type Bucket = (i16, u32);

/// Where a finite value belongs.
pub(crate) fn bucket(value: f64) -> i16 {
    if value == 0.0 {
        return 0;
    }
    let place = (value.abs().ln() / RATIO.ln()).ceil() + OF_ONE;
    let place = place.clamp(1.0, HIGHEST) as i16; // whole, and within the bounds of the type
    if value < 0.0 { -place } else { place }
}

/// The value that is no farther than [`RELATIVE_ERROR`] from all that belong there.
pub(crate) fn value(bucket: i16) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let upper = RATIO.powi(i32::from(bucket.abs()) - OF_ONE as i32);
    let middle = upper * 2.0 / (RATIO + 1.0);
    if bucket < 0 { -middle } else { middle }
}

/// Counts `count` more samples in `bucket`.
pub(crate) fn count(spread: &mut Vec<Bucket>, bucket: i16, count: u64) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match spread.binary_search_by_key(&bucket, |(place, _)| *place) {
        Ok(position) => spread[position].1 = spread[position].1.saturating_add(count),
        Err(position) => {
            spread.insert(position, (bucket, count));
            if spread.len() > MOST {
                let (_, lowest) = spread.remove(0);
                spread[0].1 = spread[0].1.saturating_add(lowest);
            }
        }
    }
}

/// As bytes: for each bucket the distance from the one before, then its count; both in the base-128 numbers of LEB128.
pub(crate) fn pack(spread: &[Bucket]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(spread.len() * 2 + 2);
    let mut before = i16::MIN;
    for (place, count) in spread {
        put(&mut bytes, i32::from(*place).abs_diff(before.into()).into());
        put(&mut bytes, (*count).into());
        before = *place;
    }
    bytes.into()
}

/// Adds what [`pack`] wrote to `to`, a total for each bucket. Other bytes end where they make no sense.
pub(crate) fn unpack(mut bytes: &[u8], mut to: impl FnMut(i16, u32)) {
    let mut before = i32::from(i16::MIN);
    while let (Some(distance), Some(count)) = (take(&mut bytes), take(&mut bytes)) {
        let place = i32::try_from(distance).ok().and_then(|distance| before.checked_add(distance));
        let Some(place) = place.and_then(|place| i16::try_from(place).ok()) else { return };
        before = place.into();
        to(place, u32::try_from(count).unwrap_or(u32::MAX));
    }
}

/// Writes a number in 7 bits a byte, the lowest first; the highest bit says that more follow.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads what [`put`] wrote; `None` when there is no whole number.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_said_with_the_same_relative_error() {
        let mut magnitude = 1e-9;
        while magnitude < 1e30 {
            for value in [magnitude, -magnitude] {
                let said = super::value(bucket(value));
                assert!((said - value).abs() <= value.abs() * RELATIVE_ERROR * 1.000_001, "{value} is said as {said}");
            }
            magnitude *= 1.0137;
        }
        assert_eq!(value(bucket(0.0)), 0.0);
    }

    #[test]
    fn what_is_beyond_the_buckets_belongs_to_the_last_ones() {
        assert_eq!(bucket(1e-300), 1);
        assert_eq!(bucket(f64::MAX), HIGHEST as i16);
        assert_eq!(bucket(f64::MIN), -(HIGHEST as i16));
    }

    #[test]
    fn buckets_go_into_bytes_and_come_back() {
        let spread = [(-2247, 1), (-5, u32::MAX), (0, 127), (1, 128), (2247, 3)];
        let mut back = Vec::new();
        unpack(&pack(&spread), |place, count| back.push((place, count)));
        assert_eq!(back, spread);
    }

    #[test]
    fn too_many_buckets_are_counted_together_from_below() {
        let mut spread = Vec::new();
        (0..600).for_each(|place| count(&mut spread, place, 1));
        assert_eq!(spread.len(), MOST);
        assert_eq!(spread[0], (88, 89));
    }
}
