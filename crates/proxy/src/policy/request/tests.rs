use http::Request;
use proptest::prelude::*;

use super::*;

fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut builder = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap().into_parts().0
}

#[track_caller]
fn refused(method: &str, target: &str, fields: &[(&str, &str)], want: Refusal) {
    let got = admit(&mut request(method, target, fields), &ListenerLimits::default());
    assert_eq!(got, Err(want), "{method} {target} {fields:?}");
}

#[track_caller]
fn admitted(method: &str, target: &str, fields: &[(&str, &str)], want_target: &str, want: &[(&str, &str)]) {
    let mut head = request(method, target, fields);
    let admitted = admit(&mut head, &ListenerLimits::default());
    assert!(admitted.is_ok(), "{method} {target} {fields:?} {admitted:?}");
    assert_eq!(head.uri.to_string(), want_target);
    let got: Vec<_> = head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(got, want);
}

const HOST: (&str, &str) = ("host", "a.example");

#[test]
fn hosts_are_one_and_valid() {
    refused("GET", "/", &[], Refusal::NoHost);
    refused("GET", "/", &[HOST, HOST], Refusal::ManyHosts);
    let bad = [
        "", "a b", "a/b", "user@a", "a\"b", "a?b", ":80", "a:80:80", "a:99999", "a:+1", "[::1", "[x]", "[::1]x", "::1",
    ];
    for bad in bad {
        refused("GET", "/", &[("host", bad)], Refusal::BadHost);
    }
    for good in ["a.example:80", "[::1]:8080", "127.0.0.1", "a:", "[::ffff:10.0.0.1]", "a_b.example"] {
        admitted("GET", "/", &[("host", good)], "/", &[("host", good)]);
    }
}

#[test]
fn an_http_1_0_request_may_have_no_host() {
    let mut head = request("GET", "/", &[]);
    head.version = Version::HTTP_10;
    assert_eq!(admit(&mut head, &ListenerLimits::default()).unwrap().host, None);
    assert_eq!(head.headers[header::HOST], "");
}

#[test]
fn an_absolute_target_overrides_the_host_and_becomes_a_path() {
    admitted("GET", "http://b.example/x?y", &[HOST], "/x?y", &[("host", "b.example")]);
    admitted("GET", "http://b.example", &[], "/", &[("host", "b.example")]);
    refused("GET", "http://me@b.example/", &[], Refusal::BadHost);
}

#[test]
fn in_http_2_host_and_authority_must_agree() {
    let mut head = request("GET", "http://b.example/x", &[HOST]);
    head.version = Version::HTTP_2;
    assert_eq!(admit(&mut head, &ListenerLimits::default()), Err(Refusal::OtherHost));
}

#[test]
fn targets_are_paths() {
    refused("CONNECT", "a.example:443", &[HOST], Refusal::Connect);
    refused("GET", "a.example", &[HOST], Refusal::Target);
    refused("GET", "*", &[HOST], Refusal::Target);
    refused("GET", "ftp://a.example/", &[HOST], Refusal::Target);
    refused("GET", "/a%00b", &[HOST], Refusal::Nul);
    refused("GET", &format!("/{}", "x".repeat(8192)), &[HOST], Refusal::TargetTooLong);
    admitted("OPTIONS", "*", &[HOST], "*", &[HOST]);
}

#[test]
fn the_only_coding_is_one_chunked() {
    for bad in ["gzip, chunked", "chunked, chunked", "identity", "xchunked", ""] {
        refused("POST", "/", &[HOST, ("transfer-encoding", bad)], Refusal::Coding);
    }
    let chunked = ("transfer-encoding", "chunked");
    refused("POST", "/", &[HOST, chunked, chunked], Refusal::Coding);
    refused("POST", "/", &[HOST, chunked, ("content-length", "3")], Refusal::TwoLengths);
    admitted("POST", "/", &[HOST, ("transfer-encoding", "Chunked")], "/", &[HOST]);
}

