//! Whatever stands before a connection's first byte: once it is clear what it is, more bytes do not change that, and it
//! becomes clear in bounded time.

use crate::listen::announce::{Announced, LONGEST, read};

/// The bytes that a proxy, or somebody who is none, sends first.
pub fn announced(data: &[u8]) {
    let bytes = &data[..data.len().min(LONGEST + 64)];
    let mut known = Announced::Incomplete;
    for end in 0..=bytes.len() {
        let now = read(&bytes[..end]);
        if known == Announced::Incomplete {
            known = now;
        }
        assert_eq!(now, known, "after {end} bytes");
        if let Announced::Header { length, .. } = now {
            assert!(length <= end, "a header of {length} bytes in {end}");
        }
        assert!(now != Announced::Incomplete || end < LONGEST, "{end} bytes, and still nothing is clear");
    }
}
