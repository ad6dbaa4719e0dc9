//! Every kind of probe against every kind of target: it passes on a good one, fails with a reason that helps, ends in
//! time, and reads no more than it may.

mod reaching;

use std::time::Duration;

use equipoise_stream::Stream;
use equipoise_target::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

/// For targets that answer: never reached, however busy the machine.
const AMPLE: Duration = Duration::from_secs(20);
/// For targets that do not answer in time: always reached.
const SHORT: Duration = Duration::from_millis(300);
/// When a probe counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"status\":\"ok\"}";

/// How a target behaves once a connection is open.
#[derive(Clone, Copy)]
enum Target {
    /// Reads the request and sends this, then closes.
    Says(&'static str),
    /// Sends the first, then the second again and again.
    Floods(&'static str, &'static str),
    /// Sends this and then nothing more.
    Stalls(&'static str),
    /// Closes at once.
    HangsUp,
}

async fn start(target: Target) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, target));
        }
    });
    address.into()
}

async fn answer(mut stream: TcpStream, target: Target) {
    if matches!(target, Target::HangsUp) {
        return;
    }
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    match target {
        Target::Says(text) => drop(stream.write_all(text.as_bytes()).await),
        Target::Floods(first, then) => {
            let mut result = stream.write_all(first.as_bytes()).await;
            while result.is_ok() {
                result = stream.write_all(then.as_bytes()).await;
            }
        }
        Target::Stalls(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.read(&mut request).await;
        }
        Target::HangsUp => {}
    }
}

/// An address where nobody listens.
async fn nobody() -> Endpoint {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().into()
}

/// A native health check in the place of a plugin: does over the wire what the built-in ones do.
#[derive(Debug)]
struct Native;

impl Probe for Native {
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_> {
        Box::pin(async move {
            let mut answer = String::new();
            let exchange = async {
                let mut stream = Stream::connect(address).await?;
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
                stream.take(1024).read_to_string(&mut answer).await
            };
            match exchange.await {
                Ok(_) if answer.starts_with("HTTP/1.1 200") => Outcome::Pass,
                Ok(_) => Outcome::fail("no 200"),
                Err(error) => Outcome::fail(&error.to_string()),
            }
        })
    }
}

#[derive(Debug)]
struct Panics;

impl Probe for Panics {
    fn probe(&self, _: Endpoint) -> ProbeFuture<'_> {
        Box::pin(async { panic!("a bug in a check") })
    }
}

struct Natives;

impl ProbeSource for Natives {
    fn probe(&self, name: &PluginName) -> Option<Arc<dyn Probe>> {
        match name.as_str() {
            "native" => Some(Arc::new(Native)),
            "panics" => Some(Arc::new(Panics)),
            _ => None,
        }
    }
}

fn check(text: &str) -> HealthCheck {
    toml::from_str(text).unwrap()
}

/// One of each kind. A new kind does not compile before it stands here.
fn every_kind() -> Vec<HealthCheck> {
    let kinds = ["[tcp]", "[http]", "[http]\nbody-contains = \"ok\"", "[plugin]\nname = \"native\""];
    let kinds: Vec<_> = kinds.into_iter().map(check).collect();
    for kind in &kinds {
        match kind {
            HealthCheck::Tcp(_) | HealthCheck::Http(_) | HealthCheck::Plugin(_) => {}
            HealthCheck::Grpc(_) => {}
        }
    }
    kinds
}

async fn outcome(check: &HealthCheck, address: Endpoint, limit: Duration) -> Outcome {
    let probe = check.probe(&Natives, &Reach::default()).unwrap();
    timeout(PATIENCE, look(&*probe, address, limit)).await.expect("a look ends by itself")
}

async fn outcome_of(text: &str, target: Target) -> Outcome {
    let limit = if matches!(target, Target::Stalls(_)) { SHORT } else { AMPLE };
    outcome(&check(text), start(target).await, limit).await
}

#[track_caller]
fn assert_reason(outcome: &Outcome, part: &str) {
    match outcome {
        Outcome::Fail(reason) => assert!(reason.contains(part), "`{reason}` does not say `{part}`"),
        other => panic!("{other:?} is no failure"),
    }
}

#[tokio::test]
async fn every_kind_passes_on_a_good_target() {
    let address = start(Target::Says(GOOD)).await;
    for kind in every_kind() {
        assert_eq!(outcome(&kind, address, AMPLE).await, Outcome::Pass, "{}", kind.label());
    }
}

#[tokio::test]
async fn every_kind_fails_with_a_reason_when_nobody_listens() {
    let address = nobody().await;
    for kind in every_kind() {
        assert_reason(&outcome(&kind, address, AMPLE).await, "refused");
    }
}

