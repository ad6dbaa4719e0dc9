//! How many connections each source has: a cap that one client cannot fill a listener past.
//!
//! The table holds sources with open connections and nothing else, so it can never hold more than the listener takes.
//! It is looked at once at a connection's begin and once at its end, never by a request, and cut into parts so that
//! workers seldom meet.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::AHashMap;

/// Parts of the table; a power of two.
const PARTS: usize = 64;

/// Connections by source, of all workers.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Chosen anew by each process, so that nobody can fill one part on purpose.
    state: RandomState,
    parts: [Mutex<AHashMap<IpAddr, u32>>; PARTS],
}

impl Default for Sources {
    fn default() -> Self {
        Self { state: RandomState::new(), parts: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Sources {
    /// A place among the connections of `address`; `None` when it has `limit` of them.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<SourceSeat> {
        let source = source(address);
        let mut part = self.part(source);
        let count = part.entry(source).or_insert(0);
        // A limit of none is not in the configuration's range, so a source that is refused has connections.
        if usize::try_from(*count).is_ok_and(|count| count >= limit.max(1)) {
            return None;
        }
        *count += 1;
        drop(part);
        Some(SourceSeat { sources: Arc::clone(self), source })
    }

    fn part(&self, source: IpAddr) -> MutexGuard<'_, AHashMap<IpAddr, u32>> {
        let part = self.state.hash_one(source) as usize % PARTS;
        // Every change is one step: a panic leaves the table whole.
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sources with connections.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap().len()).sum()
    }
}

/// Whoever has one IPv6 address has a /64 of them.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

/// One connection's place among its source's.
#[derive(Debug)]
pub(crate) struct SourceSeat {
    sources: Arc<Sources>,
    source: IpAddr,
}

impl Drop for SourceSeat {
    fn drop(&mut self) {
        let mut part = self.sources.part(self.source);
        if let Some(count) = part.get_mut(&self.source) {
            *count -= 1; // each seat was counted once
            if *count == 0 {
                part.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_has_its_limit_and_no_other_feels_it() {
        let sources = Arc::new(Sources::default());
        let first = sources.take(address("192.0.2.1"), 2).unwrap();
        let _second = sources.take(address("::ffff:192.0.2.1"), 2).unwrap();
        assert!(sources.take(address("192.0.2.1"), 2).is_none());
        assert!(sources.take(address("192.0.2.2"), 2).is_some());
        drop(first);
        assert!(sources.take(address("192.0.2.1"), 2).is_some());
    }

    #[test]
    fn a_network_of_64_bits_is_one_source() {
        let sources = Arc::new(Sources::default());
        let _first = sources.take(address("2001:db8:0:1::1"), 1).unwrap();
        assert!(sources.take(address("2001:db8:0:1:ffff::2"), 1).is_none());
        assert!(sources.take(address("2001:db8:0:2::1"), 1).is_some());
    }

    #[test]
    fn the_table_holds_only_who_is_there() {
        let sources = Arc::new(Sources::default());
        let seats: Vec<_> =
            (0..10_000).filter_map(|bits| sources.take(IpAddr::V4(std::net::Ipv4Addr::from_bits(bits)), 1)).collect();
        assert_eq!(sources.len(), 10_000);
        drop(seats);
        assert_eq!(sources.len(), 0);
    }
}
