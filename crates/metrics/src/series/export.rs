//! A series as bytes, to keep it over a restart: minutes and five minutes, without the seconds.

use std::hash::Hash;

use crate::series::digest::Digest;
use crate::series::line::{LATEST, Line, SHAPES};
use crate::series::spread::{self, put, take};
use crate::series::{Refused, Store};

/// The first byte, for what may come later.
const VERSION: u8 = 1;

/// Why bytes are no series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// They were written by another version, or are damaged.
    #[error("these bytes are no series that this version wrote")]
    Malformed,
    /// The store takes no more series.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl<K: Eq + Hash + Clone> Store<K> {
    /// Minutes and five minutes of a series as bytes; `None` when there is no such series. A step of equal
    /// samples takes 10 bytes; any other takes 28 and two to four for each 4 percent of difference among its samples.
    #[must_use]
    pub fn export(&self, key: &K) -> Option<Vec<u8>> {
        self.with(key, write)
    }

    /// Takes in what [`Store::export`] gave, instead of what there is of this series.
    ///
    /// Statistics of periods that are no whole minutes begin after the newest sample of it.
    ///
    /// # Errors
    /// [`ImportError`] says why nothing is taken in.
    pub fn import(&self, key: K, bytes: &[u8]) -> Result<(), ImportError> {
        let line = read(bytes).ok_or(ImportError::Malformed)?;
        Ok(self.put(key, line)?)
    }
}

fn write(line: &Line) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    put(&mut bytes, line.written);
    for ring in &line.rings[1..] {
        let mut steps = Vec::new();
        let mut number = 0;
        let mut before = 0;
        ring.each(|at, digest| {
            put(&mut steps, at - before);
            write_step(&mut steps, digest);
            before = at;
            number += 1;
        });
        put(&mut bytes, number);
        bytes.append(&mut steps);
    }
    bytes
}

/// Twice the number of samples, and one more when they differ; their sum, or the value that all of them have; of those that
/// differ also the bounds and the buckets.
fn write_step(bytes: &mut Vec<u8>, digest: &Digest) {
    let same = digest.is_uniform();
    put(bytes, digest.count.saturating_mul(2) | u64::from(!same));
    if same {
        return bytes.extend(digest.min.to_le_bytes());
    }
    for number in [digest.sum, digest.min, digest.max] {
        bytes.extend(number.to_le_bytes());
    }
    let spread = spread::pack(&digest.spread);
    put(bytes, spread.len() as u64);
    bytes.extend(spread);
}

fn read(bytes: &[u8]) -> Option<Line> {
    let (version, mut bytes) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    let mut line = Line::new();
    line.written = take(&mut bytes).filter(|second| *second <= LATEST)?;
    line.rings[0].is_whole_from(line.written + 1);
    for (ring, shape) in line.rings.iter_mut().zip(SHAPES).skip(1) {
        let mut at = 0_u64;
        for _ in 0..take(&mut bytes)?.min(shape.kept) {
            at = at.checked_add(take(&mut bytes)?)?;
            let digest = read_step(&mut bytes)?;
            let second = at.checked_mul(shape.step).filter(|second| *second <= line.written)?;
            ring.change(second, |step| step.absorb(&digest));
        }
    }
    bytes.is_empty().then_some(line)
}

fn read_step(bytes: &mut &[u8]) -> Option<Digest> {
    let kind = take(bytes)?;
    let mut digest = Digest::default();
    let count = Some(kind / 2).filter(|count| *count > 0)?;
    if kind.is_multiple_of(2) {
        digest.add(number(bytes)?, count);
        return digest.sum.is_finite().then_some(digest);
    }
    digest.count = count;
    (digest.sum, digest.min, digest.max) = (number(bytes)?, number(bytes)?, number(bytes)?);
    let length = usize::try_from(take(bytes)?).ok().filter(|length| *length <= bytes.len())?;
    let (spread, rest) = bytes.split_at(length);
    spread::unpack(spread, |place, count| digest.spread.push((place, count)));
    *bytes = rest;
    // Equal samples have no buckets, and any others do.
    let fits = digest.min <= digest.max && digest.spread.is_empty() == (digest.min == digest.max);
    fits.then_some(digest)
}

fn number(bytes: &mut &[u8]) -> Option<f64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*number)).filter(|number| number.is_finite())
}
