//! Rules, conditions and actions, judged by which target was reached and what it received.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use equipoise_tests::{Answer, Program, TestTarget, free_port, get, request};
use http_body_util::Full;
use hyper::{Request, Response};

use crate::text::{group, listener};

/// A target that answers with the head that it received, one field a line.
fn echo() -> TestTarget {
    let script = |request: &Request<Bytes>, _: &str| {
        let mut text = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        Response::new(Full::from(text))
    };
    TestTarget::scripted("echo", Arc::new(script))
}

fn ask(port: u16, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(port, "GET", path, headers, "").expect("an answer")
}

#[test]
fn every_condition_chooses_its_rule() {
    let (hit, miss, port) = (TestTarget::named("hit"), TestTarget::named("miss"), free_port());
    let conditions = [
        r#"host = "*.example.org""#,
        r#"path = ["/exact", "/wild/*", "~^/v[0-9]+/"]"#,
        r#"method = ["PUT", "DELETE"]"#,
        r#"header = { x-beta = "1" }"#,
        r#"query = { version = "2" }"#,
        r#"cookie = { tester = "*" }"#,
    ];
    let rules: String = conditions
        .iter()
        .enumerate()
        .map(|(n, when)| {
            format!("[[listener.web.rule]]\npriority = {n}\nwhen = {{ {when} }}\nthen = {{ forward = \"hit\" }}\n")
        })
        .collect();
    let _program = Program::start(&format!(
        "{}{rules}{}{}",
        listener(port, "miss"),
        group("hit", &[hit.port()]),
        group("miss", &[miss.port()])
    ));
    let body = |method: &str, path: &str, headers: &[(&str, &str)]| {
        request(port, method, path, headers, "").expect("an answer").body
    };
    for (method, path, headers, want) in [
        ("GET", "/", &[("host", "a.example.org:8080")][..], "hit"),
        ("GET", "/", &[("host", "A.Example.ORG")], "hit"),
        ("GET", "/", &[("host", "example.org")], "miss"),
        ("GET", "/exact", &[], "hit"),
        ("GET", "/exact/more", &[], "miss"),
        ("GET", "/wild/anything/below", &[], "hit"),
        ("GET", "/v12/x", &[], "hit"),
        ("GET", "/vx/", &[], "miss"),
        ("PUT", "/", &[], "hit"),
        ("POST", "/", &[], "miss"),
        ("GET", "/", &[("x-beta", "1")], "hit"),
        ("GET", "/", &[("x-beta", "2")], "miss"),
        ("GET", "/?a=b&version=2", &[], "hit"),
        ("GET", "/?version=20", &[], "miss"),
        ("GET", "/", &[("cookie", "a=b; tester=yes")], "hit"),
        ("GET", "/", &[("cookie", "attester=yes")], "miss"),
    ] {
        assert_eq!(body(method, path, headers), want, "{method} {path} {headers:?}");
    }
}

#[test]
fn a_source_condition_sees_the_connection_not_the_claim() {
    let (hit, miss, port) = (TestTarget::named("hit"), TestTarget::named("miss"), free_port());
    let rule =
        "[[listener.web.rule]]\npriority = 1\nwhen = { source = [\"10.0.0.0/8\"] }\nthen = { forward = \"hit\" }\n";
    let groups = group("hit", &[hit.port()]) + &group("miss", &[miss.port()]);
    let _strict = Program::start(&format!("{}{rule}{groups}", listener(port, "miss")));
    assert_eq!(ask(port, "/", &[("x-forwarded-for", "10.1.2.3")]).body, "miss");

    let port = free_port();
    let trusting = listener(port, "miss") + "trusted-proxies = [\"127.0.0.0/8\"]\n";
    let _trusting = Program::start(&format!("{trusting}{rule}{groups}"));
    assert_eq!(ask(port, "/", &[("x-forwarded-for", "10.1.2.3")]).body, "hit");
    assert_eq!(ask(port, "/", &[("x-forwarded-for", "10.1.2.3, 192.0.2.1")]).body, "miss", "the rightmost counts");
}

#[test]
fn weights_split_requests_and_a_cookie_makes_the_choice_stick() {
    let (stable, canary, port) = (TestTarget::named("stable"), TestTarget::named("canary"), free_port());
    let listener = format!(
        "[listener.web]\nbind = \"127.0.0.1:{port}\"\n[listener.web.default.forward]\n\
         groups = [{{ group = \"stable\", weight = 3 }}, {{ group = \"canary\", weight = 1 }}]\n\
         sticky = {{ cookie = \"eq\", ttl = \"1h\" }}\n"
    );
    let groups = group("stable", &[stable.port()]) + &group("canary", &[canary.port()]);
    let _program = Program::start(&(listener + &groups));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..400 {
        *seen.entry(ask(port, "/", &[]).body).or_default() += 1;
    }
    // 100 expected; six standard deviations either way.
    assert!((48..=152).contains(&seen["canary"]), "{seen:?}");

    let first = ask(port, "/", &[]);
    let cookie = first.header("set-cookie").expect("a new client gets the cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("Max-Age=3600"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    for _ in 0..20 {
        assert_eq!(ask(port, "/", &[("cookie", pair)]).body, first.body);
    }
    assert_eq!(ask(port, "/", &[("cookie", "eq=forged")]).status, 200, "an unknown value is a new client");
}

