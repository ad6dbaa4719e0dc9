//! Guests that loop, trap, recurse, grow or lie: each costs its own call the fallback, and nothing else.

use std::time::{Duration, Instant};

use equipoise_plugin::{Failure, Fallback, World};
use equipoise_rule::Verdict;

use crate::support::{CLIENT, host, spec};
use crate::support::{Guest, load, load_within, request, route, words};

/// Fails on the first call of every instance, so that a guest is good again only after the host replaced it.
#[track_caller]
fn fails(body: &str) -> Failure {
    let plugin = load(World::Router, Guest::body(body));
    assert_eq!(route(&plugin).verdict, Verdict::Continue);
    let stats = plugin.stats();
    assert_eq!((stats.calls, stats.failures, stats.instances), (1, 1, 0), "the instance is thrown away");
    stats.last_failure.unwrap()
}

#[test]
fn a_loop_ends_within_twice_its_limit_and_refuses_if_so_declared() {
    let limit = Duration::from_millis(20);
    // The machine may be busy with other tests: processor time counts, and the quickest of a few.
    let took = (0..8).map(|_| time_of_a_loop(limit)).min().unwrap();
    assert!(took < 2 * limit, "{took:?}");
}

fn time_of_a_loop(limit: Duration) -> Duration {
    let plugin = load_within(limit, Fallback::Refuse, World::Router, Guest::body("(loop $l (br $l))"));
    let (started, used) = (Instant::now(), processor_time());
    assert_eq!(route(&plugin).verdict, Verdict::Refuse);
    assert!(started.elapsed() >= limit);
    assert_eq!(plugin.stats().last_failure, Some(Failure::Time { limit }));
    processor_time() - used
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap())
}

#[test]
fn a_plugin_that_loops_rests_and_then_gets_another_chance() {
    let limit = Duration::from_millis(2);
    let plugin = load_within(limit, Fallback::Continue, World::Router, Guest::body("(loop $l (br $l))"));
    let router = plugin.router().unwrap();
    let (started, mut head) = (Instant::now(), request("/", &[]));
    while plugin.stats().failures < 3 {
        router.route(&mut head, CLIENT);
    }
    // Each failure took at least the limit, and the rests after two of them at least four times that.
    assert!(started.elapsed() >= limit * (3 + 2 * 4), "{:?}", started.elapsed());
    assert!(plugin.stats().rested > 0);
}

#[test]
fn a_trap_names_what_happened_and_where() {
    match fails("unreachable") {
        Failure::Trap { message } => {
            assert!(message.contains("unreachable") && message.contains("call"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(fails("(i32.store (i32.const -4) (i32.const 0))"), Failure::Trap { .. }));
    assert!(matches!(fails("(drop (i32.div_u (i32.const 1) (i32.const 0)))"), Failure::Trap { .. }));
}

#[test]
fn endless_recursion_is_a_stack_failure() {
    assert!(matches!(fails("(drop (call $call))"), Failure::Stack { .. }));
}

#[test]
fn memory_without_end_is_refused_at_the_limit() {
    let grow = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    match fails(grow) {
        Failure::Memory { limit, .. } => assert_eq!(limit, 16 << 20),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_counts_as_memory() {
    let grow =
        "(loop $l (br_if $l (i32.ne (table.grow (ref.null func) (i32.const 700000)) (i32.const -1)))) unreachable";
    let guest = Guest { globals: "(table 1 funcref)".into(), ..Guest::body(grow) };
    let plugin = load_within(Duration::from_secs(5), Fallback::Continue, World::Router, guest);
    route(&plugin);
    assert!(matches!(plugin.stats().last_failure, Some(Failure::Memory { .. })), "{:?}", plugin.stats());
    assert!(plugin.stats().memory_high_water <= 16 << 20);
}

#[test]
fn a_guest_that_copes_with_refused_memory_goes_on() {
    let grow = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";
    let plugin = load(World::Router, Guest::body(grow));
    assert_eq!(route(&plugin).verdict, Verdict::Continue);
    assert_eq!((plugin.stats().failures, plugin.stats().instances), (0, 1));
}

#[test]
fn pointers_and_texts_that_lie_are_traps() {
    // A list beyond the memory, a text that is not UTF-8, a variant that does not exist.
    assert!(matches!(fails(&words(&[(24, 0x7fff_0000), (28, 0x7fff_ffff)])), Failure::Trap { .. }));
    assert!(matches!(
        fails(&(words(&[(0, 1), (4, 600), (8, 1)]) + "(i32.store8 (i32.const 600) (i32.const 255))")),
        Failure::Trap { .. }
    ));
    assert!(matches!(fails(&words(&[(0, 99)])), Failure::Trap { .. }));
    // Twelve bytes of zeroed memory for each of a hundred million fields: the host must not reserve for what it is told.
    assert!(matches!(fails(&words(&[(24, 1024), (28, 100_000_000)])), Failure::Trap { .. }));
}

#[test]
fn an_answer_that_says_the_same_a_thousand_times_is_not_copied() {
    // One mebibyte of zeroed memory as the value of each of a thousand edits `set a: …`.
    let edits = "(drop (memory.grow (i32.const 32)))
        (i32.store8 (i32.const 600) (i32.const 97))
        (loop $l
          (local.set $edit (i32.sub (local.get $edit) (i32.const 20)))
          (i32.store offset=1028 (local.get $edit) (i32.const 600))
          (i32.store offset=1032 (local.get $edit) (i32.const 1))
          (i32.store offset=1036 (local.get $edit) (i32.const 131072))
          (i32.store offset=1040 (local.get $edit) (i32.const 1048576))
          (br_if $l (local.get $edit)))";
    let body = "(local $edit i32) (local.set $edit (i32.const 20000))".to_owned() + edits;
    match fails(&(body + &words(&[(24, 1024), (28, 1000)]))) {
        Failure::Trap { message } => assert!(message.contains("fuel"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_costs_one_instance_and_the_next_call_gets_a_fresh_one() {
    // Traps on the second call of an instance.
    let guest = Guest {
        globals: "(global $calls (mut i32) (i32.const 0))".into(),
        ..Guest::body(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.eq (global.get $calls) (i32.const 2)) (then unreachable))
             (i32.store8 (i32.const 256) (i32.const 4)) (i32.store (i32.const 260) (i32.const 204))",
        )
    };
    let plugin = load(World::Router, guest);
    let mut answered = 0;
    while plugin.stats().failures < 5 {
        answered += u32::from(route(&plugin).verdict != Verdict::Continue);
    }
    assert_eq!(answered, 5, "a success between failures forgives them");
}

#[test]
fn a_hostile_guest_does_not_slow_another() {
    let limit = Duration::from_millis(5);
    let host = host();
    let mut looping = spec(World::Router, Guest::body("(loop $l (br $l))").build(World::Router));
    looping.limits.time = limit;
    let looping = host.load(looping).unwrap();
    let good = host.load(spec(World::Router, Guest::default().build(World::Router))).unwrap();
    let (looping, good) = (looping.router().unwrap(), good.router().unwrap());
    let mut head = request("/", &[]);
    let started = Instant::now();
    let (mut calls, mut stolen) = (0_u32, Duration::ZERO);
    while started.elapsed() < Duration::from_millis(300) {
        let before = processor_time();
        looping.route(&mut head, CLIENT);
        stolen += processor_time() - before;
        good.route(&mut head, CLIENT);
        calls += 1;
    }
    assert!(stolen < Duration::from_millis(300 / 3), "{stolen:?} in {calls} calls");
}
