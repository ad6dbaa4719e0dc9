//! What users write, and what they are told when it is wrong.

use std::time::Duration;

use super::*;
use crate::{Effect, EffectKind, Initial, Layer};

#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Group {
    health_check: HealthChecks,
}

fn parse(text: &str) -> Result<Vec<HealthCheck>, toml::de::Error> {
    toml::from_str::<Group>(text).map(|group| group.health_check.0)
}

fn one(text: &str) -> HealthCheck {
    toml::from_str(text).unwrap()
}

/// Refused at the first byte of `at`, with a message that contains `message`.
#[track_caller]
fn refused(text: &str, at: &str, message: &str) {
    let error = parse(text).unwrap_err();
    let span = error.span().expect("an error has a place");
    assert_eq!(&text[span.clone()], at, "{error}");
    assert!(error.message().contains(message), "`{}` does not say `{message}`", error.message());
}

#[test]
fn a_full_http_check_is_read_as_written() {
    let checks = parse(
        r#"
        [health-check.http]
        path = "/api/v1/health"
        host = "todo.example.org"
        method = "POST"
        expected-status = [200, "300-399", 404]
        body-contains = "ok"
        json-field = { pointer = "/status", equals = "ok" }
        interval = "20s"
        jitter = "500ms"
        timeout = "1s 500ms"
        healthy-threshold = 3
        unhealthy-threshold = 4
        initial = "unhealthy"
        port = 9000
        layer = "dependency"
        effect = "degrade"
        degrade-to = 30
        "#,
    )
    .unwrap();
    let [check @ HealthCheck::Http(http)] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!((http.path.as_str(), http.method.as_str()), ("/api/v1/health", "POST"));
    assert_eq!(http.host.as_ref().map(http::uri::Authority::as_str), Some("todo.example.org"));
    assert_eq!(http.expected_status.to_string(), "200,300-399,404");
    let terms = check.terms();
    assert_eq!((terms.interval, terms.jitter), (Duration::from_secs(20), Duration::from_millis(500)));
    assert_eq!((terms.timeout, terms.initial), (Duration::from_millis(1500), Initial::Unhealthy));
    assert_eq!((terms.thresholds.healthy.get(), terms.thresholds.unhealthy.get()), (3, 4));
    assert_eq!((terms.port.map(u16::from), terms.layer), (Some(9000), Layer::Dependency));
    assert_eq!(terms.effect, Effect::Degrade { to: 30.try_into().unwrap() });
    assert!(check.problems().is_empty());
}

#[test]
fn defaults_are_those_of_the_documentation() {
    for (text, layer) in [("tcp = {}", Layer::Liveness), ("http = {}", Layer::Local)] {
        let check = one(text);
        let terms = check.terms();
        assert_eq!((terms.interval, terms.timeout), (Duration::from_secs(10), Duration::from_secs(5)));
        assert_eq!((terms.jitter, terms.port), (Duration::from_secs(1), None));
        assert_eq!((terms.thresholds.healthy.get(), terms.thresholds.unhealthy.get()), (2, 2));
        assert_eq!((terms.initial, terms.layer, terms.effect), (Initial::Healthy, layer, Effect::Eject));
        assert!(check.problems().is_empty());
    }
    assert_eq!(one("http = {}"), HealthCheck::Http(Box::default()));
    assert_eq!(one("tcp = {}"), HealthCheck::Tcp(crate::TcpCheck::default()));
    assert_eq!(one("plugin = { name = \"x\" }").plugin().unwrap().as_str(), "x");
    assert_eq!(one("http = { layer = \"dependency\" }").terms().effect, Effect::Alarm);
    let degrade = one("tcp = { effect = \"degrade\" }").terms().effect;
    assert_eq!(degrade, Effect::Degrade { to: 10.try_into().unwrap() });
}

#[test]
fn labels_tell_checks_apart() {
    let labels =
        ["tcp = {}", "http = { path = \"/live\" }", "plugin = { name = \"deep\" }"].map(|text| one(text).label());
    assert_eq!(labels, ["tcp", "http /live", "plugin deep"]);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let http = |line: &str| format!("[health-check.http]\n{line}\n");
    refused(&http("path = \"api\""), "\"api\"", "`api`");
    refused(&http("path = \"/a#b\""), "\"/a#b\"", "`/a#b` would be read as `/a`");
    refused(&http("path = \"/a b\""), "\"/a b\"", "invalid uri");
    refused(&http("method = \"GET IT\""), "\"GET IT\"", "invalid HTTP method");
    refused(&http("host = \"a b\""), "\"a b\"", "`a b`");
    refused(&http("expected-status = \"2xx\""), "\"2xx\"", "`2xx` names no status codes");
    refused(&http("expected-status = [200, 99]"), "99", "`99` names no status codes");
    refused(&http("expected-status = []"), "[]", "expected a status code");
    refused(&http("json-field = { pointer = \"status\", equals = 1 }"), "\"status\"", "write `/status`");
    refused(&http("json-field = { pointer = \"/status\", equals = 1.5 }"), "1.5", "a whole number");
    refused(&http("interval = \"10 apples\""), "\"10 apples\"", "apples");
    refused(&http("healthy-threshold = 0"), "0", "nonzero");
    refused(&http("degrade-to = 101"), "101", "use 1 to 100 percent");
    refused(&http("effect = \"kill\""), "\"kill\"", "`eject`, `degrade`, `alarm`");
    refused(&http("tiemout = \"1s\""), "tiemout", "unknown field `tiemout`");
    refused("[health-check.htp]\n", "htp", "unknown variant `htp`, expected one of `tcp`, `http`, `grpc`, `plugin`");
    refused("health-check = {}", "{}", "a table of health checks");
    refused("health-check = \"http\"", "\"http\"", "a table of health checks");
}

