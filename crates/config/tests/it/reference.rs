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
                [plugin.p]\ncomponent = \"/p\"\nworld = \"router\"\n[plugin.h]\ncomponent = \"/h\"\nworld = \"health-check\"\n\
                [scaling-group.s]\ntarget-group = \"g\"\nmax = 4\n\
                launch-template.process = { command = [\"/s\"], ports = \"6500-6599\", folder = \"/\" }\n\
                policy.t.target-tracking = { metric = \"latency\", target = 5 }\n\
                policy.p.predictive = { metric = \"request-count\", target = 5 }\n\
                policy.c.scheduled = { cron = \"0 8 * * *\", desired = 2 }\n\
                policy.s.simple = { alarm = \"x\", adjustment = \"change-in-capacity\", by = 1 }\n\
                hook.h = { on = \"launching\", command = [\"/h\"] }\nwarm-pool = { size = 1 }\nscrape = { metrics = [\"m\"] }\n\
                [scaling-group.d]\ntarget-group = \"g\"\nmax = 1\nlaunch-template.docker = { image = \"i\", port = 80 }\n\
                [scaling-group.e]\ntarget-group = \"g\"\nmax = 1\n\
                launch-template.command = { launch = [\"/l\"], list = [\"/l\"], describe = [\"/l\"], stop = [\"/l\"] }\n\
                [alarm.x]\nmetric = \"latency\"\nscaling-group = \"s\"\ncomparison = \"less-than\"\nthreshold = 1\n";
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
        [scaling]
        history = 1000
        [scaling-group.s]
        target-group = "g"
        min = 1
        max = 4
        health = "target-group"
        termination = "oldest-template"
        protect-from-scale-in = false
        default-cooldown = "300s"
        warm-up = "0s"
        suspend = []
        keep-at-exit = false
        refresh = { min-healthy = 100, checkpoints = [], checkpoint-wait = "10min", max-failures = 2, roll-back = true }
        warm-pool = { size = 1, reuse = false }
        scrape = { path = "/metrics", metrics = ["m"], interval = "10s" }
        hook.h = { on = "launching", command = ["/h"], timeout = "60s", abandon = false }
        policy.s.simple = { alarm = "x", adjustment = "change-in-capacity", by = 1, at-least = 0 }
        policy.c.scheduled = { cron = "0 8 * * *", time-zone = "UTC", desired = 2 }
        [scaling-group.s.policy.t.target-tracking]
        metric = "latency"
        target = 5
        statistic = "average"
        period = "60s"
        out-periods = 3
        in-periods = 15
        scale-in = true
        out-cooldown = "0s"
        in-cooldown = "0s"
        [scaling-group.s.policy.p.predictive]
        metric = "request-count"
        target = 5
        season = "1day"
        quantile = 90
        forecast-only = false
        [scaling-group.s.launch-template.process]
        command = ["/s"]
        environment = {}
        environment-files = {}
        folder = "/"
        ports = "6500-6599"
        address = "127.0.0.1"
        limits = {}
        grace = "60s"
        stop-signal = "TERM"
        stop-timeout = "30s"
        log-lines = 100
        [scaling-group.d]
        target-group = "g"
        max = 1
        launch-template.docker = { image = "i", port = 80, socket = "/var/run/docker.sock", command = [], labels = {}, limits = {}, grace = "60s", stop-timeout = "30s" }
        [scaling-group.e]
        target-group = "g"
        max = 1
        [scaling-group.e.launch-template.command]
        launch = ["/l"]
        list = ["/l"]
        describe = ["/l"]
        stop = ["/l"]
        environment = {}
        timeout = "60s"
        grace = "60s"
        interval = "10s"
        [alarm.x]
        metric = "latency"
        scaling-group = "s"
        statistic = "average"
        period = "60s"
        evaluation-periods = 1
        comparison = "less-than"
        threshold = 1
        missing-data = "missing"
        on-alarm = []
        on-ok = []
        on-insufficient-data = []
    "#;
    let (bare, full) = (super::accepted(bare), super::accepted(full));
    assert_eq!(equipoise_config::diff(&bare, &full), []);
    assert_eq!(bare, full);
}
