//! The user's reference names every key there is, and no range or default is left to guess.

use std::collections::BTreeSet;

use serde_json::Value;

const REFERENCE: &str = include_str!("../../../../docs/configuration.md");

/// Every key of every table of the schema.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                found.extend(properties.keys().cloned());
            }
            object.values().for_each(|inner| keys(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| keys(inner, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_in_the_reference() {
    let schema: Value = serde_json::from_str(&equipoise_config::schema()).unwrap();
    let mut found = BTreeSet::new();
    keys(&schema, &mut found);
    let named = |key: &str| {
        let around = |before: &str, after: &str| REFERENCE.contains(&format!("{before}{key}{after}"));
        around("`", "`")
            || around("[", "]")
            || around("[", ".NAME")
            || around("[[listener.NAME.", "]]")
            || around("{ ", " = ")
    };
    let missing: Vec<_> = found.iter().filter(|key| !named(key)).collect();
    assert!(missing.is_empty(), "not in docs/configuration.md: {missing:?}");
    assert!(found.len() > 100, "{}", found.len());
}

#[test]
fn what_the_reference_shows_is_accepted() {
    let mut shown = 0;
    for block in REFERENCE.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        if text.starts_with("[listener.web]") {
            super::accepted(text);
            shown += 1;
        }
    }
    assert_eq!(shown, 1);
}

/// Defaults that the reference claims, as a document that must change nothing.
#[test]
fn the_defaults_of_the_reference_are_the_defaults() {
    let bare = "[listener.a]\nbind = \"127.0.0.1:0\"\ndefault = { forward = \"g\" }\n[target-group.g]\ntargets = [\"10.0.0.1:80\"]\n\
                [plugin.p]\ncomponent = \"/p\"\nworld = \"router\"\n[plugin.h]\ncomponent = \"/h\"\nworld = \"health-check\"\n";
    let full = r#"
        drain-timeout = "30s"
        admin = { bind = "127.0.0.1:9900" }
        access-log = { format = "off", path = "-" }
        [listener.a]
        bind = "127.0.0.1:0"
        protocol = "http"
        keep-request-id = false
        timeouts = { handshake = "10s", head = "10s", keep-alive = "75s", idle = "60s" }
        limits = { connections = 10000, fields = 100, head-size = "64KiB", uri-size = "8KiB", underscores = false }
        default = { forward = [{ group = "g", weight = 1 }] }
        [target-group.g]
        protocol = "http"
        targets = [{ address = "10.0.0.1", port = 80, weight = 1, priority = 0 }]
        deregistration-delay = "30s"
        fail-open = true
        slow-start = "0s"
        balance = { round-robin = {} }
        guard = { enabled = true, failing-share = 50, success-share = 90, min-requests = 5 }
        timeouts = { connect = "5s", first-byte = "60s", idle = "60s" }
        retry = { attempts = 2, on = ["connect-failure", "reset"], non-idempotent = false, backoff = "25ms", max-backoff = "250ms", budget-percent = 20, budget-minimum = 10, statuses = [] }
        limits = { }
        pool = { idle-timeout = "4s", max-idle = 256 }
        [plugin.p]
        component = "/p"
        world = "router"
        limits = { time = "10ms", memory = "16MiB" }
        fallback = "continue"
        grants = []
        [plugin.h]
        component = "/h"
        world = "health-check"
        limits = { time = "5s", memory = "16MiB" }
    "#;
    let (bare, full) = (super::accepted(bare), super::accepted(full));
    assert_eq!(equipoise_config::diff(&bare, &full), []);
    assert_eq!(bare, full);
}
