use equipoise_target::{Endpoint, GroupName};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::router::{Decision, HeaderEdit, Verdict};
use crate::testing::{CLIENT, Listener, Routers, fields, head, listener, rules};

/// Which rule decides and where the request goes, in short.
fn outcome(rules: &RuleSet, request: &str) -> String {
    let mut head = head(request);
    let routed = rules.route(&mut head, CLIENT, 0);
    let place = match &routed.destination {
        Destination::Group(group) => group.to_string(),
        Destination::Target(group, address) => format!("{group} {address}"),
        Destination::Redirect { status, location } => format!("{} {}", status.as_u16(), location.to_str().unwrap()),
        Destination::Respond { status, body, .. } => format!("{} {}", status.as_u16(), String::from_utf8_lossy(body)),
        Destination::Refuse => "refused".to_owned(),
    };
    format!("{}: {place}", routed.rule)
}

#[track_caller]
fn check(rules: &RuleSet, request: &str, expected: &str) {
    assert_eq!(outcome(rules, request), expected, "{request}");
}

fn decide(verdict: Verdict) -> Routers {
    Routers::one("p", Decision { verdict, ..Decision::default() })
}

fn field(name: &'static str, value: &'static str) -> HeaderEdit {
    HeaderEdit::Set(HeaderName::from_static(name), HeaderValue::from_static(value))
}

#[test]
fn the_lowest_priority_that_applies_decides() {
    let rules = rules(
        r#"
        default = { respond = { status = 404, body = "nobody" } }
        rule = [
            { priority = 20, when = { path = "/a*" }, then = { forward = "late" } },
            { priority = 10, when = { path = "/ab*" }, then = { forward = "early" } },
            { priority = 30, when = { path = "/old" }, then = { redirect = { to = "/new" } } },
        ]"#,
        &Routers::default(),
    );
    check(&rules, "GET /ab", "10: early");
    check(&rules, "GET /a", "20: late");
    check(&rules, "GET /old", "30: 302 /new");
    check(&rules, "GET /", "default: 404 nobody");
}

#[test]
fn rules_without_an_end_change_what_the_following_see() {
    let rules = rules(
        r#"
        default = { forward = "default" }
        [[rule]]
        priority = 1
        when = { host = "old.example" }
        then = { rewrite = { host = "new.example", strip-prefix = "/old" }, request-headers = { set = { x-moved = "1" } } }
        [[rule]]
        priority = 2
        when = { host = "old.example" }
        then = { forward = "wrong" }
        [[rule]]
        priority = 3
        when = { host = "new.example", path = "/x", header = { x-moved = "1" } }
        then = { forward = "right" }
        "#,
        &Routers::default(),
    );
    check(&rules, "GET /old/x\nhost: old.example", "3: right");
    check(&rules, "GET /x\nhost: new.example", "default: default");
}

#[test]
fn a_routers_verdict_wins_over_the_rules_own_end() {
    let text = r#"
        default = { forward = "default" }
        rule = [{ priority = 1, then = { plugin = "p", forward = "own" } }]"#;
    let group = GroupName::new("chosen").unwrap();
    let address = Endpoint::from(([127, 0, 0, 1], 80));
    check(&rules(text, &decide(Verdict::Continue)), "GET /", "1: own");
    check(&rules(text, &decide(Verdict::Forward(group.clone()))), "GET /", "1: chosen");
    check(&rules(text, &decide(Verdict::ForwardTo(group, address))), "GET /", "1: chosen 127.0.0.1:80");
    check(&rules(text, &decide(Verdict::Refuse)), "GET /", "1: refused");
}

#[test]
fn a_router_that_continues_in_a_rule_without_end_leaves_the_request_to_the_next() {
    let text = r#"
        default = { forward = "default", plugin = "p" }
        rule = [{ priority = 1, then = { plugin = "p" } }, { priority = 2, when = { header = { x-seen = "1" } }, then = { forward = "next" } }]"#;
    let decision = Decision { request_edits: vec![field("x-seen", "1")], ..Decision::default() };
    check(&rules(text, &Routers::one("p", decision)), "GET /", "2: next");
    check(&rules(text, &decide(Verdict::Continue)), "GET /", "default: default");
}

#[test]
fn a_rules_own_edits_come_after_its_routers() {
    let text = r#"
        default = { forward = "a", plugin = "p", rewrite = { add-prefix = "/own" }, request-headers = { set = { x-by = "rule" } }, response-headers = { set = { x-by = "rule" } } }"#;
    let edits = vec![field("x-by", "router"), field("x-router", "1")];
    let decision = Decision {
        request_edits: edits.clone(),
        response_edits: edits,
        rewrite_path: Some("/router".parse().unwrap()),
        ..Decision::default()
    };
    let rules = rules(text, &Routers::one("p", decision));
    let mut head = head("GET /");
    let routed = rules.route(&mut head, CLIENT, 0);
    assert_eq!(routed.response_edits.iter().count(), 3);
    let mut response = HeaderMap::new();
    routed.response_edits.apply(&mut response);
    assert_eq!(
        (&response["x-by"], &response["x-router"]),
        (&HeaderValue::from_static("rule"), &HeaderValue::from_static("1"))
    );
    assert_eq!(head.uri.path(), "/own/router");
    assert_eq!(fields(&head), "x-by: rule\nx-router: 1");
}

