use proptest::prelude::*;

use super::*;
use crate::hash;

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("10.0.0.{number}:80")).collect()
}

fn entries<'a>(ids: &'a [String], weights: &[u32]) -> Vec<Entry<'a>> {
    ids.iter().zip(weights).map(|(id, weight)| Entry { id: id.as_bytes(), weight: *weight }).collect()
}

fn table(weights: &[u32], size: TableSize, seed: u64) -> Maglev {
    Maglev::build(&entries(&ids(weights.len()), weights), size, seed)
}

fn counts(table: &Maglev, entries: usize) -> Vec<usize> {
    let mut counts = vec![0; entries];
    table.slots().iter().for_each(|position| counts[*position as usize] += 1);
    counts
}

/// Share of slots whose entry differs although `involved` had no part in it.
fn moved_needlessly(before: &Maglev, after: &Maglev, involved: u32) -> f64 {
    let pairs = before.slots().iter().zip(after.slots());
    let moved = pairs.filter(|(a, b)| a != b && **a != involved && **b != involved).count();
    moved as f64 / before.slots().len() as f64
}

#[test]
fn the_example_of_the_paper_comes_out() {
    let walk = |position, next, skip| Walk { position, weight: 1, next, skip, due: 0 };
    let size = TableSize::new(7).unwrap();
    let before = populate(vec![walk(0, 3, 4), walk(1, 0, 2), walk(2, 3, 1)], size);
    assert_eq!(*before, [1, 0, 1, 0, 2, 2, 0]);
    let after = populate(vec![walk(0, 3, 4), walk(2, 3, 1)], size);
    assert_eq!(*after, [0, 0, 0, 0, 2, 2, 2]);
}

#[test]
fn an_empty_table_has_no_entry() {
    for weights in [&[][..], &[0, 0]] {
        let empty = table(weights, TableSize::DEFAULT, 0);
        assert_eq!((empty.lookup(7), empty.probes(7).next()), (None, None));
    }
}

#[test]
fn a_single_entry_has_everything() {
    assert_eq!(counts(&table(&[9], TableSize::SMALL, 0), 1), [251]);
}

#[test]
fn weight_zero_takes_nothing_and_changes_nothing() {
    let with = table(&[1, 1, 0], TableSize::SMALL, 5);
    assert_eq!(with, table(&[1, 1], TableSize::SMALL, 5));
}

#[test]
fn more_entries_than_slots_fill_the_table_without_end_or_panic() {
    let size = TableSize::new(3).unwrap();
    assert_eq!(counts(&table(&[1; 5], size, 0), 5).iter().sum::<usize>(), 3);
}

#[test]
fn the_smallest_table_works() {
    assert_eq!(table(&[1, 1], TableSize::new(2).unwrap(), 1).slots().len(), 2);
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let counts = counts(&table(&[u32::MAX, 1, u32::MAX], TableSize::DEFAULT, 0), 3);
    assert_eq!(counts, [32_768, 1, 32_768]);
}

#[test]
fn keys_of_a_lost_entry_spread_over_all_others() {
    let table = table(&[1; 4], TableSize::DEFAULT, 0);
    let mut takes = [0_u32; 4];
    for key in 0..40_000_u32 {
        let place = hash(&key.to_le_bytes(), 0);
        if table.lookup(place) == Some(0) {
            takes[table.probes(place).find(|index| *index != 0).unwrap()] += 1;
        }
    }
    assert_eq!(takes[0], 0);
    assert!(takes[1..].iter().all(|count| (3_100..3_600).contains(count)), "{takes:?}");
}

fn weights() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(1_u32..20, 2..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn shares_follow_weights(weights in weights(), seed: u64) {
        let total: u32 = weights.iter().sum();
        let counts = counts(&table(&weights, TableSize::DEFAULT, seed), weights.len());
        for (weight, count) in weights.iter().zip(counts) {
            let share = f64::from(*weight) / f64::from(total);
            // One turn more or less for itself, and its share of everybody's.
            let tolerance = 1.0 + share * weights.len() as f64;
            prop_assert!((count as f64 - share * 65_537.0).abs() <= tolerance, "{weight}/{total} has {count}");
        }
    }

    #[test]
    fn equal_weights_differ_by_one_slot_at_most(entries in 1_usize..200, seed: u64) {
        let counts = counts(&table(&vec![7; entries], TableSize::new(2039).unwrap(), seed), entries);
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
    }

    #[test]
    fn an_entry_that_joins_or_leaves_moves_few_other_keys(weights in weights(), seed: u64) {
        let before = table(&weights, TableSize::DEFAULT, seed);
        let gone = weights.len() - 1;
        let after = table(&weights[..gone], TableSize::DEFAULT, seed);
        let moved = moved_needlessly(&before, &after, gone as u32);
        prop_assert!(moved < 0.03, "{moved} of the slots moved between entries that stayed");
    }

    #[test]
    fn the_order_of_entries_does_not_matter(weights in weights(), seed: u64) {
        let ids = ids(weights.len());
        let mut entries = entries(&ids, &weights);
        let forward = Maglev::build(&entries, TableSize::SMALL, seed);
        entries.reverse();
        let backward = Maglev::build(&entries, TableSize::SMALL, seed);
        let last = weights.len() as u32 - 1;
        let mirrored: Vec<_> = backward.slots().iter().map(|position| last - position).collect();
        prop_assert_eq!(forward.slots(), mirrored);
    }

    #[test]
    fn another_seed_is_another_table(weights in weights(), seed: u64) {
        let one = table(&weights, TableSize::SMALL, seed);
        prop_assert_eq!(&one, &table(&weights, TableSize::SMALL, seed));
        prop_assert_ne!(one, table(&weights, TableSize::SMALL, seed.wrapping_add(1)));
    }
}
