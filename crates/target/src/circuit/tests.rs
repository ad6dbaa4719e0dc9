use std::collections::VecDeque;

use super::*;

const TERMS: CircuitTerms = CircuitTerms {
    consecutive_failures: NonZeroU32::new(3),
    failure_percent: Some(50),
    window: Duration::from_secs(10),
    min_requests: 10,
    open_time: Duration::from_secs(1),
    max_open_time: Duration::from_secs(5),
    probes: 2,
};

fn fail(circuit: &Circuit, now: u64) -> Turn {
    circuit.failed(circuit.admit(&TERMS, now), &TERMS, now, 0)
}

fn pass(circuit: &Circuit, now: u64) -> Turn {
    circuit.passed(circuit.admit(&TERMS, now), &TERMS, now)
}

fn opened() -> Circuit {
    let circuit = Circuit::default();
    assert_eq!([(); 3].map(|()| fail(&circuit, 0)), [Turn::None, Turn::None, Turn::Opened]);
    circuit
}

#[test]
fn failures_in_a_row_open_it_and_a_success_between_forgives() {
    let circuit = Circuit::default();
    for _ in 0..2 {
        assert_eq!((fail(&circuit, 0), fail(&circuit, 0), pass(&circuit, 0)), (Turn::None, Turn::None, Turn::None));
        assert_eq!([(); 2].map(|()| pass(&circuit, 0)), [Turn::None; 2]);
    }
    let circuit = opened();
    assert!(circuit.state().is_open(999));
    assert_eq!(circuit.admit(&TERMS, 999), Admission::Refused);
}

#[test]
fn a_share_of_failures_opens_it_once_there_are_enough_requests() {
    let circuit = Circuit::default();
    let turns: Vec<_> = (0..5).flat_map(|_| [pass(&circuit, 0), fail(&circuit, 0)]).collect();
    assert_eq!(turns.iter().position(|turn| *turn == Turn::Opened), Some(9));
}

#[test]
fn failures_of_long_ago_do_not_count_for_the_share() {
    let circuit = Circuit::default();
    for now in (0..20).map(|step| step * 11_000) {
        for _ in 0..2 {
            assert_eq!((pass(&circuit, now), fail(&circuit, now)), (Turn::None, Turn::None));
        }
    }
}

#[test]
fn when_its_time_is_over_a_few_probes_go_through_and_close_it() {
    let circuit = opened();
    let probes = [circuit.admit(&TERMS, 1000), circuit.admit(&TERMS, 1000)];
    assert!(probes.iter().all(|admission| matches!(admission, Admission::Probe { .. })), "{probes:?}");
    assert_eq!(circuit.admit(&TERMS, 1000), Admission::Refused);
    assert_eq!(circuit.passed(probes[0], &TERMS, 1000), Turn::None);
    assert_eq!(circuit.passed(probes[1], &TERMS, 1000), Turn::Closed);
    assert_eq!(circuit.admit(&TERMS, 1000), Admission::Free);
    assert_eq!([fail(&circuit, 1001), fail(&circuit, 1001)], [Turn::None; 2], "it starts afresh");
}

#[test]
fn a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_limit() {
    let circuit = opened();
    let mut now = 1000;
    for time in [2000, 4000, 5000, 5000] {
        assert_eq!(fail(&circuit, now), Turn::Opened);
        assert!(circuit.state().is_open(now + time - 1), "{time}");
        assert!(!circuit.state().is_open(now + time), "{time}");
        now += time;
    }
    assert_eq!([pass(&circuit, now), pass(&circuit, now)], [Turn::None, Turn::Closed]);
    assert_eq!([(); 3].map(|()| fail(&circuit, now))[2], Turn::Opened);
    assert!(!circuit.state().is_open(now + 1000), "closing forgot the growth");
}

#[test]
fn jitter_lengthens_an_open_time_by_at_most_a_quarter() {
    for random in [0, u32::MAX / 2, u32::MAX] {
        let circuit = Circuit::default();
        let turns = [(); 3].map(|()| circuit.failed(Admission::Free, &TERMS, 0, random));
        assert_eq!(turns[2], Turn::Opened);
        assert!(circuit.state().is_open(999) && !circuit.state().is_open(1250), "{random}");
    }
}

#[test]
fn a_probe_that_says_nothing_gives_its_place_to_another() {
    let circuit = opened();
    let probe = circuit.admit(&TERMS, 1000);
    let _other = circuit.admit(&TERMS, 1000);
    circuit.released(probe);
    assert!(matches!(circuit.admit(&TERMS, 1000), Admission::Probe { .. }));
    assert_eq!(circuit.admit(&TERMS, 1000), Admission::Refused);
}

#[test]
fn a_probe_of_an_earlier_time_changes_nothing() {
    let circuit = opened();
    let late = circuit.admit(&TERMS, 1000);
    assert_eq!(fail(&circuit, 1000), Turn::Opened);
    let state = circuit.state();
    assert_eq!(circuit.passed(late, &TERMS, 1001), Turn::None);
    assert_eq!(circuit.failed(late, &TERMS, 1001, 0), Turn::None);
    circuit.released(late);
    assert_eq!(circuit.state(), state);
}

#[test]
fn what_was_under_way_when_it_opened_changes_nothing() {
    let circuit = Circuit::default();
    let early = circuit.admit(&TERMS, 0);
    assert_eq!([(); 3].map(|()| fail(&circuit, 0))[2], Turn::Opened);
    let state = circuit.state();
    assert_eq!(circuit.failed(early, &TERMS, 1, 0), Turn::None);
    assert_eq!(circuit.passed(early, &TERMS, 1), Turn::None);
    assert_eq!(circuit.state(), state);
}

/// A hundred thousand steps of a target that is well for a while and ill for a while, with requests that end late.
#[test]
fn in_a_simulation_probes_stay_few_and_an_ill_target_is_spared() {
    for seed in 0..8 {
        let mut random = seed * 2_654_435_761_u64 + 1;
        let mut dice = move |sides: u64| {
            // xorshift64: any sequence will do, as long as it is the same each time.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % sides
        };
        let circuit = Circuit::default();
        let (mut flight, mut probing) = (VecDeque::new(), 0_u16);
        let (mut sent_ill, mut asked_ill) = (0_u64, 0_u64);
        for step in 0..100_000_u64 {
            let (now, ill) = (step * 5, step / 10_000 % 2 == 1);
            asked_ill += u64::from(ill);
            match circuit.admit(&TERMS, now) {
                Admission::Refused => {}
                admission => {
                    sent_ill += u64::from(ill);
                    probing += u16::from(admission != Admission::Free);
                    flight.push_back((admission, ill && dice(10) > 0));
                }
            }
            assert!(probing <= TERMS.probes, "{probing} probes at once");
            while flight.len() > dice(8) as usize {
                let Some((admission, failed)) = flight.pop_front() else { break };
                probing -= u16::from(admission != Admission::Free);
                let _ = match (failed, dice(20)) {
                    (_, 0) => {
                        circuit.released(admission);
                        Turn::None
                    }
                    (true, _) => circuit.failed(admission, &TERMS, now, dice(1 << 32) as u32),
                    (false, _) => circuit.passed(admission, &TERMS, now),
                };
            }
        }
        assert!(sent_ill * 50 < asked_ill, "an ill target got {sent_ill} of {asked_ill} requests");
        let now = 100_000 * 5 + 60_000;
        flight.drain(..).for_each(|(admission, _)| circuit.released(admission));
        assert!(circuit.state().is_closed() || (0..2).any(|_| pass(&circuit, now) == Turn::Closed));
    }
}
