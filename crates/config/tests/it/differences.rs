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

const SCALED: &str = r#"
[target-group.todo]
health-check = { http = {} }
[scaling-group.todo]
target-group = "todo"
max = 4
[scaling-group.todo.launch-template.process]
command = ["todo"]
environment = { LEVEL = "info", TOKEN = "secret" }
ports = "6500-6599"
[scaling-group.todo.policy.out.simple]
alarm = "high"
adjustment = "change-in-capacity"
by = 1
[alarm.high]
metric = "cpu-utilization"
scaling-group = "todo"
comparison = "greater-than"
threshold = 20
on-alarm = [{ webhook = "https://example.org/secret" }]
"#;

#[track_caller]
fn check_scaled(replacements: &[(&str, &str)], expected: &[&str]) {
    let mut after = SCALED.to_owned();
    for (old, new) in replacements {
        assert!(after.contains(old), "{old}");
        after = after.replacen(old, new, 1);
    }
    let changes: Vec<_> = diff(&accepted(SCALED), &accepted(&after)).iter().map(ToString::to_string).collect();
    assert_eq!(changes, expected);
    assert!(!changes.concat().contains("secret"), "{changes:?}");
}

#[test]
fn capacities_templates_and_thresholds_change_by_name() {
    check_scaled(
        &[("max = 4", "max = 6\nmin = 2"), ("[\"todo\"]", "[\"todo\", \"-v\"]"), ("threshold = 20", "threshold = 30")],
        &[
            "scaling group todo: launch-template.process.command changed from [\"todo\"] to [\"todo\", \"-v\"]",
            "scaling group todo: max changed from 4 to 6",
            "scaling group todo: min changed from 1 to 2",
            "alarm high: threshold changed from 20.0 to 30.0",
        ],
    );
    check_scaled(
        &[("[target-group.todo]", "[scaling]\nstate = \"none\"\nhistory = 50\n[target-group.todo]")],
        &["configuration: scaling.history changed from 1000 to 50", "configuration: scaling.state set to \"none\""],
    );
}

#[test]
fn policies_and_hooks_come_and_go_by_name() {
    check_scaled(
        &[("policy.out.simple]", "policy.more.simple]"), ("by = 1", "by = 2")],
        &["scaling group todo: policy more added", "scaling group todo: policy out removed"],
    );
    check_scaled(&[("by = 1", "by = 2")], &["scaling group todo: policy out: simple.by changed from 1 to 2"]);
    let hook =
        "[scaling-group.todo.hook.warm]\non = \"launching\"\nwebhook = \"https://example.org/secret\"\n[alarm.high]";
    check_scaled(&[("[alarm.high]", hook)], &["scaling group todo: hook warm added"]);
    let whole = "[scaling-group.more]\ntarget-group = \"todo\"\nmax = 1\n\
                 launch-template.process = { command = [\"x\"], ports = \"1000-1002\" }\n[alarm.high]";
    check_scaled(&[("[alarm.high]", whole)], &["scaling group more added"]);
}

#[test]
fn what_variables_and_webhooks_hold_is_not_told() {
    check_scaled(
        &[("TOKEN = \"secret\"", "TOKEN = \"other\"")],
        &["scaling group todo: launch-template.process.environment.TOKEN changed"],
    );
    check_scaled(
        &[("LEVEL = \"info\", TOKEN", "SECOND")],
        &[
            "scaling group todo: launch-template.process.environment.LEVEL \"…\" taken back",
            "scaling group todo: launch-template.process.environment.SECOND set to \"…\"",
            "scaling group todo: launch-template.process.environment.TOKEN \"…\" taken back",
        ],
    );
    check_scaled(&[("org/secret", "org/other")], &["alarm high: on-alarm changed"]);
    check_scaled(
        &[("webhook = \"https://example.org/secret\" }", "command = [\"/page\"] }")],
        &["alarm high: on-alarm changed from [{ webhook = \"…\" }] to [{ command = [\"/page\"] }]"],
    );
    let docker = "docker]\nimage = \"todo\"\nport = 80\nenvironment = { TOKEN = \"secret\" }\n";
    let process = "process]\ncommand = [\"todo\"]\nenvironment = { LEVEL = \"info\", TOKEN = \"secret\" }\nports = \"6500-6599\"\n";
    let after = accepted(&SCALED.replace(process, docker));
    let changes: Vec<_> = diff(&accepted(SCALED), &after).iter().map(ToString::to_string).collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(changes[0].contains("docker set to") && changes[0].contains("image = \"todo\""), "{changes:?}");
    assert!(!changes.concat().contains("secret"), "{changes:?}");
}
