//! What is refused in an action, and that whatever is taken is written as it was read.

use super::*;
use crate::Destination;
use crate::testing::{read, refusal};

#[track_caller]
fn check(action: &str, message: &str, at: &str) {
    assert_eq!(refusal::<Action>(action), (message.to_owned(), at.to_owned()));
}

#[test]
fn a_request_ends_in_one_way() {
    let two = r#"{ forward = "a", respond = {} }"#;
    check(two, "`forward` and `respond` exclude each other: a request ends in one way", two);
    let two = r#"{ redirect = { to = "/" }, respond = {} }"#;
    check(two, "`redirect` and `respond` exclude each other: a request ends in one way", two);
    let two = r#"{ redirect = { to = "/" }, forward = "a" }"#;
    check(two, "`forward` and `redirect` exclude each other: a request ends in one way", two);
}

#[test]
fn unknown_keys_are_named_with_what_could_be_meant() {
    check(
        r#"{ forwards = "a" }"#,
        "unknown field `forwards`, expected one of `forward`, `redirect`, `respond`, `plugin`, `rewrite`, `request-headers`, `response-headers`",
        "forwards",
    );
    check(r#"{ redirect = { to = "/", code = 301 } }"#, "unknown field `code`, expected `to` or `status`", "code");
    check(
        r#"{ respond = { text = "" } }"#,
        "unknown field `text`, expected one of `status`, `body`, `content-type`",
        "text",
    );
    check(
        r#"{ rewrite = { prefix = "/" } }"#,
        "unknown field `prefix`, expected one of `path`, `strip-prefix`, `replace`, `add-prefix`, `host`",
        "prefix",
    );
    check(
        r#"{ request-headers = { append = {} } }"#,
        "unknown field `append`, expected one of `set`, `add`, `remove`",
        "append",
    );
}

#[test]
fn groups_that_cannot_be_forwarded_to_are_pointed_at() {
    check(r#"{ forward = [] }"#, "`forward` names no target group", "[]");
    let all_zero = r#"[{ group = "a", weight = 0 }]"#;
    check(
        &format!("{{ forward = {all_zero} }}"),
        "every target group has weight 0: one at least has to take the requests",
        all_zero,
    );
    let twice = r#"[{ group = "a" }, { group = "a" }]"#;
    check(&format!("{{ forward = {twice} }}"), "the target group `a` is named twice: add its weights up", twice);
    check(
        r#"{ forward = ["a", "b"] }"#,
        "invalid type: string \"a\", expected a table such as { group = \"todo\", weight = 9 }",
        r#""a""#,
    );
    check(
        r#"{ forward = "a b" }"#,
        "`a b` is not a name: use 1 to 63 letters, digits, `-`, `_` or `.`, starting with a letter or digit",
        r#""a b""#,
    );
    check(
        r#"{ forward = 1 }"#,
        "invalid type: integer `1`, expected a target group, a list of { group, weight }, or { groups, sticky }",
        "1",
    );
    check(r#"{ forward = [{ group = "a", weight = -1 }] }"#, "invalid value: integer `-1`, expected u32", "-1");
    check(
        r#"{ forward = { groups = [{ group = "a" }], stick = 1 } }"#,
        "unknown field `stick`, expected `groups` or `sticky`",
        "stick",
    );
}

#[test]
fn cookies_that_browsers_would_drop_are_refused() {
    let check = |sticky: &str, message: &str, at: &str| {
        check(&format!(r#"{{ forward = {{ groups = [{{ group = "a" }}], sticky = {sticky} }} }}"#), message, at);
    };
    let host = r#"{ cookie = "__host-x" }"#;
    check(
        host,
        "browsers refuse the cookie `__host-x` over plain HTTP: choose a name without `__Host-` and `__Secure-`",
        host,
    );
    let short = r#"{ cookie = "x", ttl = "500ms" }"#;
    check(short, "`ttl` has to be one second or more", short);
    check(
        r#"{ cookie = "x; Domain=y" }"#,
        "`x; Domain=y` is not the name of a cookie: use letters, digits, `-` and `_`",
        r#""x; Domain=y""#,
    );
}

#[test]
fn answers_that_cannot_be_given_are_refused() {
    for status in [0, 100, 101, 199, 600, 999, 65_535] {
        let respond = format!("{{ status = {status} }}");
        let message = format!("{status} does not end a request: use a status from 200 to 599");
        check(&format!("{{ respond = {respond} }}"), &message, &respond);
    }
    let forbidden = r#"{ status = 204, body = "x" }"#;
    check(&format!("{{ respond = {forbidden} }}"), "an answer with status 204 has no body", forbidden);
    let long = format!(r#"{{ body = "{}" }}"#, "x".repeat(65_537));
    check(&format!("{{ respond = {long} }}"), "the body has 65537 bytes; at most 65536 are taken", &long);
    check(
        r#"{ respond = { content-type = "a\nb: c" } }"#,
        r#""a\nb: c" cannot be the value of a header field: use ASCII characters without line breaks"#,
        r#""a\nb: c""#,
    );
    for status in [200, 300, 304, 400] {
        let redirect = format!(r#"{{ to = "/", status = {status} }}"#);
        let message = format!("{status} is not the status of a redirect: use 301, 302, 303, 307 or 308");
        check(&format!("{{ redirect = {redirect} }}"), &message, &redirect);
    }
}

#[test]
fn actions_are_written_as_they_were_read() {
    for text in [
        r#"{ forward = "todo" }"#,
        r#"{ forward = [{ group = "a", weight = 2 }, { group = "b", weight = 0 }] }"#,
        r#"{ forward = { groups = [{ group = "a", weight = 1 }], sticky = { cookie = "c", ttl = "1h" } } }"#,
        r#"{ redirect = { to = "https://{host}/", status = 308 } }"#,
        r#"{ respond = { status = 503, body = "x", content-type = "text/plain; charset=utf-8" } }"#,
        r#"{ plugin = "p", rewrite = { path = "/x", host = "h:1", replace = { pattern = "a", with = "b" } } }"#,
        r#"{ request-headers = { set = { x = "1" }, add = { y = ["1", "2"] }, remove = ["z"] } }"#,
        r#"{ response-headers = { set = { x = "1" } } }"#,
    ] {
        let action: Action = read(text).unwrap();
        let written = toml::Value::try_from(&action).unwrap();
        assert_eq!(written, read::<toml::Value>(text).unwrap());
        assert_eq!(written.try_into::<Action>().unwrap(), action);
    }
}

#[test]
fn an_action_names_its_groups_and_plugins() {
    let action: Action = read(r#"{ forward = [{ group = "a" }, { group = "b", weight = 0 }], plugin = "p" }"#).unwrap();
    assert_eq!(action.groups().map(GroupName::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(action.plugins().map(PluginName::as_str).collect::<Vec<_>>(), ["p"]);
    assert_eq!(Action::default().groups().count() + Action::default().plugins().count(), 0);
}

#[test]
fn an_answer_without_body_has_no_content_type() {
    for (respond, fields) in [("{ status = 204 }", 0), (r#"{ body = "x" }"#, 1)] {
        let respond: Respond = read(respond).unwrap();
        let Destination::Respond { headers, .. } = respond.answer() else { panic!() };
        assert_eq!(headers.len(), fields);
    }
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_knows_every_key_of_a_rule() {
    let schema = serde_json::to_string(&schemars::schema_for!(crate::Rule)).unwrap();
    for key in [
        "priority",
        "when",
        "then",
        "cookie",
        "forward",
        "sticky",
        "ttl",
        "to",
        "content-type",
        "strip-prefix",
        "response-headers",
        "plugin",
    ] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
}
