//! Consistent hashing as pure functions: from entries, a size and a seed to a table, and from a hash to an entry.
//!
//! The same input gives the same table on every machine, in every version of this crate and whatever the order of the
//! entries, so balancers that never talk to each other send the same key to the same place. When an entry joins or
//! leaves, few keys move.
//!
//! This crate refuses to know what an entry stands for, whether it is healthy, and what a request is.
//!
//! ```
//! use equipoise_ring::{Entry, Maglev, TableSize, hash};
//!
//! let entries = [Entry::new(b"10.0.0.1:80"), Entry::new(b"10.0.0.2:80"), Entry { id: b"10.0.0.3:80", weight: 2 }];
//! let table = Maglev::build(&entries, TableSize::DEFAULT, 0);
//!
//! let place = hash(b"some user", 0);
//! assert!(table.lookup(place).is_some_and(|index| index < 3));
//!
//! // Where the key goes while that entry is out: found without building another table, and no other key moves.
//! let first = table.lookup(place);
//! let second = table.probes(place).find(|index| Some(*index) != first);
//! assert!(second.is_some());
//! ```

mod bound;
mod hash;
mod maglev;
mod size;

pub use bound::{LoadFactor, LoadFactorError};
pub use hash::hash;
pub use maglev::{Entry, Maglev, Probes};
pub use size::{TableSize, TableSizeError};