#[test]
fn response_edits_of_all_rules_on_the_way_are_kept_in_order() {
    let rules = rules(
        r#"
        default = { respond = {}, response-headers = { add = { x = "3" } } }
        rule = [
            { priority = 1, then = { response-headers = { add = { x = "1" } } } },
            { priority = 2, then = { response-headers = { add = { x = "2" } } } },
        ]"#,
        &Routers::default(),
    );
    let mut head = head("GET /");
    let routed = rules.route(&mut head, CLIENT, 0);
    let mut response = HeaderMap::new();
    routed.response_edits.apply(&mut response);
    assert_eq!(response.get_all("x").iter().collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(!routed.response_edits.is_empty());
}

#[test]
fn what_a_router_may_not_have_is_counted_over_the_whole_way() {
    let text = r#"
        default = { forward = "a", plugin = "p" }
        rule = [{ priority = 1, then = { plugin = "p" } }]"#;
    let decision = Decision { request_edits: vec![field("content-length", "1")], ..Decision::default() };
    let rules = rules(text, &Routers::one("p", decision));
    assert_eq!(rules.route(&mut head("GET /"), CLIENT, 0).refused_edits, 2);
}

#[test]
fn a_redirect_sees_the_rewritten_request() {
    let text = r#"default = { rewrite = { strip-prefix = "/old", host = "new.example" }, redirect = { to = "https://{host}{path_and_query}", status = 308 } }"#;
    let rules = rules(text, &Routers::default());
    check(&rules, "GET /old/x?y\nhost: old.example", "default: 308 https://new.example/x?y");
}

#[test]
fn requests_that_cannot_follow_an_action_are_answered_with_the_reason() {
    let redirect = rules(r#"default = { redirect = { to = "https://{host}/" } }"#, &Routers::default());
    check(&redirect, "GET /\nhost: a b", "default: 400 ");
    let rewrite = rules(r#"default = { forward = "a", rewrite = { add-prefix = "/x" } }"#, &Routers::default());
    check(&rewrite, &format!("GET /{}", "x".repeat(9_000)), "default: 414 ");
}

#[test]
fn the_cookie_of_a_sticky_rule_is_handed_on() {
    let rules = rules(
        r#"default = { forward = { groups = [{ group = "a" }], sticky = { cookie = "c" } } }"#,
        &Routers::default(),
    );
    let mut first = head("GET /");
    let cookie = rules.route(&mut first, CLIENT, 0).set_cookie.unwrap();
    let value = cookie.to_str().unwrap().split(';').next().unwrap();
    let mut second = head(&format!("GET /\ncookie: {value}"));
    assert_eq!(rules.route(&mut second, CLIENT, 0).set_cookie, None);
}

#[test]
fn rules_that_cannot_be_put_together_say_why() {
    #[track_caller]
    fn check(text: &str, message: &str) {
        let Listener { default, rule } = listener(text);
        assert_eq!(RuleSet::build(&rule, &default, &Routers::default()).unwrap_err().to_string(), message);
    }
    check("default = {}", "the default action has no end: it needs one of `forward`, `redirect` and `respond`");
    check(r#"default = { respond = {}, plugin = "p" }"#, "rule default asks for the router `p`, which does not exist");
    check(
        r#"
        default = { respond = {} }
        rule = [{ priority = 7, then = { plugin = "q" } }]"#,
        "rule 7 asks for the router `q`, which does not exist",
    );
    check(
        r#"
        default = { respond = {} }
        rule = [{ priority = 7, then = {} }, { priority = 7, then = {} }]"#,
        "two rules have priority 7",
    );
}

#[test]
fn a_thousand_rules_are_tried_in_order() {
    let rule = |number: u32| {
        format!(
            "[[rule]]\npriority = {number}\nwhen = {{ path = \"/{number}/*\" }}\nthen = {{ forward = \"g{number}\" }}\n"
        )
    };
    let text: String = (0..1_000).rev().map(rule).collect();
    let rules = rules(&format!("default = {{ respond = {{}} }}\n{text}"), &Routers::default());
    check(&rules, "GET /0/x", "0: g0");
    check(&rules, "GET /999/x", "999: g999");
    check(&rules, "GET /1000/x", "default: 200 ");
}

proptest! {
    #[test]
    fn the_same_request_and_number_give_the_same_answer(target in "/[!-~]{0,30}", random in any::<u64>()) {
        let rules = rules(
            r#"
            default = { forward = [{ group = "a" }, { group = "b", weight = 3 }] }
            rule = [
                { priority = 1, when = { path = "~[0-9]" }, then = { redirect = { to = "{path_and_query}" } } },
                { priority = 2, when = { query = { a = "*" } }, then = { rewrite = { add-prefix = "/q" } } },
            ]"#,
            &Routers::default(),
        );
        let mut one = head("GET /");
        if let Ok(uri) = target.parse() {
            one.uri = uri;
        }
        let mut other = one.clone();
        let first = rules.route(&mut one, CLIENT, random).destination;
        prop_assert_eq!(first, rules.route(&mut other, CLIENT, random).destination);
        prop_assert_eq!(one.uri, other.uri);
    }
}
