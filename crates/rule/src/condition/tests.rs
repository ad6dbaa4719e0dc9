//! One table for all conditions: what is written, and requests that satisfy it or do not.

use std::cell::OnceCell;
use std::net::IpAddr;

use http::HeaderValue;
use http::header::COOKIE;
use proptest::prelude::*;

use super::*;
use crate::testing::{CLIENT, head, read, refusal};

fn holds(when: &str, request: &str, client: IpAddr) -> bool {
    let when: When = read(when).unwrap_or_else(|error| panic!("{error}"));
    when.holds(&Request::new(&head(request), client, &OnceCell::new()))
}

#[track_caller]
fn check(when: &str, satisfied_by: &[&str], not_by: &[&str]) {
    for request in satisfied_by {
        assert!(holds(when, request, CLIENT), "{when} should hold for {request:?}");
    }
    for request in not_by {
        assert!(!holds(when, request, CLIENT), "{when} should not hold for {request:?}");
    }
}

#[test]
fn a_clients_certificate_is_asked_for_what_it_says() {
    let mut with = head("GET /\nclient-certificate: CN=mallory");
    with.extensions.insert(std::sync::Arc::new(crate::ClientCertificate {
        subject: "CN=alice,O=Fjord,C=NO".into(),
        issuer: "CN=people".into(),
        serial: "0a".into(),
        names: vec!["dns:alice.clients.example".into(), "email:alice@example.org".into()],
        fingerprint: "ab".repeat(32),
    }));
    let without = head("GET /\nclient-certificate: CN=alice,O=Fjord,C=NO");
    let fingerprint = format!("{{ fingerprint = \"{}\" }}", ["AB"; 32].join(":"));
    for (condition, want) in [
        ("{ present = true }", true),
        ("{ present = false }", false),
        ("{ subject = \"*,O=Fjord,C=NO\" }", true),
        ("{ subject = [\"CN=bob,*\", \"CN=alice,*\"], issuer = \"CN=people\" }", true),
        ("{ subject = \"CN=alice,*\", issuer = \"CN=others\" }", false),
        ("{ name = \"dns:*.clients.example\" }", true),
        ("{ name = [\"uri:*\", \"email:alice@example.org\"], present = true }", true),
        ("{ name = \"dns:bob.clients.example\" }", false),
        (&fingerprint, true),
        (&format!("{{ fingerprint = \"{}\" }}", "cd".repeat(32)), false),
    ] {
        let when: When = read(&format!("{{ client-certificate = {condition} }}")).unwrap();
        let holds = |head| when.holds(&Request::new(head, CLIENT, &OnceCell::new()));
        assert_eq!(holds(&with), want, "{condition}");
        assert_eq!(holds(&without), condition == "{ present = false }", "{condition} without one");
    }
}

#[test]
fn a_condition_on_a_certificate_that_says_nothing_is_refused() {
    let said = |condition: &str| refusal::<When>(&format!("{{ client-certificate = {condition} }}")).0;
    assert!(said("{}").starts_with("this asks for nothing"));
    assert!(said("{ present = false, subject = \"*\" }").contains("that is not `present` says nothing"));
    assert!(said("{ fingerprint = \"ab\" }").starts_with("`ab` is not a SHA-256 fingerprint"));
}

#[test]
fn without_conditions_every_request_will_do() {
    check("{}", &["GET /", "OPTIONS *"], &[]);
}

#[test]
fn all_conditions_must_hold() {
    check(
        r#"{ path = "/a", method = "GET", header = { x = "1", y = "2" } }"#,
        &["GET /a\nx: 1\ny: 2"],
        &["GET /b\nx: 1\ny: 2", "POST /a\nx: 1\ny: 2", "GET /a\nx: 1", "GET /a\nx: 1\ny: 1"],
    );
}

