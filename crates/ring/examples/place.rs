//! Where keys go, and which of them move when an entry leaves:
//! `cargo run -p equipoise-ring --example place -- alice bob carol`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use equipoise_ring::{Entry, Maglev, TableSize, hash};

const SEED: u64 = 0;
const ENTRIES: [&str; 4] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];

fn table(entries: &[&str]) -> Maglev {
    let entries: Vec<_> = entries.iter().map(|id| Entry::new(id.as_bytes())).collect();
    Maglev::build(&entries, TableSize::DEFAULT, SEED)
}

fn main() {
    let (all, fewer) = (table(&ENTRIES), table(&ENTRIES[..3]));
    let place = |table: &Maglev, key: &str| {
        // Both tables have entries, so every hash has one.
        table.lookup(hash(key.as_bytes(), SEED)).map_or("nowhere", |index| ENTRIES[index])
    };

    let mut keys: Vec<String> = std::env::args().skip(1).collect();
    if keys.is_empty() {
        keys = ["alice", "bob", "carol", "dave"].map(str::to_owned).into();
    }
    for key in &keys {
        println!("{key}: {}, without {}: {}", place(&all, key), ENTRIES[3], place(&fewer, key));
    }

    let sample: Vec<_> = (0..100_000).map(|number| format!("user-{number}")).collect();
    let count = |test: &dyn Fn(&str) -> bool| sample.iter().filter(|key| test(key)).count();
    let own = count(&|key| place(&all, key) == ENTRIES[3]);
    let moved = count(&|key| place(&all, key) != place(&fewer, key));
    println!("of 100000 keys {} had {own}; when it left, {moved} moved, so {} needlessly", ENTRIES[3], moved - own);
}
