//! What a reload says about itself.

use equipoise_config::diff;

use super::accepted;

const BEFORE: &str = r#"
[listener.web]
bind = "127.0.0.1:80"
default = { forward = "todo" }
[[listener.web.rule]]
priority = 9
when = { path = "/a" }
then = { forward = "todo" }
[target-group.todo]
targets = ["10.0.0.1:80", { address = "::1", port = 80, weight = 2 }]
[plugin.geo]
component = "/a.wasm"
world = "router"
config = { key = "secret" }
"#;

#[track_caller]
fn check(replacements: &[(&str, &str)], expected: &[&str]) {
    let mut after = BEFORE.to_owned();
    for (old, new) in replacements {
        assert!(after.contains(old), "{old}");
        after = after.replace(old, new);
    }
    let changes: Vec<_> = diff(&accepted(BEFORE), &accepted(&after)).iter().map(ToString::to_string).collect();
    assert_eq!(changes, expected);
}

#[test]
fn nothing_changed_is_no_change() {
    check(&[], &[]);
    check(&[("[target-group.todo]", "# a comment\n[target-group.todo]\nfail-open = true")], &[]);
}

#[test]
fn targets_are_told_apart_by_address() {
    check(
        &[("\"10.0.0.1:80\"", "\"10.0.0.2:80\"")],
        &["target group todo: target 10.0.0.1:80 removed", "target group todo: target 10.0.0.2:80 added"],
    );
    check(&[("weight = 2", "weight = 5")], &["target group todo: target [::1]:80: weight changed from 2 to 5"]);
}

#[test]
fn rules_are_told_apart_by_priority() {
    let rule = "[[listener.web.rule]]\npriority = 10\nthen = { forward = \"todo\" }\n[target-group.todo]";
    check(
        &[("[target-group.todo]", rule), ("path = \"/a\"", "path = \"/b\"")],
        &["listener web: rule 9: when.path changed from \"/a\" to \"/b\"", "listener web: rule 10 added"],
    );
}

#[test]
fn whole_things_come_and_go() {
    check(
        &[("[plugin.geo]", "[plugin.here]"), ("[listener.web]", "workers = 2\n[listener.web]")],
        &["configuration: workers set to 2", "plugin geo removed", "plugin here added"],
    );
}

#[test]
fn secrets_of_plugins_are_not_told() {
    check(&[("secret", "other")], &["plugin geo: config changed"]);
}