#[test]
fn a_request_that_goes_round_in_a_circle_is_refused() {
    let via = ("via", "1.1 equipoise, 1.1 other");
    let mut fields = vec![via; 5];
    fields.push(HOST);
    assert!(admit(&mut request("GET", "/", &fields), &ListenerLimits::default()).is_ok());
    fields.push(via);
    refused("GET", "/", &fields, Refusal::Loop);
}

#[test]
fn fields_of_the_connection_end_here() {
    let fields = [
        HOST,
        ("connection", "close, X-Secret , host, content-length"),
        ("connection", "x-other"),
        ("x-secret", "1"),
        ("x-other", "2"),
        ("content-length", "0"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("x-kept", "3"),
    ];
    admitted("GET", "/", &fields, "/", &[HOST, ("content-length", "0"), ("x-kept", "3")]);
}

#[test]
fn connection_cannot_name_what_tells_who_asks() {
    let fields = [HOST, ("connection", "x-forwarded-for, via"), ("x-forwarded-for", "192.0.2.1")];
    admitted("GET", "/", &fields, "/", &[HOST, ("x-forwarded-for", "192.0.2.1")]);
}

#[test]
fn names_with_an_underscore_are_dropped_unless_wanted() {
    admitted("GET", "/", &[HOST, ("x_forwarded_for", "1")], "/", &[HOST]);
    let mut head = request("GET", "/", &[HOST, ("x_a", "1")]);
    let limits = ListenerLimits { underscores: true, ..ListenerLimits::default() };
    admit(&mut head, &limits).unwrap();
    assert!(head.headers.contains_key("x_a"));
}

#[test]
fn too_many_fields_are_refused() {
    let fields = vec![("x-a", "1"); 101];
    refused("GET", "/", &fields, Refusal::TooManyFields);
}

/// Names that mean something here, in any case, and some that mean nothing.
fn name() -> impl Strategy<Value = http::HeaderName> {
    let known = [
        "host",
        "connection",
        "te",
        "upgrade",
        "keep-alive",
        "expect",
        "cookie",
        "via",
        "forwarded",
        "x-request-id",
        "content-length",
        "transfer-encoding",
        "proxy-connection",
        "x-forwarded-for",
        "x_a",
        "x-b",
    ];
    prop::sample::select(known.to_vec()).prop_map(http::HeaderName::from_static)
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let known = ["a.example", "close", "x-b, host", "chunked", "gzip", "0", "", "a, b;c"];
    let known = prop::sample::select(known.to_vec()).prop_map(HeaderValue::from_static);
    let any = prop::collection::vec(any::<u8>(), 0..12)
        .prop_filter_map("bytes of a value", |bytes| HeaderValue::from_bytes(&bytes).ok());
    prop_oneof![3 => known, 1 => any]
}

proptest! {
    #[test]
    fn whatever_is_let_in_has_one_host_a_path_and_no_field_of_the_connection(
        fields in prop::collection::vec((name(), value()), 0..12),
        target in "(/[a-z%0-9./?]{0,12}|http://[a-z.]{1,5}/[a-z]{0,3}|[*]|[a-z]{1,5})",
        version in prop::sample::select(vec![Version::HTTP_10, Version::HTTP_11, Version::HTTP_2]),
    ) {
        let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
        let mut head = Request::new(()).into_parts().0;
        (head.uri, head.version) = (uri, version);
        for (name, value) in fields {
            head.headers.append(name, value);
        }
        if admit(&mut head, &ListenerLimits::default()).is_ok() {
            prop_assert_eq!(head.headers.get_all(header::HOST).iter().count(), 1);
            prop_assert!(head.uri.authority().is_none() && head.uri.path().starts_with('/'));
            for name in ["connection", "te", "upgrade", "keep-alive", "expect", "proxy-connection", "x_a"] {
                prop_assert!(!head.headers.contains_key(name), "{}", name);
            }
            prop_assert!(!head.headers.contains_key(header::TRANSFER_ENCODING));
            prop_assert!(head.headers.get_all(header::COOKIE).iter().count() <= 1);
        }
    }
}
