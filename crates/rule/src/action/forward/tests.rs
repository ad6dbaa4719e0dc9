use http::header::COOKIE;
use proptest::prelude::*;

use super::*;
use crate::testing::{head, read};

const SPREAD: &str = r#"{ groups = [{ group = "a", weight = 3 }, { group = "off", weight = 0 }, { group = "b", weight = 1 }], sticky = { cookie = "pool", ttl = "90m" } }"#;

fn chosen(forward: &Forward, request: &str, random: u64) -> (String, Option<String>) {
    let head = head(request);
    let Reply { destination, set_cookie } = forward.choose(&head, random);
    let Destination::Group(group) = destination else { panic!("{destination:?}") };
    (group.to_string(), set_cookie.map(|value| value.to_str().unwrap().to_owned()))
}

#[test]
fn a_new_client_gets_a_group_and_a_cookie_that_names_none() {
    let forward: Forward = read(SPREAD).unwrap();
    let (group, cookie) = chosen(&forward, "GET /", 0);
    assert_eq!(group, "a");
    assert_eq!(cookie.unwrap(), "pool=e6c632b61e964e1f; Path=/; HttpOnly; SameSite=Lax; Max-Age=5400");
}

#[test]
fn a_known_client_stays_and_gets_no_cookie() {
    let forward: Forward = read(SPREAD).unwrap();
    for random in [0, u64::MAX] {
        let (group, cookie) = chosen(&forward, "GET /", random);
        let value = cookie.unwrap().split(';').next().unwrap().to_owned();
        for other_random in [0, u64::MAX / 2, u64::MAX] {
            let request = format!("GET /\ncookie: x=y; {value}");
            assert_eq!(chosen(&forward, &request, other_random), (group.clone(), None));
        }
    }
}

#[test]
fn a_forged_or_outdated_cookie_means_a_new_choice() {
    let forward: Forward = read(SPREAD).unwrap();
    let off = xxhash_rust::xxh3::xxh3_64(b"off");
    let off = format!("{off:016x}");
    for value in
        ["", "a", "b", "0", "+000000000000000", "e6c632b61e964e1", "e6c632b61e964e1f0", &off, "ffffffffffffffff"]
    {
        let (group, cookie) = chosen(&forward, &format!("GET /\ncookie: pool={value}"), u64::MAX);
        assert_eq!(group, "b", "{value}");
        assert!(cookie.is_some(), "{value}");
    }
}

#[test]
fn without_ttl_the_cookie_ends_with_the_session() {
    let forward: Forward = read(r#"{ groups = [{ group = "a" }], sticky = { cookie = "c" } }"#).unwrap();
    assert!(!chosen(&forward, "GET /", 0).1.unwrap().contains("Max-Age"));
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let share = |name| WeightedGroup { group: GroupName::new(name).unwrap(), weight: u32::MAX };
    let forward = Forward::new(vec![share("a"), share("b"), share("c")], None).unwrap();
    assert_eq!(chosen(&forward, "GET /", 0).0, "a");
    assert_eq!(chosen(&forward, "GET /", u64::MAX / 2).0, "b");
    assert_eq!(chosen(&forward, "GET /", u64::MAX).0, "c");
}

proptest! {
    #[test]
    fn each_group_gets_its_share(weights in prop::collection::vec(0u32..50, 1..6), seed in any::<u64>()) {
        let groups = weights.iter().enumerate().map(|(at, weight)| {
            WeightedGroup { group: GroupName::new(&format!("g{at}")).unwrap(), weight: *weight }
        });
        let Ok(forward) = Forward::new(groups.collect(), None) else {
            prop_assert!(weights.iter().all(|weight| *weight == 0));
            return Ok(());
        };
        const DRAWS: u64 = 20_000;
        let mut hits = vec![0.0; weights.len()];
        for draw in 0..DRAWS {
            hits[forward.by_weight(xxhash_rust::xxh3::xxh3_64_with_seed(&draw.to_le_bytes(), seed))] += 1.0;
        }
        let total: u32 = weights.iter().sum();
        for (weight, hits) in weights.iter().zip(hits) {
            let share = f64::from(*weight) / f64::from(total);
            // Six standard deviations.
            let tolerance = 6.0 * (share * (1.0 - share) * DRAWS as f64).sqrt();
            prop_assert!((hits - share * DRAWS as f64).abs() <= tolerance, "{weight} of {total}: {hits}");
        }
    }

    #[test]
    fn no_cookie_panics(value in prop::collection::vec(any::<u8>(), 0..60), random in any::<u64>()) {
        let forward: Forward = read(SPREAD).unwrap();
        let mut head = head("GET /");
        if let Ok(value) = http::HeaderValue::from_bytes(&[b"pool=", value.as_slice()].concat()) {
            head.headers.insert(COOKIE, value);
        }
        forward.choose(&head, random);
    }
}