#[tokio::test]
async fn every_kind_that_asks_for_an_answer_fails_without_a_good_one() {
    let targets = [
        Target::Says("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"),
        Target::Says("SSH-2.0-OpenSSH_9.2p1\r\n"),
        Target::Stalls(""),
        Target::Stalls("HTTP/1.1 2"),
        Target::HangsUp,
        Target::Floods("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
        Target::Floods("HTTP/1.1 200 OK\r\n", "x-filler: 0123456789012345678901234567890123456789\r\n"),
        Target::Floods("HTTP/1.1 200 OK\r\nx-filler: ", "0123456789012345678901234567890123456789"),
    ];
    for target in targets {
        let address = start(target).await;
        for kind in every_kind().iter().filter(|kind| !kind.sees_only_a_port() && kind.plugin().is_none()) {
            assert!(matches!(outcome(kind, address, SHORT).await, Outcome::Fail(_)), "{}", kind.label());
        }
    }
}

#[tokio::test]
async fn war_story_one_a_port_check_passes_while_nothing_behind_the_port_works() {
    let address = start(Target::Says("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(outcome(&check("[tcp]"), address, AMPLE).await, Outcome::Pass);
    assert_reason(&outcome(&check("[http]"), address, AMPLE).await, "expected status 200-299, got 503");
}

#[tokio::test]
async fn reasons_say_what_went_wrong() {
    let reason = async |target, part| assert_reason(&outcome_of("[http]", target).await, part);
    reason(Target::Stalls(""), "no answer within 300ms").await;
    reason(Target::HangsUp, "closed without an answer").await;
    reason(Target::Says("220 mail.example.org ESMTP\r\n"), "the answer is not HTTP").await;
    reason(Target::Says("HTTP/1.1 301 Moved\r\ncontent-length: 0\r\n\r\n"), "expected status 200-299, got 301").await;
}

#[tokio::test]
async fn what_a_target_sends_cannot_write_to_a_terminal() {
    let target = Target::Says("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n\"\\u001b[2J\"");
    let outcome = outcome_of("[http]\njson-field = { pointer = \"\", equals = \"ok\" }", target).await;
    let reason = outcome.reason().unwrap();
    assert!(reason.starts_with("expected") && !reason.contains(char::is_control), "{reason:?}");
}

#[tokio::test]
async fn a_huge_body_is_read_no_further_than_it_may() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    let reason = async |text, part| assert_reason(&outcome_of(text, Target::Floods(head, "no no no no ")).await, part);
    reason("[http]\nbody-contains = \"yes\"", "the first 64 KiB of the body does not contain `yes`").await;
    reason("[http]\njson-field = { pointer = \"\", equals = 1 }", "longer than 64 KiB").await;
    assert_eq!(outcome_of("[http]\nbody-contains = \"no\"", Target::Floods(head, "no no no no ")).await, Outcome::Pass);
    assert_eq!(outcome_of("[http]", Target::Floods(head, "no ")).await, Outcome::Pass, "nobody asked for the body");
}

#[tokio::test]
async fn a_body_that_never_ends_ends_with_the_time() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nyes";
    let outcome = outcome_of("[http]\nbody-contains = \"yes\"", Target::Stalls(head)).await;
    assert_reason(&outcome, "no answer within 300ms");
    let cut = outcome_of("[http]\nbody-contains = \"yes\"", Target::Says(head)).await;
    assert_reason(&cut, "the body broke off");
}

#[tokio::test]
async fn a_body_must_say_what_is_asked() {
    let json = async |field: &str| outcome_of(&format!("[http]\njson-field = {field}"), Target::Says(GOOD)).await;
    assert_eq!(json("{ pointer = \"/status\", equals = \"ok\" }").await, Outcome::Pass);
    assert_reason(&json("{ pointer = \"/status\", equals = true }").await, "expected /status to be true, got \"ok\"");
    assert_reason(&json("{ pointer = \"/state\", equals = \"ok\" }").await, "the body has no field `/state`");
    let plain = Target::Says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let outcome = outcome_of("[http]\njson-field = { pointer = \"/status\", equals = \"ok\" }", plain).await;
    assert_reason(&outcome, "the body is not JSON");
    assert_reason(&outcome_of("[http]\nbody-contains = \"fine\"", plain).await, "the body does not contain `fine`");
}

#[tokio::test]
async fn the_request_is_what_was_configured() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let check = check("[http]\npath = \"/api/v1/health?deep=1\"\nmethod = \"HEAD\"\nhost = \"todo.example.org\"");
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        String::from_utf8_lossy(&request[..length]).to_ascii_lowercase()
    };
    let (outcome, request) = tokio::join!(outcome(&check, address.into(), AMPLE), serve);
    assert_eq!(outcome, Outcome::Pass);
    assert!(request.starts_with("head /api/v1/health?deep=1 http/1.1\r\n"), "{request}");
    for field in ["host: todo.example.org\r\n", "connection: close\r\n", "user-agent: equipoise-health/"] {
        assert!(request.contains(field), "{request}");
    }
}

#[tokio::test]
async fn a_check_that_panics_says_nothing_about_the_target() {
    let outcome = outcome_of("[plugin]\nname = \"panics\"", Target::Says(GOOD)).await;
    assert!(matches!(outcome, Outcome::Inconclusive(_)), "{outcome:?}");
}

#[test]
fn a_plugin_that_is_not_there_is_named() {
    let error = check("[plugin]\nname = \"deep\"").probe(&Natives, &Reach::default()).unwrap_err();
    assert_eq!(error.to_string(), "there is no health check plugin named `deep`");
}