#[test]
fn redirects_and_fixed_answers_need_no_target() {
    let port = free_port();
    let _program = Program::start(&format!(
        "[listener.web]\nbind = \"127.0.0.1:{port}\"\ndefault = {{ respond = {{ status = 404, body = \"nothing here\" }} }}\n\
         [[listener.web.rule]]\npriority = 1\nwhen = {{ path = \"/old/*\" }}\n\
         then = {{ redirect = {{ to = \"https://{{host}}/new{{path_and_query}}\", status = 308 }} }}\n"
    ));
    let answer = ask(port, "/old/page?q=1", &[("host", "example.org")]);
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://example.org/new/old/page?q=1")));
    let answer = ask(port, "/else", &[]);
    assert_eq!((answer.status, answer.body.as_str()), (404, "nothing here"));
}

#[test]
fn rewrites_and_header_edits_reach_the_target_and_the_client() {
    let (target, port) = (echo(), free_port());
    let rule = "[[listener.web.rule]]\npriority = 1\nwhen = { path = \"/api/*\" }\n\
                [listener.web.rule.then]\nforward = \"echo\"\n\
                rewrite = { strip-prefix = \"/api\", host = \"inner.test\" }\n\
                request-headers = { set = { x-added = \"yes\" }, remove = [\"x-secret\"] }\n\
                response-headers = { set = { x-served-by = \"equipoise\" } }\n";
    let _program = Program::start(&format!("{}{rule}{}", listener(port, "echo"), group("echo", &[target.port()])));
    let answer = ask(port, "/api/todos?x=1", &[("x-secret", "token")]);
    assert!(answer.body.starts_with("GET /todos?x=1\n"), "{}", answer.body);
    assert!(answer.body.contains("host: inner.test\n") && answer.body.contains("x-added: yes\n"), "{}", answer.body);
    assert!(!answer.body.contains("x-secret"), "{}", answer.body);
    assert_eq!(answer.header("x-served-by"), Some("equipoise"));
}

#[test]
fn a_target_learns_who_asked_and_never_sees_hop_by_hop_fields() {
    let (target, port) = (echo(), free_port());
    let _program = Program::start(&(listener(port, "echo") + &group("echo", &[target.port()])));
    let sent = [
        ("x-forwarded-for", "6.6.6.6"),
        ("connection", "x-private"),
        ("x-private", "1"),
        ("te", "gzip"),
        ("proxy-connection", "keep-alive"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    let answer = ask(port, "/", &sent);
    assert!(answer.body.contains("x-forwarded-for: 127.0.0.1\n"), "{}", answer.body);
    assert!(answer.body.contains("x-forwarded-proto: http\n"), "{}", answer.body);
    assert!(answer.body.contains("x-request-id: "), "{}", answer.body);
    assert!(answer.body.contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"));
    assert!(answer.body.contains("via: 1.1 "), "{}", answer.body);
    for hidden in ["x-private", "te:", "proxy-connection", "6.6.6.6"] {
        assert!(!answer.body.contains(hidden), "{hidden} in {}", answer.body);
    }
}

#[test]
fn a_denied_address_gets_no_answer_and_an_allowed_one_does() {
    let (target, [denied, allowed]) = (TestTarget::named("a"), equipoise_tests::free_ports::<2>());
    let program = Program::start(&format!(
        "[listener.closed]\nbind = \"127.0.0.1:{denied}\"\ndeny = [\"127.0.0.0/8\"]\ndefault = {{ forward = \"g\" }}\n\
         [listener.open]\nbind = \"127.0.0.1:{allowed}\"\nallow = [\"127.0.0.1/32\"]\ndefault = {{ forward = \"g\" }}\n{}",
        group("g", &[target.port()])
    ));
    assert!(get(denied, "/").is_err());
    assert_eq!(get(allowed, "/").expect("an answer").body, "a");
    assert!(program.metrics().contains("denied"), "a refusal is counted");
}

#[test]
fn targets_listen_on_the_groups_port_unless_they_name_their_own() {
    let (one, two, port) = (TestTarget::named("one"), TestTarget::named("two"), free_port());
    let _program = Program::start(&format!(
        "{}[target-group.g]\nport = {}\ntargets = [\"127.0.0.1\", {{ address = \"127.0.0.1\", port = {} }}]\n",
        listener(port, "g"),
        one.port(),
        two.port()
    ));
    let bodies: Vec<_> = (0..4).map(|_| ask(port, "/", &[]).body).collect();
    assert!(bodies.contains(&"one".to_owned()) && bodies.contains(&"two".to_owned()), "{bodies:?}");
}
