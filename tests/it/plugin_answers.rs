//! What a plugin answers is held against the same rules as what a client sends.

use std::sync::{Arc, Mutex};

use equipoise_tests::{
    Program, TestTarget, component, eventually, fixture, fixture_text, free_port, get, metric, request,
};
use http_body_util::Full;
use hyper::{HeaderMap, Response};

use crate::plugins::put;
use crate::text::{group, listener, plugin};

struct Routed {
    program: Program,
    target: TestTarget,
    port: u16,
    /// Fields of the last request that reached the target.
    seen: Arc<Mutex<HeaderMap>>,
}

fn routed_by(guest: &[u8], terms: &str) -> Routed {
    let (seen, port) = (Arc::new(Mutex::new(HeaderMap::new())), free_port());
    let notes = seen.clone();
    let target = TestTarget::scripted(
        "a",
        Arc::new(move |request, name| {
            *notes.lock().expect("nobody panics") = request.headers().clone();
            Response::new(Full::from(name.to_owned()))
        }),
    );
    let text = listener(port, "a")
        + "[[listener.web.rule]]\npriority = 1\nthen = { plugin = \"p\" }\n"
        + &group("a", &[target.port()])
        + &plugin("p", "p.wasm", "router", &format!("limits = {{ time = \"5s\" }}\n{terms}"));
    let program = Program::start_with(&text, |folder| put(folder, "p.wasm", guest));
    Routed { program, target, port, seen }
}

#[test]
fn edits_of_framing_fields_are_dropped_and_counted_and_the_others_made() {
    let Routed { program, target, port, seen } = routed_by(&fixture("router", "edits-framing"), "");
    let answer = request(port, "POST", "/", &[("host", "good.example")], "hello").expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "a"), "{answer:?}");
    assert_eq!(answer.header("x-judged"), Some("yes"), "{answer:?}");
    assert_eq!(answer.header("content-length"), Some("1"), "{answer:?}");
    assert_eq!(answer.header("transfer-encoding"), None, "{answer:?}");
    let seen = seen.lock().expect("nobody panics").clone();
    let field = |name: &str| seen.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(field("x-judged"), Some("yes"), "{seen:?}");
    assert_eq!((field("content-length"), field("transfer-encoding")), (Some("5"), None), "{seen:?}");
    assert_eq!(field("host"), Some("good.example"), "{seen:?}");
    assert_eq!(target.requests(), 1);
    eventually("what was dropped is counted", || {
        (metric(&program.metrics(), "equipoise_router_edits_refused_total", &[]) >= 10.0).then_some(())
    });
}

#[test]
fn an_own_answer_is_framed_by_us() {
    let Routed { program: _program, target, port, .. } = routed_by(&fixture("router", "answers-with-framing"), "");
    let answer = get(port, "/").expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "own"), "{answer:?}");
    let lengths = answer.headers.iter().filter(|(name, _)| name == "content-length").collect::<Vec<_>>();
    assert_eq!(lengths, [&("content-length".to_owned(), "3".to_owned())], "{answer:?}");
    assert_eq!(answer.header("transfer-encoding"), None, "{answer:?}");
    assert_eq!(answer.header("x-judged"), Some("yes"), "{answer:?}");
    assert_eq!(target.requests(), 0);
}

#[test]
fn answers_that_cannot_be_used_are_failures_with_the_declared_fallback() {
    for (name, word) in [("splits-the-response", "x-evil"), ("answers-with-status-99", "99")] {
        let Routed { program, target, port, .. } = routed_by(&fixture("router", name), "fallback = \"refuse\"\n");
        let answer = get(port, "/").expect("an answer");
        assert_eq!(answer.status, 503, "{name}: {answer:?}");
        assert!(answer.header("proxy-status").is_some_and(|why| why.contains("router")), "{name}: {answer:?}");
        assert!(answer.header("set-cookie").is_none() && answer.header("x-evil").is_none(), "{name}: {answer:?}");
        assert_eq!(target.requests(), 0, "{name}");
        assert_eq!(metric(&program.metrics(), "equipoise_plugin_failures_total", &["kind=\"answer\""]), 1.0, "{name}");
        eventually("the log says what was wrong", || program.log().contains(word).then_some(()));
    }
    let routed = routed_by(&fixture("router", "splits-the-response"), "");
    let answer = get(routed.port, "/").expect("an answer");
    assert_eq!((answer.status, answer.body.as_str(), answer.header("set-cookie")), (200, "a", None), "{answer:?}");
}

#[test]
fn a_group_that_does_not_exist_is_a_503_that_says_so() {
    let text = fixture_text("forwards-to-v1").replace("\"v1\"", "\"zz\"");
    let Routed { program, target, port, .. } = routed_by(&component("router", &text), "");
    let answer = get(port, "/").expect("an answer");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("proxy-status").is_some_and(|why| why.contains("destination_not_found")), "{answer:?}");
    assert_eq!(target.requests(), 0);
    eventually("it is counted", || {
        (metric(&program.metrics(), "equipoise_faults_total", &["reason=\"no-group\""]) == 1.0).then_some(())
    });
}
