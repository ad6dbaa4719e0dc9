//! World `health-check`: what a guest reaches and concludes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use equipoise_health::Outcome;
use equipoise_plugin::{Failure, Fallback, Plugin, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Guest, load, load_within, text_at, words};

const TCP: &str = "equipoise:plugin/tcp@0.1.0";
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

async fn probe(plugin: &Plugin, address: SocketAddr) -> Outcome {
    plugin.probe().unwrap().probe(address.into()).await
}

/// Sends `ping`, and is healthy if `pong` comes back; unhealthy, with the host's words, when something fails.
fn ping() -> Guest {
    // Every function here leaves `result<_, string>` or `result<list<u8>, string>` at 512: discriminant, pointer, length.
    let or_unhealthy = "(if (i32.load8_u (i32.const 512)) (then
        (i32.store8 (i32.const 256) (i32.const 1)) (i64.store (i32.const 260) (i64.load (i32.const 516)))
        (return (i32.const 256))))";
    let body = text_at(600, "ping")
        + "(i32.store8 (i32.const 256) (i32.const 0)) (call $connect (i32.const 512))"
        + or_unhealthy
        + "(call $send (i32.const 600) (i32.const 4) (i32.const 512))"
        + or_unhealthy
        + "(call $receive (i32.const 100) (i32.const 512))"
        + or_unhealthy
        + "(if (i32.ne (i32.load (i32.load (i32.const 516))) (i32.const 0x676e6f70)) (then unreachable))";
    Guest::body(&body).import(TCP, "connect", "(param i32)").import(TCP, "send", "(param i32 i32 i32)").import(
        TCP,
        "receive",
        "(param i32 i32)",
    )
}

#[tokio::test]
async fn a_guest_talks_to_the_target_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"ping");
            stream.write_all(b"pong").await.unwrap();
        }
    };
    let plugin = load(World::HealthCheck, ping());
    let check = async {
        assert_eq!(probe(&plugin, address).await, Outcome::Pass);
        assert_eq!(probe(&plugin, address).await, Outcome::Pass);
    };
    tokio::join!(serve, check);
    assert_eq!(plugin.stats().instances, 1, "the second check reuses the instance");
}

#[tokio::test]
async fn a_verdict_carries_its_reason_in_one_line() {
    let plugin = load(World::HealthCheck, Guest::default());
    assert_eq!(probe(&plugin, NOWHERE).await, Outcome::Pass);

    let verdict = |n: u32| text_at(600, "no\nway") + &words(&[(0, n), (4, 600), (8, 6)]);
    let plugin = load(World::HealthCheck, Guest::body(&verdict(1)));
    assert_eq!(probe(&plugin, NOWHERE).await, Outcome::Fail("no way".into()));
    let plugin = load(World::HealthCheck, Guest::body(&verdict(2)));
    assert_eq!(probe(&plugin, NOWHERE).await, Outcome::Inconclusive("no way".into()));
}

#[tokio::test]
async fn a_target_that_refuses_the_connection_is_the_guests_to_judge() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let plugin = load(World::HealthCheck, ping());
    match probe(&plugin, address).await {
        Outcome::Fail(reason) => assert!(reason.contains("refused"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_target_that_says_nothing_ends_at_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plugin = load_within(Duration::from_millis(50), Fallback::Refuse, World::HealthCheck, ping());
    let started = Instant::now();
    assert!(matches!(probe(&plugin, address).await, Outcome::Fail(_)));
    // The default would be 5 s.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "current_thread")]
async fn a_check_that_loops_lets_others_run_and_says_nothing_about_the_target() {
    let plugin = load(World::HealthCheck, Guest::body("(loop $l (br $l))"));
    let looping = probe(&plugin, NOWHERE);
    let others = async {
        let mut turns = 0_u32;
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(60) {
            tokio::task::yield_now().await;
            turns += 1;
        }
        turns
    };
    let (outcome, turns) = tokio::join!(looping, others);
    assert!(turns > 3, "{turns}");
    assert!(matches!(outcome, Outcome::Inconclusive(_)), "{outcome:?}");
    assert!(matches!(plugin.stats().last_failure, Some(Failure::Time { .. })));
    assert_eq!(plugin.stats().instances, 0);
}

#[tokio::test]
async fn a_check_that_traps_says_nothing_about_the_target() {
    let plugin = load(World::HealthCheck, Guest::body("unreachable"));
    for _ in 0..2 {
        match probe(&plugin, NOWHERE).await {
            Outcome::Inconclusive(reason) => assert!(reason.starts_with("plugin `under-test`: it trapped"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn many_checks_run_at_once() {
    let plugin = load(World::HealthCheck, Guest::default());
    let checks: Vec<_> = (0..50)
        .map(|_| {
            let probe = plugin.probe().unwrap();
            tokio::spawn(async move { probe.probe(NOWHERE.into()).await })
        })
        .collect();
    for check in checks {
        assert_eq!(check.await.unwrap(), Outcome::Pass);
    }
}

#[test]
fn a_guest_reaches_nothing_outside_of_a_check() {
    // `configure` connects, and passes on the host's refusal.
    let configure = "(call $connect (i32.const 512))
        (i32.store8 (i32.const 16) (i32.load8_u (i32.const 512))) (i64.store (i32.const 20) (i64.load (i32.const 516)))";
    let guest = Guest { configure: configure.into(), ..Guest::default() }.import(TCP, "connect", "(param i32)");
    let error = crate::support::load_error(crate::support::spec(World::HealthCheck, guest.build(World::HealthCheck)));
    assert!(error.contains("no check is under way"), "{error}");
}