#[test]
fn the_host_is_compared_without_port_and_case() {
    let request = |host: &str| format!("GET /\nhost: {host}");
    for host in
        ["example.org", "EXAMPLE.org", "example.org:8080", "example.org.", "example.org.:80", "user@example.org"]
    {
        check(r#"{ host = "Example.Org" }"#, &[&request(host)], &[]);
    }
    for host in ["www.example.org", "example.org.evil", "", "example", "ex ample.org"] {
        check(r#"{ host = "example.org." }"#, &[], &[&request(host)]);
    }
    check(
        r#"{ host = "example.org" }"#,
        &["GET http://example.org/\nhost: other"],
        &["GET /", "GET http://other/\nhost: example.org"],
    );
    check(r#"{ host = "[::1]" }"#, &["GET /\nhost: [::1]:80", "GET /\nhost: [::1]"], &["GET /\nhost: ::1"]);
    check(r#"{ host = "~^(www|api)[.]" }"#, &["GET /\nhost: API.x"], &["GET /\nhost: web.x"]);
    check(r#"{ host = "~^a.$" }"#, &["GET /\nhost: ab"], &["GET /\nhost: a"]);
    check(r#"{ host = "*" }"#, &["GET /\nhost: x"], &["GET /"]);
}

#[test]
fn a_host_wildcard_takes_subdomains_and_not_the_domain() {
    check(
        r#"{ host = ["*.example.org", "other"] }"#,
        &["GET /\nhost: a.example.org", "GET /\nhost: a.b.example.org", "GET /\nhost: other"],
        &["GET /\nhost: example.org", "GET /\nhost: xexample.org"],
    );
}

#[test]
fn hosts_longer_than_any_name_match_nothing() {
    let host = |length: usize| format!("GET /\nhost: {}", "a".repeat(length));
    check(r#"{ host = "*" }"#, &[&host(255)], &[&host(256), &host(60_000)]);
}

#[test]
fn the_path_is_compared_without_query_and_not_decoded() {
    check(r#"{ path = "/a" }"#, &["GET /a", "GET /a?b", "GET http://h/a"], &["GET /A", "GET /a/", "GET /%61"]);
    check(r#"{ path = ["/api/*", "/v2"] }"#, &["GET /api/x", "GET /v2"], &["GET /api", "GET /v2/"]);
    check(r#"{ path = "~^/[0-9]+$" }"#, &["GET /12"], &["GET /x"]);
}

#[test]
fn methods_are_compared_exactly() {
    check(r#"{ method = ["GET", "PURGE"] }"#, &["GET /", "PURGE /"], &["HEAD /", "get /"]);
}

#[test]
fn one_line_of_a_repeated_field_is_enough() {
    check(
        r#"{ header = { X-Tier = ["gold", "~^plat"] } }"#,
        &["GET /\nx-tier: gold", "GET /\nx-tier: iron\nx-tier: platinum"],
        &["GET /", "GET /\nx-tier: gold, iron", "GET /\nx-other: gold"],
    );
    check(r#"{ header = { x-there = "*" } }"#, &["GET /\nx-there: ", "GET /\nx-there: 1"], &["GET /"]);
}

#[test]
fn query_names_and_values_are_decoded() {
    check(
        r#"{ query = { "a b" = "1 + 1" } }"#,
        &["GET /?a+b=1+%2B+1", "GET /?x&a%20b=1%20%2b%201&a%20b=2"],
        &["GET /", "GET /?a+b=1+++1", "GET /?ab=1", "GET /a+b=1"],
    );
    check(
        r#"{ query = { debug = "" } }"#,
        &["GET /?debug", "GET /?debug=", "GET /?x=1&&debug"],
        &["GET /?debug=1", "GET /?debugger"],
    );
    check(r#"{ query = { a = "100%" } }"#, &["GET /?a=100%", "GET /?a=100%25"], &["GET /?a=100%2"]);
    check(r#"{ query = { a = "b=c" } }"#, &["GET /?a=b=c", "GET /?a=b%3dc"], &["GET /?a=b;a=b=c"]);
    let long = "%61".repeat(200);
    check(r#"{ query = { v = "~^a{200}$" } }"#, &[&format!("GET /?v={long}")], &[&format!("GET /?v={long}a")]);
}

#[test]
fn cookies_are_found_in_every_field() {
    check(
        r#"{ cookie = { beta = ["1", "yes"] } }"#,
        &[
            "GET /\ncookie: beta=1",
            "GET /\ncookie: a=b; beta=yes;c=d",
            "GET /\ncookie: a=b\ncookie: beta=1",
            "GET /\ncookie: beta=0; beta=1",
        ],
        &[
            "GET /",
            "GET /\ncookie: Beta=1",
            "GET /\ncookie: beta",
            "GET /\ncookie: xbeta=1",
            "GET /\ncookie: beta=11",
            "GET /\ncookie: beta2=1",
        ],
    );
    check(r#"{ cookie = { a = "b=c" } }"#, &["GET /\ncookie: a=b=c"], &[]);
}

#[test]
fn sources_are_networks_or_addresses() {
    let when = r#"{ source = ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::ffff:198.51.100.0/120"] }"#;
    for client in ["10.9.8.7", "192.0.2.1", "2001:db8::1", "::ffff:10.1.1.1", "198.51.100.9", "::ffff:192.0.2.1"] {
        assert!(holds(when, "GET /", client.parse().unwrap()), "{client}");
    }
    for client in ["11.0.0.1", "192.0.2.2", "2001:db9::1", "198.51.101.1", "::ffff:11.0.0.1", "::a00:1"] {
        assert!(!holds(when, "GET /", client.parse().unwrap()), "{client}");
    }
}

#[test]
fn what_is_refused_is_pointed_at() {
    #[track_caller]
    fn check(when: &str, message: &str, at: &str) {
        assert_eq!(refusal::<When>(when), (message.to_owned(), at.to_owned()));
    }
    check(
        r#"{ hosts = "x" }"#,
        "unknown field `hosts`, expected one of `host`, `path`, `method`, `header`, `query`, `cookie`, `source`, `client-certificate`, `sni`, `alpn`",
        "hosts",
    );
    check(r#"{ path = [] }"#, "this list is empty: name at least one value, or leave the key out", "[]");
    check(r#"{ path = ["/a", "b"] }"#, "`b` can never match: a path starts with `/`", r#""b""#);
    check(
        r#"{ path = "/a?b=c" }"#,
        "`/a?b=c` can never match: the query is not part of the path, use `query`",
        r#""/a?b=c""#,
    );
    check(r#"{ path = "~(" }"#, "`(` is not a regular expression: unclosed group", r#""~(""#);
    check(
        r#"{ host = "https://a" }"#,
        "`https://a` can never match: write the host alone, without scheme and path",
        r#""https://a""#,
    );
    check(
        r#"{ host = "a:80" }"#,
        "`a:80` can never match: write the host without its port, which is not compared",
        r#""a:80""#,
    );
    check(
        r#"{ host = "bücher.example" }"#,
        "`bücher.example` can never match: write the host as it is sent, in its ASCII form (`xn--…`)",
        r#""bücher.example""#,
    );
    check(r#"{ method = "get" }"#, "methods are compared with regard to case: write `GET`, not `get`", r#""get""#);
    check(r#"{ method = "*" }"#, "`*` is not a method: write one such as `GET`, or several in a list", r#""*""#);
    check(r#"{ header = { x = 1 } }"#, "invalid type: integer `1`, expected a text or a list of texts", "1");
    check(
        r#"{ header = { "x y" = "1" } }"#,
        "`x y` is not the name of a header field: use letters, digits and `-`",
        r#""x y""#,
    );
    check(r#"{ header = { x = "1", X = "2" } }"#, "`x` is named twice", r#"{ x = "1", X = "2" }"#);
    check(r#"{ header = "x" }"#, "invalid type: string \"x\", expected a table of names and values", r#""x""#);
    check(
        r#"{ cookie = { "a;b" = "1" } }"#,
        "`a;b` is not the name of a cookie: use letters, digits, `-` and `_`",
        r#""a;b""#,
    );
    check(r#"{ query = { "" = "1" } }"#, "the name of a query parameter is empty", r#""""#);
    check(
        r#"{ source = "10.0.0.0/33" }"#,
        "`10.0.0.0/33` is not a network: write one such as `10.0.0.0/8`, `2001:db8::/32` or a single address",
        r#""10.0.0.0/33""#,
    );
}

#[test]
fn conditions_are_written_as_they_were_read() {
    let text = r#"{ host = "*.Example.org", path = ["/a", "~^/b"], header = { x = "1" }, source = "10.0.0.0/8" }"#;
    let when: When = read(text).unwrap();
    let written = toml::to_string(&when).unwrap();
    assert_eq!(toml::from_str::<When>(&written).unwrap(), when);
    assert!(written.contains(r#"host = "*.Example.org""#), "{written}");
}

proptest! {
    #[test]
    fn no_bytes_of_a_client_panic(
        value in prop::collection::vec(any::<u8>().prop_filter("not a field value", |byte| !b"\r\n\0".contains(byte)), 0..300),
        query in "[ -~]{0,100}",
    ) {
        let when: When = read(r#"{ host = "*a*", header = { x = "~a.c" }, cookie = { a = "*b*" }, query = { a = "*b*", c = "~d" } }"#).unwrap();
        let mut head = head("GET /");
        if let Ok(uri) = format!("/?{query}").parse() {
            head.uri = uri;
        }
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            for name in ["host", "x", COOKIE.as_str()] {
                head.headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.clone());
            }
        }
        let request = |host| when.holds(&Request::new(&head, CLIENT, host));
        request(&OnceCell::new());
        for only in ["{ host = \"*\" }", "{ query = { a = \"*\" } }", "{ cookie = { a = \"*\" } }", "{ header = { x = \"~a\" } }"] {
            read::<When>(only).unwrap().holds(&Request::new(&head, CLIENT, &OnceCell::new()));
        }
    }
}
