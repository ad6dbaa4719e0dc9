use bytes::Bytes;
use equipoise_target::GroupName;
use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::testing::{Always, CLIENT, fields, head};

fn name(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).unwrap()
}

fn set(field: &str, value: &str) -> HeaderEdit {
    HeaderEdit::Set(name(field), HeaderValue::from_str(value).unwrap())
}

/// Head, destination and number of refusals after a router decided.
fn after(request: &str, decision: Decision) -> (Parts, Option<Destination<'static>>, u32) {
    let mut head = head(request);
    let mut passage = Passage::default();
    let destination = consult(&Always(decision), &mut head, CLIENT, &mut passage);
    (head, destination, passage.refused_edits)
}

#[track_caller]
fn check_verdict(verdict: Verdict, destination: Option<Destination<'_>>, refused: u32) {
    let (_, reached, refused_edits) = after("GET /", Decision { verdict, ..Decision::default() });
    assert_eq!((reached, refused_edits), (destination, refused));
}

#[test]
fn every_verdict_has_its_destination() {
    let group = GroupName::new("g").unwrap();
    let address = "127.0.0.1:80".parse().unwrap();
    let location = HeaderValue::from_static("/x");
    let status = StatusCode::FOUND;
    check_verdict(Verdict::Continue, None, 0);
    check_verdict(Verdict::Forward(group.clone()), Some(Destination::Group(Cow::Borrowed(&group))), 0);
    check_verdict(Verdict::ForwardTo(group.clone(), address), Some(Destination::Target(group.clone(), address)), 0);
    check_verdict(
        Verdict::Redirect { status, location: location.clone() },
        Some(Destination::Redirect { status, location }),
        0,
    );
    check_verdict(Verdict::Refuse, Some(Destination::Refuse), 0);
}

#[test]
fn verdicts_that_cannot_be_carried_out_are_refused() {
    let location = HeaderValue::from_static("/x");
    for status in [StatusCode::OK, StatusCode::NOT_MODIFIED, StatusCode::CONTINUE] {
        check_verdict(Verdict::Redirect { status, location: location.clone() }, Some(Destination::Refuse), 1);
    }
    for (status, body) in [(100, ""), (101, ""), (600, ""), (204, "x"), (304, "x")] {
        let status = StatusCode::from_u16(status).unwrap();
        check_verdict(
            Verdict::Respond { status, headers: vec![], body: Bytes::from_static(body.as_bytes()) },
            Some(Destination::Refuse),
            1,
        );
    }
}

#[test]
fn an_answer_keeps_only_fields_that_frame_nothing() {
    let field = |field: &str| (name(field), HeaderValue::from_static("1"));
    let verdict = Verdict::Respond {
        status: StatusCode::OK,
        headers: vec![field("content-length"), field("x-kept"), field("transfer-encoding"), field("connection")],
        body: Bytes::from_static(b"x"),
    };
    let kept = Destination::Respond {
        status: StatusCode::OK,
        headers: Cow::Owned(vec![field("x-kept")]),
        body: Bytes::from_static(b"x"),
    };
    check_verdict(verdict, Some(kept), 3);
}

#[test]
fn edits_that_no_rule_may_make_are_dropped_and_counted() {
    let request_edits = vec![
        set("x-kept", "1"),
        set("content-length", "7"),
        HeaderEdit::Remove(name("transfer-encoding")),
        HeaderEdit::Add(name("host"), HeaderValue::from_static("evil")),
        HeaderEdit::Remove(name("x-gone")),
    ];
    let response_edits = vec![set("connection", "close")];
    let (head, destination, refused) = after(
        "POST /\ncontent-length: 3\nhost: h\nx-gone: 1",
        Decision { request_edits, response_edits, ..Decision::default() },
    );
    assert_eq!(fields(&head), "content-length: 3\nhost: h\nx-kept: 1");
    assert_eq!((destination, refused), (None, 4));
}

#[test]
fn a_router_can_move_path_and_host() {
    let decision = Decision {
        rewrite_path: Some("http://ignored/b?c".parse().unwrap()),
        rewrite_host: Some(HeaderValue::from_static("b.internal:81")),
        ..Decision::default()
    };
    let (head, _, refused) = after("GET /a\nhost: a", decision);
    assert_eq!((head.uri.to_string().as_str(), fields(&head).as_str(), refused), ("/b?c", "host: b.internal:81", 0));
}

#[test]
fn paths_and_hosts_that_a_target_would_read_differently_are_refused() {
    for path in ["*", "x", "/a/../b", "/a/%2e%2E/b", "/.", "/a/..", "/a%00", "/%2e./x", "/\u{fc}"] {
        let decision = Decision { rewrite_path: Some(path.parse().unwrap()), ..Decision::default() };
        let (head, _, refused) = after("GET /before", decision);
        assert_eq!((head.uri.path(), refused), ("/before", 1), "{path}");
    }
    for host in ["", "a b", "a/b", "u@a", "a:b", "a,b", "\u{fc}"] {
        let decision =
            Decision { rewrite_host: Some(HeaderValue::from_bytes(host.as_bytes()).unwrap()), ..Decision::default() };
        let (head, _, refused) = after("GET /\nhost: before", decision);
        assert_eq!((fields(&head).as_str(), refused), ("host: before", 1), "{host}");
    }
}

#[test]
fn a_message_cannot_be_flooded() {
    let many = |count, value: &str| (0..count).map(|number| set(&format!("x-{number}"), value)).collect::<Vec<_>>();
    let (head, _, refused) = after("GET /", Decision { request_edits: many(100, "1"), ..Decision::default() });
    assert_eq!((head.headers.len(), refused), (64, 36));
    let (head, _, refused) =
        after("GET /", Decision { request_edits: many(20, &"x".repeat(1 << 10)), ..Decision::default() });
    assert_eq!((head.headers.len(), refused), (15, 5));
}

proptest! {
    #[test]
    fn framing_stays_whatever_a_router_wants(
        edits in prop::collection::vec(("content-length|host|transfer-encoding|connection|te|upgrade|x-[a-c]", "[ -~]{0,10}", 0..3), 0..80),
        path in "[ -~]{0,20}",
        host in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let request_edits: Vec<_> = edits.iter().filter_map(|(field, value, kind)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some(match kind {
                0 => HeaderEdit::Set(name(field), value),
                1 => HeaderEdit::Add(name(field), value),
                _ => HeaderEdit::Remove(name(field)),
            })
        }).collect();
        let response_edits = request_edits.clone();
        let decision = Decision { rewrite_path: path.parse().ok(), rewrite_host: HeaderValue::from_bytes(&host).ok(), request_edits, response_edits, ..Decision::default() };
        let (head, _, _) = after("POST /p\ncontent-length: 3\nte: trailers", decision);
        let mut left = head.headers;
        prop_assert!(left.get_all("host").iter().count() <= 1);
        for field in ["host", "x-a", "x-b", "x-c"] {
            left.remove(field);
        }
        prop_assert_eq!(left.len(), 2);
        prop_assert_eq!(&left["content-length"], "3");
        prop_assert!(head.uri.path().starts_with('/'));
    }
}
