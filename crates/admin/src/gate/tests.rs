use http::HeaderValue;

use super::*;

fn gate(bind: &str, token: Option<&str>) -> Gate {
    Gate { bind: bind.parse().unwrap(), hosts: vec!["admin.example".to_owned()], token: token.map(str::to_owned) }
}

#[track_caller]
fn check(gate: &Gate, fields: &[(&'static str, &'static str)], path: &str, want: u16) {
    let mut headers = HeaderMap::new();
    for &(name, value) in fields {
        headers.append(name, HeaderValue::from_static(value));
    }
    let got = gate.check(&headers, path).map_or_else(|problem| problem.status, |()| 200);
    assert_eq!(got, want, "{fields:?}");
}

#[test]
fn only_addresses_of_this_machine_and_listed_names_are_hosts() {
    let gate = gate("10.0.0.1", None);
    for host in ["127.0.0.1:9900", "localhost:9900", "LOCALHOST", "[::1]:9900", "10.0.0.1:1", "admin.example"] {
        check(&gate, &[("host", host)], "/", 200);
    }
    for host in ["evil.example:9900", "10.0.0.2", "localhost.evil.example", "127.0.0.1.evil.example"] {
        check(&gate, &[("host", host)], "/", 421);
    }
}

#[test]
fn bound_to_every_address_any_address_is_a_host_but_no_name() {
    check(&gate("0.0.0.0", None), &[("host", "192.0.2.7:9900")], "/", 200);
    check(&gate("::", None), &[("host", "rebound.example:9900")], "/", 421);
}

#[test]
fn a_missing_double_or_malformed_host_is_a_bad_request() {
    let gate = gate("127.0.0.1", None);
    check(&gate, &[], "/", 400);
    check(&gate, &[("host", "localhost"), ("host", "localhost")], "/", 400);
    check(&gate, &[("host", "local host")], "/", 400);
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let gate = gate("127.0.0.1", None);
    let host = ("host", "127.0.0.1:9900");
    check(&gate, &[host, ("origin", "http://127.0.0.1:9900")], "/", 200);
    check(&gate, &[host, ("origin", "http://127.0.0.1:8080")], "/", 403);
    check(&gate, &[host, ("origin", "https://evil.example")], "/", 403);
    check(&gate, &[host, ("origin", "null")], "/", 403);
    check(&gate, &[host, ("sec-fetch-site", "cross-site")], "/", 403);
    check(&gate, &[host, ("sec-fetch-site", "none")], "/", 200);
}

#[test]
fn the_token_guards_everything_but_the_three_health_routes() {
    let gate = gate("127.0.0.1", Some("s3cret"));
    let host = ("host", "localhost");
    check(&gate, &[host], "/v1/status", 401);
    check(&gate, &[host, ("authorization", "Bearer wrong!")], "/metrics", 401);
    check(&gate, &[host, ("authorization", "Basic s3cret")], "/metrics", 401);
    check(&gate, &[host, ("authorization", "bearer s3cret")], "/metrics", 200);
    check(&gate, &[host, ("authorization", "Bearer s3cretlonger")], "/metrics", 401);
    check(&gate, &[host], "/readyz", 200);
}

#[test]
fn a_monitor_without_a_host_learns_only_whether_all_is_well() {
    let gate = gate("127.0.0.1", None);
    check(&gate, &[], "/readyz", 200);
    check(&gate, &[], "/metrics", 400);
    check(&gate, &[("origin", "https://evil.example")], "/readyz", 400);
    check(&gate, &[("host", "evil.example")], "/readyz", 421);
}
