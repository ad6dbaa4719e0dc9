//! World `router`: what a guest reads and answers.

use bytes::Bytes;
use equipoise_plugin::{Failure, World};
use equipoise_rule::{HeaderEdit, Verdict};
use equipoise_target::GroupName;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::support::{Guest, load, route, text_at, words};

const REQUEST: &str = "equipoise:plugin/request@0.1.0";

/// A router whose answer names as target group what `read` leaves as pointer and length at 512 and 516.
fn echo(guest: Guest, read: &str) -> Guest {
    let answer = "(i32.store8 (i32.const 256) (i32.const 1))
         (i32.store (i32.const 260) (i32.load (i32.const 512))) (i32.store (i32.const 264) (i32.load (i32.const 516)))";
    Guest { body: format!("{read} {answer}"), ..guest }
}

#[track_caller]
fn reads(guest: Guest, read: &str, want: &str) {
    let plugin = load(World::Router, echo(guest, read));
    for _ in 0..3 {
        let decision = route(&plugin);
        assert_eq!(decision.verdict, Verdict::Forward(GroupName::new(want).unwrap()), "{:?}", plugin.stats());
    }
}

#[track_caller]
fn answers(body: &str) -> equipoise_rule::Decision {
    let plugin = load(World::Router, Guest::body(body));
    let decision = route(&plugin);
    assert_eq!(plugin.stats().last_failure, None);
    decision
}

