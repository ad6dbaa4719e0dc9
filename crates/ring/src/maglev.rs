//! Maglev hashing: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.
//!
//! Every entry walks the slots in its own order, given by an offset and a skip, and takes one free slot a turn until none
//! is left. Shares are as even as they can be, a look-up is one read, and an entry that joins or leaves moves few keys
//! beyond its own (not none: that is the price of the even shares).

use crate::TableSize;
use crate::hash::{again, pair, place};

/// Something that keys are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is called everywhere: its share of the table follows from these bytes.
    pub id: &'a [u8],
    /// Its share of keys relative to other entries; 0 takes none.
    pub weight: u32,
}

impl<'a> Entry<'a> {
    /// An entry with weight 1.
    #[must_use]
    pub fn new(id: &'a [u8]) -> Self {
        Self { id, weight: 1 }
    }
}

/// A table from hashes to positions of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maglev {
    /// Position in the entries that the table was built from; empty when no entry had a weight.
    slots: Box<[u32]>,
}

impl Maglev {
    /// The table of these entries. Their order does not matter, except that the table speaks of them by position.
    ///
    /// Every entry with a weight has at least one slot while there are no more of them than slots; entries beyond
    /// `u32::MAX` are left out.
    #[must_use]
    pub fn build(entries: &[Entry<'_>], size: TableSize, seed: u64) -> Self {
        let mut walks: Vec<_> = entries
            .iter()
            .zip(0..u32::MAX)
            .filter(|(entry, _)| entry.weight > 0)
            .map(|(entry, position)| (entry, Walk::new(position, entry, size, seed)))
            .collect();
        walks.sort_by_key(|(entry, _)| entry.id);
        Self { slots: populate(walks.into_iter().map(|(_, walk)| walk).collect(), size) }
    }

    /// Position of the entry for `hash`; `None` when the table is empty.
    #[must_use]
    pub fn lookup(&self, hash: u64) -> Option<usize> {
        self.slots.get(place(hash, self.slots.len())).map(|position| *position as usize)
    }

    /// The entry for `hash`, then where the key goes when that one cannot take it, and so on without end (an entry may
    /// come again). Each step is independent of the one before, so the keys of an entry that is out spread over all
    /// others by weight, and come back when it does.
    pub fn probes(&self, hash: u64) -> Probes<'_> {
        Probes { table: self, hash, step: 0 }
    }

    /// The position of the entry in every slot.
    #[must_use]
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }
}

/// Iterator of [`Maglev::probes`].
#[derive(Debug, Clone)]
pub struct Probes<'a> {
    table: &'a Maglev,
    hash: u64,
    step: u64,
}

impl Iterator for Probes<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let hash = again(self.hash, self.step);
        self.step = self.step.wrapping_add(1);
        self.table.lookup(hash)
    }
}

/// One entry's way through the table.
struct Walk {
    position: u32,
    weight: u64,
    /// The slot that it tries next.
    next: u32,
    /// From 1 to the size less 1, hence coprime to the size: the walk visits every slot once in a round.
    skip: u32,
    /// What `round * weight` must reach before the next turn.
    due: u64,
}

impl Walk {
    fn new(position: u32, entry: &Entry<'_>, size: TableSize, seed: u64) -> Self {
        let (offset, skip) = pair(entry.id, seed);
        let size = u64::from(size.get());
        // Both less than the size, which is a `u32`.
        let (next, skip) = ((offset % size) as u32, (skip % (size - 1)) as u32 + 1);
        Self { position, weight: entry.weight.into(), next, skip, due: 0 }
    }

    /// Takes the next free slot. There must be one.
    fn take(&mut self, slots: &mut [u32]) {
        let size = slots.len() as u64;
        loop {
            let slot = self.next;
            self.next = ((u64::from(slot) + u64::from(self.skip)) % size) as u32;
            if slots[slot as usize] == FREE {
                slots[slot as usize] = self.position;
                return;
            }
        }
    }
}

/// No entry: `build` leaves out the one position that would look like it.
const FREE: u32 = u32::MAX;

/// The paper's pseudocode 1. The heaviest entry has a turn in every round, the others in proportion to their weight; the
/// first round is everybody's, so that a small weight has a slot at all.
fn populate(mut walks: Vec<Walk>, size: TableSize) -> Box<[u32]> {
    let Some(heaviest) = walks.iter().map(|walk| walk.weight).max() else { return Box::default() };
    let mut slots = vec![FREE; size.get() as usize];
    let mut free = slots.len();
    for round in 0_u64.. {
        for walk in &mut walks {
            // Rounds are fewer than slots and weights are `u32`, so neither product nor sum overflows.
            if round * walk.weight < walk.due {
                continue;
            }
            walk.due += heaviest;
            walk.take(&mut slots);
            free -= 1;
            if free == 0 {
                return slots.into();
            }
        }
    }
    slots.into()
}

#[cfg(test)]
mod tests;
