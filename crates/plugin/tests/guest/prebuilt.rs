//! The example plugins as they are committed: real compilers' output, in two languages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use equipoise_balance::Tried;
use equipoise_health::Outcome;
use equipoise_plugin::{Plugin, World, inspect};
use equipoise_rule::{Decision, HeaderEdit, Verdict};
use equipoise_target::GroupName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{CLIENT, host, load_error, pick, request, snapshot, spec};

const ALL: [(&str, World); 4] = [
    ("geo-router", World::Router),
    ("geo-router-c", World::Router),
    ("least-latency-balancer", World::Balancer),
    ("todo-health", World::HealthCheck),
];
const GEO: &str =
    r#"{ "header": "x-country", "default-country": "nz", "groups": { "au": "sydney", "nz": "auckland" } }"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/prebuilt")
}

fn load(name: &str, config: &str) -> Arc<Plugin> {
    let world = ALL.into_iter().find(|(other, _)| *other == name).unwrap().1;
    let mut spec = spec(world, std::fs::read(folder().join(format!("{name}.wasm"))).unwrap());
    spec.config = config.to_owned();
    spec.limits.time = Duration::from_secs(5);
    host().load(spec).unwrap()
}

#[test]
fn they_are_small_pure_and_listed() {
    let list = std::fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    assert_eq!(list.lines().count(), ALL.len());
    for (name, world) in ALL {
        let bytes = std::fs::read(folder().join(format!("{name}.wasm"))).unwrap();
        assert!(bytes.len() < 100_000, "{name}: {} bytes", bytes.len());
        let inspection = inspect(&bytes).unwrap();
        assert_eq!((inspection.world, &inspection.capabilities[..]), (Some(world), &[][..]), "{name}");
        assert!(inspection.imports.iter().all(|import| import.starts_with("equipoise:")), "{inspection:?}");
        assert!(
            list.contains(&format!("{}  {name}.wasm\n", inspection.digest)),
            "{name} is not listed with its digest"
        );
    }
}

#[track_caller]
fn routes(plugin: &Plugin, path: &str, fields: &[(&str, &str)], country: &str, group: Option<&str>) -> Decision {
    let decision = plugin.router().unwrap().route(&mut request(path, fields), CLIENT);
    let verdict = group.map_or(Verdict::Continue, |group| Verdict::Forward(GroupName::new(group).unwrap()));
    assert_eq!(decision.verdict, verdict, "{:?}", plugin.stats());
    let HeaderEdit::Set(name, value) = &decision.request_edits[0] else { panic!("{decision:?}") };
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-geo-country", country));
    decision
}

#[test]
fn the_same_router_in_two_languages_decides_the_same() {
    for (name, by) in [("geo-router", "geo-router/rust"), ("geo-router-c", "geo-router/c")] {
        let plugin = load(name, GEO);
        for _ in 0..200 {
            let decision = routes(&plugin, "/", &[("x-country", "AU")], "au", Some("sydney"));
            let HeaderEdit::Set(_, value) = &decision.response_edits[0] else { panic!("{decision:?}") };
            assert_eq!(value, by);
            routes(&plugin, "/?a=b&country=au", &[], "au", Some("sydney"));
            routes(&plugin, "/?a=b", &[], "nz", Some("auckland"));
            routes(&plugin, "/", &[("x-country", "fr")], "fr", None);
            routes(&plugin, "/", &[("x-country", "a u")], "nz", Some("auckland"));
        }
        let stats = plugin.stats();
        assert_eq!((stats.failures, stats.instances), (0, 1), "{name}: {stats:?}");
    }
}

#[test]
fn a_router_without_configuration_continues() {
    for name in ["geo-router", "geo-router-c"] {
        routes(&load(name, "{}"), "/", &[], "unknown", None);
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_by_the_guest() {
    for (name, world) in ALL {
        for config in ["", "7", r#"{ "no-such-key": 1 }"#] {
            let mut spec = spec(world, std::fs::read(folder().join(format!("{name}.wasm"))).unwrap());
            spec.config = config.to_owned();
            let error = load_error(spec);
            assert!(error.contains("refuses its configuration"), "{name} {config}: {error}");
        }
    }
}

#[test]
fn the_balancer_prefers_who_answers_soon_and_waits_little() {
    let plugin = load("least-latency-balancer", r#"{ "first-guess-ms": 5.0 }"#);
    let snapshot = snapshot(&[1, 1, 2]);
    let picker = plugin.picker(&snapshot).unwrap();
    let targets = || snapshot.membership().members().iter().map(|member| &member.target);
    for (target, ms) in targets().zip([10, 4, 10]) {
        target.succeeded(Duration::from_millis(ms));
    }
    let none = Tried::default();
    assert_eq!(pick(&*picker, &snapshot, &none), Some(1), "4 ms before 10 / 2 ms");
    let lease = targets().nth(1).unwrap().lease();
    assert_eq!(pick(&*picker, &snapshot, &none), Some(2), "10 / 2 ms before twice 4 ms");
    let mut tried = Tried::default();
    tried.add(snapshot.available().nth(2).unwrap().0);
    assert_eq!(pick(&*picker, &snapshot, &tried), Some(1));
    drop(lease);
    assert_eq!(plugin.stats().last_failure, None);
}

/// Answers one request on a fresh port, in whatever pieces it comes.
async fn answer_once(status: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let count = stream.read(&mut request).await.unwrap();
        assert!(request[..count].starts_with(b"GET /api/v1/health HTTP/1.1\r\n"));
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    address
}

#[tokio::test]
async fn the_health_check_believes_what_the_service_says() {
    let plugin = load("todo-health", "{}");
    let probe = plugin.probe().unwrap();
    let healthy = answer_once("200 OK", r#"{"instance":"a","status":"healthy"}"#).await;
    assert_eq!(probe.probe(healthy.into()).await, Outcome::Pass);

    let storage = r#"{"instance":"a","status":"unhealthy","reason":"the storage is gone"}"#;
    let gone = answer_once("503 Service Unavailable", storage).await;
    let why = "status 503, `status` is `unhealthy`: the storage is gone";
    assert_eq!(probe.probe(gone.into()).await, Outcome::Fail(why.into()));

    let other = answer_once("200 OK", "hello").await;
    assert_eq!(probe.probe(other.into()).await, Outcome::Fail("status 200, and the body is not JSON".into()));
    // Nobody listens there any more.
    match probe.probe(healthy.into()).await {
        Outcome::Fail(reason) => assert!(reason.contains("connect"), "{reason}"),
        outcome => panic!("{outcome:?}"),
    }
    assert_eq!(plugin.stats().last_failure, None);
}