#[test]
fn settings_that_fit_together_badly_are_problems() {
    let fields = |text| one(text).problems().iter().map(|problem| problem.field).collect::<Vec<_>>();
    assert_eq!(fields("tcp = { interval = \"5s\" }"), ["timeout"], "equal is too long");
    assert_eq!(fields("tcp = { interval = \"5s\", timeout = \"4s\" }"), [""; 0]);
    assert_eq!(fields("tcp = { timeout = \"0s\" }"), ["timeout"]);
    assert_eq!(fields("tcp = { interval = \"1ms\", timeout = \"2ms\" }"), ["interval", "timeout"]);
    assert_eq!(fields("tcp = { interval = \"2days\" }"), ["interval"]);
    assert_eq!(fields("tcp = { jitter = \"11s\" }"), ["jitter"]);
    assert_eq!(fields("tcp = { degrade-to = 5 }"), ["degrade-to"]);
    assert_eq!(fields("tcp = { layer = \"dependency\", effect = \"degrade\", degrade-to = 5 }"), [""; 0]);
    assert_eq!(fields("http = { method = \"HEAD\", body-contains = \"ok\" }"), ["body-contains"]);
    assert_eq!(fields("http = { method = \"CONNECT\" }"), ["method"]);
}

#[test]
fn terms_that_were_built_out_of_range_are_brought_into_it() {
    let check = |interval| {
        HealthCheck::Tcp(crate::TcpCheck {
            interval,
            timeout: Duration::MAX,
            jitter: Some(Duration::MAX),
            effect: Some(EffectKind::Degrade),
            ..Default::default()
        })
    };
    let short = check(Duration::ZERO).terms();
    assert_eq!((short.interval, short.jitter), (Duration::from_millis(10), Duration::from_millis(10)));
    let long = check(Duration::MAX).terms();
    assert_eq!(long.interval, Duration::from_secs(24 * 60 * 60));
    assert_eq!(long.timeout, long.interval);
}

#[test]
fn a_group_that_only_looks_at_ports_is_noticed() {
    let only_ports = |text| HealthChecks(parse(text).unwrap()).see_only_a_port();
    assert!(only_ports("[health-check.tcp]"));
    assert!(only_ports("[[health-check]]\ntcp = {}\n[[health-check]]\ntcp = { port = 9000 }"));
    assert!(!only_ports("[health-check.tcp]\n[health-check.http]"));
    assert!(!HealthChecks::default().see_only_a_port(), "no check at all is something else");
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    for text in [
        "[health-check.tcp]",
        "[health-check.http]\nexpected-status = 204\nhost = \"a\"\n[health-check.plugin]\nname = \"x\"\njitter = \"2s\"",
        "[[health-check]]\nhttp = { path = \"/a\" }\n[[health-check]]\nhttp = { json-field = { pointer = \"\", equals = true } }",
        "health-check = []",
    ] {
        let group: Group = toml::from_str(text).unwrap();
        let printed = toml::to_string(&group).unwrap();
        assert_eq!(toml::from_str::<Group>(&printed).unwrap(), group, "{printed}");
    }
}

#[test]
fn guard_settings_have_defaults_and_ranges() {
    let guard = |text| toml::from_str::<crate::GuardSettings>(text);
    assert_eq!(guard("").unwrap(), crate::GuardSettings::default());
    let terms = one("tcp = {}").terms();
    assert_eq!(guard("").unwrap().window(&terms), Duration::from_secs(25));
    let set =
        guard("window = \"1m\"\nfailing-share = 75\nsuccess-share = 99\nmin-requests = 20\nenabled = false").unwrap();
    assert_eq!((set.window(&terms), set.failing_share.get(), set.enabled), (Duration::from_secs(60), 75, false));
    assert!(guard("failing-share = 0").is_err() && guard("min-requests = 0").is_err() && guard("shrae = 1").is_err());
}

#[test]
fn the_examples_of_the_user_guide_are_read_as_they_stand() {
    let guide = include_str!("../../../../docs/health-checks.md");
    let examples: Vec<_> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let mut group = toml::from_str::<toml::Table>(example).unwrap()["target-group"]["todo"].clone();
        let group = group.as_table_mut().unwrap();
        if let Some(checks) = group.remove("health-check") {
            let checks = HealthChecks::deserialize(checks).unwrap();
            assert!(checks.0.iter().all(|check| check.problems().is_empty()), "{checks:?}");
        }
        if let Some(guard) = group.remove("guard") {
            let guard = crate::GuardSettings::deserialize(guard).unwrap();
            let window = guard.window(&one("tcp = {}").terms());
            assert_eq!(crate::GuardSettings { window: None, ..guard }, crate::GuardSettings::default());
            assert_eq!(Some(window), guard.window, "the guide shows the default");
        }
    }
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_describes_both_shapes() {
    let schema = serde_json::to_string(&schemars::schema_for!(HealthChecks)).unwrap();
    for part in [
        "\"tcp\":{",
        "\"http\":{",
        "\"plugin\":{",
        "healthy-threshold",
        "unhealthy-threshold",
        "json-field",
        "expected-status",
        "dependency",
    ] {
        assert!(schema.contains(part), "{part}");
    }
}