#[track_caller]
fn refused(body: &str, because: &str) {
    let plugin = load(World::Router, Guest::body(body));
    assert_eq!(route(&plugin).verdict, Verdict::Continue);
    match plugin.stats().last_failure {
        Some(Failure::Answer { reason }) if reason.contains(because) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_reads_the_method_the_client_and_the_authority() {
    reads(Guest::default().import(REQUEST, "method", "(param i32)"), "(call $method (i32.const 512))", "GET");
    reads(
        Guest::default().import(REQUEST, "client-address", "(param i32)"),
        "(call $client_address (i32.const 512))",
        "192.0.2.7",
    );
    // An option: the text is behind its discriminant.
    let guest = Guest::default().import(REQUEST, "authority", "(param i32)");
    reads(guest, "(call $authority (i32.const 508))", "example.org");
}

#[test]
fn a_guest_reads_what_a_clients_certificate_says() {
    let guest = || Guest::default().import(REQUEST, "client-certificate", "(param i32)");
    let call = "(call $client_certificate (i32.const 508))";
    reads(guest(), call, "alice");
    // The serial number is the third part.
    reads(guest(), &format!("{call} (i64.store (i32.const 512) (i64.load (i32.const 528)))"), "0a1b");
}

#[test]
fn a_guest_reads_one_header_field_without_regard_to_case() {
    let guest = Guest::default().import(REQUEST, "header", "(param i32 i32 i32)");
    let read = text_at(600, "X-A") + "(call $header (i32.const 600) (i32.const 3) (i32.const 508))";
    reads(guest, &read, "1");
}

#[test]
fn a_guest_reads_every_field_of_a_name() {
    let guest = Guest::default().import(REQUEST, "header-values", "(param i32 i32 i32)");
    // A list of lists; the second element's pointer and length are copied.
    let read = text_at(600, "x-a")
        + "(call $header_values (i32.const 600) (i32.const 3) (i32.const 520))
           (if (i32.ne (i32.load (i32.const 524)) (i32.const 2)) (then unreachable))
           (i64.store (i32.const 512) (i64.load offset=8 (i32.load (i32.const 520))))";
    reads(guest, &read, "2");
}

#[test]
fn a_guest_continues_by_default() {
    assert_eq!(answers(""), equipoise_rule::Decision::default());
}

#[test]
fn a_guest_sets_header_fields_and_rewrites_path_and_host() {
    let body = text_at(600, "x-by") + &text_at(610, "me") + &text_at(620, "/new?q") + &text_at(630, "example.net:81");
    // One `set` at 700: discriminant, name, value; then path at offset 40 and host at offset 52.
    let edit = "(i32.store (i32.const 704) (i32.const 600)) (i32.store (i32.const 708) (i32.const 4))
         (i32.store (i32.const 712) (i32.const 610)) (i32.store (i32.const 716) (i32.const 2))";
    let body = body
        + edit
        + &words(&[(24, 700), (28, 1), (32, 700), (36, 1), (40, 1), (44, 620), (48, 6), (52, 1), (56, 630), (60, 14)]);
    let decision = answers(&body);
    let edits = [HeaderEdit::Set(HeaderName::from_static("x-by"), HeaderValue::from_static("me"))];
    assert_eq!((&decision.request_edits[..], &decision.response_edits[..]), (&edits[..], &edits[..]));
    assert_eq!(decision.rewrite_path.unwrap(), "/new?q");
    assert_eq!(decision.rewrite_host.unwrap(), "example.net:81");
}

#[test]
fn a_guest_names_a_target_redirects_or_responds() {
    let target =
        text_at(600, "g") + &text_at(610, "[::1]:80") + &words(&[(0, 2), (4, 600), (8, 1), (12, 610), (16, 8)]);
    let want = Verdict::ForwardTo(GroupName::new("g").unwrap(), "[::1]:80".parse().unwrap());
    assert_eq!(answers(&target).verdict, want);

    let redirect = text_at(600, "/there") + &words(&[(0, 3), (4, 308), (8, 600), (12, 6)]);
    let want =
        Verdict::Redirect { status: StatusCode::PERMANENT_REDIRECT, location: HeaderValue::from_static("/there") };
    assert_eq!(answers(&redirect).verdict, want);

    let respond = text_at(600, "no") + &words(&[(0, 4), (4, 418), (16, 600), (20, 2)]);
    let want =
        Verdict::Respond { status: StatusCode::IM_A_TEAPOT, headers: Vec::new(), body: Bytes::from_static(b"no") };
    assert_eq!(answers(&respond).verdict, want);
}

#[test]
fn answers_that_make_no_sense_are_failures_with_a_reason() {
    let group = |name: &str| text_at(600, name) + &words(&[(0, 1), (4, 600), (8, name.len() as u32)]);
    refused(&group("no such name"), "target group: `no such name` is not a name");
    refused(&group(""), "target group");
    let target = |address: &str| {
        text_at(600, "g")
            + &text_at(610, address)
            + &words(&[(0, 2), (4, 600), (8, 1), (12, 610), (16, address.len() as u32)])
    };
    refused(&target("localhost:80"), "`localhost:80` is not an address with a port");
    let redirect =
        |status, to: &str| text_at(600, to) + &words(&[(0, 3), (4, status), (8, 600), (12, to.len() as u32)]);
    refused(&redirect(200, "/x"), "status 200 is no redirect");
    refused(&redirect(301, "/x\r\nset-cookie: a=b"), "the location holds bytes");
    refused(&redirect(301, ""), "a location of 0 bytes");
    refused(&words(&[(0, 4), (4, 101)]), "status 101 is not 200 to 599");
    refused(&words(&[(0, 4), (4, 65535)]), "status 65535");
    let path = |path: &str| text_at(600, path) + &words(&[(40, 1), (44, 600), (48, path.len() as u32)]);
    for bad in ["x", "//evil/x", "/a b", "/a#b", "http://evil/", "/\r\n"] {
        refused(&path(bad), "is not a path");
    }
    let host = |host: &str| text_at(600, host) + &words(&[(52, 1), (56, 600), (60, host.len() as u32)]);
    for bad in ["", "a b", "user@example.org", "a/b", "a\r\nb: c"] {
        refused(&host(bad), "is not a host");
    }
}

#[test]
fn header_edits_that_make_no_sense_are_failures_with_a_reason() {
    let edit = |name: &str, value: &str| {
        let (name_length, value_length) = (name.len(), value.len());
        text_at(600, name)
            + &text_at(640, value)
            + &format!(
                "(i32.store (i32.const 704) (i32.const 600)) (i32.store (i32.const 708) (i32.const {name_length}))
                 (i32.store (i32.const 712) (i32.const 640)) (i32.store (i32.const 716) (i32.const {value_length}))"
            )
            + &words(&[(24, 700), (28, 1)])
    };
    refused(&edit("x y", "1"), "`x y` is not the name of a header field");
    refused(&edit("", "1"), "is not the name of a header field");
    refused(&edit("x", "a\r\nb: c"), "the value of `x` holds bytes");
    // The same edit 101 times, by way of zeroed memory that reads as `set("", "")`.
    refused(&words(&[(24, 1024), (28, 101)]), "101 header fields or edits");
}
