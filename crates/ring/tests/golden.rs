//! Tables are a promise between balancers of different versions: these must never change. A second implementation, over
//! the reference implementation of XXH3, gave the same ones.

use equipoise_ring::{Entry, Maglev, TableSize, hash};

const ENTRIES: [Entry<'static>; 4] = [
    Entry { id: b"10.0.0.1:80", weight: 1 },
    Entry { id: b"10.0.0.2:80", weight: 1 },
    Entry { id: b"10.0.0.3:80", weight: 2 },
    Entry { id: b"[2001:db8::1]:8080", weight: 3 },
];

#[track_caller]
fn check(size: u32, seed: u64, want: &[u32]) {
    let table = Maglev::build(&ENTRIES, TableSize::new(size).expect("a prime"), seed);
    assert_eq!(table.slots(), want);
}

/// One number for a whole table.
fn digest(size: TableSize, seed: u64) -> u64 {
    let table = Maglev::build(&ENTRIES, size, seed);
    hash(&table.slots().iter().flat_map(|position| position.to_le_bytes()).collect::<Vec<_>>(), 0)
}

#[test]
fn small_tables_stay_what_they_are() {
    check(13, 0, &[0, 0, 3, 1, 2, 2, 1, 3, 2, 3, 3, 3, 2]);
    check(13, 1, &[0, 2, 2, 3, 2, 1, 3, 1, 3, 3, 2, 0, 3]);
    check(23, u64::MAX, &[2, 0, 0, 1, 1, 2, 1, 3, 2, 3, 0, 2, 3, 1, 3, 0, 3, 3, 3, 3, 3, 2, 2]);
}

#[test]
fn large_tables_stay_what_they_are() {
    assert_eq!(digest(TableSize::DEFAULT, 0), 0x8469_6d7d_6760_33de);
    assert_eq!(digest(TableSize::new(655_373).unwrap(), 42), 0x2095_a1c4_8c94_6f6b);
}

#[test]
fn keys_stay_where_they_are() {
    let table = Maglev::build(&ENTRIES, TableSize::DEFAULT, 7);
    let places = ["alice", "bob", "carol", "/api/v1/todos", ""].map(|key| {
        let mut probes = table.probes(hash(key.as_bytes(), 7));
        [(); 4].map(|()| probes.next().unwrap())
    });
    assert_eq!(places, [[2, 3, 3, 2], [3, 3, 1, 2], [0, 0, 3, 3], [3, 2, 2, 1], [1, 3, 2, 3]]);
}
