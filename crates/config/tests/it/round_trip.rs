//! What is written out in full loads again to the same.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use equipoise_config::document::{Listener, Plugin, PluginLimits, Scaling, Target, TargetGroup};
use equipoise_config::{
    Admin, CircuitBreaker, Config, Document, Fallback, Grant, GroupLimits, Hedge, Pool, Retry, RetryOn, Size,
    StateFile, TargetTimeouts, World, check, diff, effective,
};
use proptest::prelude::*;

use super::{accepted, loaded, unset};

#[track_caller]
fn survives(config: &Config) {
    let text = effective(config);
    let again = match equipoise_config::parse(&text, &unset) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{report}\n{text}"),
    };
    assert_eq!(&again, config, "{text}");
    assert_eq!(diff(config, &again), []);
    assert_eq!(effective(&again), text);
}

#[test]
fn every_part_of_the_language_survives() {
    survives(&accepted(include_str!("../whole.toml")));
    survives(&accepted(""));
}

#[test]
fn texts_that_look_like_variables_survive() {
    let texts = ["$${A}", "$$${A}", "$$$${A}", "$${", "$", "$$", "{}", "\\\"\\u0000\\n"];
    for text in texts {
        let config =
            format!("[plugin.a]\ncomponent = \"/a\"\nworld = \"router\"\nconfig = {{ \"key $${{}}\" = \"{text}\" }}");
        survives(&accepted(&config));
    }
}

#[test]
fn the_words_of_a_bare_document_are_the_defaults() {
    let bare = check(&Document::default(), Path::new("/"), &[]).unwrap().config;
    assert_eq!(bare, loaded("").config);
}

fn duration(low: u64, high: u64) -> impl Strategy<Value = Duration> {
    (low..=high).prop_map(Duration::from_millis)
}

fn target() -> impl Strategy<Value = Target> {
    let address = prop_oneof![
        (1u8..224, any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| std::net::IpAddr::from([a, b, c, 1])),
        (1u16..0xff00, any::<u16>()).prop_map(|(a, b)| std::net::IpAddr::from([a, 0, 0, 0, 0, 0, 1, b])),
    ];
    (address, prop::option::of(1u16..), 0u32..=1000, 0u32..=1000).prop_map(|(address, port, weight, priority)| Target {
        weight,
        priority,
        ..Target::new(address, port.and_then(std::num::NonZeroU16::new))
    })
}

fn balance() -> impl Strategy<Value = equipoise_balance::Algorithm> {
    let written = prop::sample::select(vec![
        "round-robin = {}",
        "least-connections = {}",
        "weighted-least-connections = {}",
        "consistent-hash = { key = \"source\", bounded-load = 1.1 }",
        "consistent-hash = { key = { cookie = \"id\" }, table-size = 251, seed = 9223372036854775807 }",
    ]);
    written.prop_map(|written| toml::from_str(written).unwrap())
}

fn health_checks() -> impl Strategy<Value = equipoise_health::HealthChecks> {
    let check = prop::sample::select(vec![
        "tcp = {}",
        "http = { path = \"/live\", expected-status = [200, \"300-399\"] }",
        "http = { interval = \"1m\", timeout = \"1500ms\", layer = \"dependency\", json-field = { pointer = \"/a\", equals = 1 } }",
        "tcp = { port = 9, initial = \"unhealthy\", jitter = \"0s\", effect = \"degrade\", degrade-to = 1 }",
    ]);
    prop::collection::vec(check, 0..4).prop_map(|checks| {
        let checks = checks.into_iter().map(|check| toml::from_str(check).unwrap());
        equipoise_health::HealthChecks(checks.collect())
    })
}

fn group() -> impl Strategy<Value = TargetGroup> {
    let timeouts = (duration(1, 600_000), duration(1, 86_400_000), prop::option::of(duration(1, 86_400_000)));
    let timeouts = timeouts.prop_map(|(connect, idle, total)| TargetTimeouts {
        connect,
        first_byte: idle,
        idle,
        total,
        per_try: total,
        stream_idle: idle,
        stream: total,
    });
    let retry = (0u8..=10, 0u8..=100, 0u32..=10_000, prop::collection::vec(500u16..600, 0..3));
    let retry = retry.prop_map(|(attempts, budget_percent, budget_minimum, statuses)| Retry {
        attempts,
        budget_percent,
        budget_minimum,
        statuses,
        on: vec![RetryOn::Timeout, RetryOn::ServerError, RetryOn::Status(500 + u16::from(attempts))],
        non_idempotent: attempts > 5,
        ..Retry::default()
    });
    let pool =
        (duration(0, 3_600_000), 0usize..=10_000).prop_map(|(idle_timeout, max_idle)| Pool { idle_timeout, max_idle });
    let targets = prop::collection::vec(target(), 0..5);
    (targets, timeouts, retry, pool, balance(), health_checks(), any::<bool>(), 1u16..).prop_map(
        |(targets, timeouts, retry, pool, balance, health_check, fail_open, port)| {
            let seen: BTreeMap<_, _> = targets.into_iter().map(|target| (target.address, target)).collect();
            let port = std::num::NonZeroU16::new(port);
            let targets = seen.into_values().collect();
            let limits = GroupLimits { requests: fail_open.then_some(7), ..GroupLimits::default() };
            let circuit_breaker = fail_open.then(CircuitBreaker::default);
            let hedge = fail_open.then(Hedge::default);
            TargetGroup {
                targets,
                timeouts,
                retry,
                pool,
                balance,
                health_check,
                fail_open,
                port,
                limits,
                circuit_breaker,
                hedge,
                ..Default::default()
            }
        },
    )
}

fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        any::<String>().prop_map(toml::Value::String),
        any::<i64>().prop_map(toml::Value::Integer),
        prop::num::f64::NORMAL.prop_map(toml::Value::Float),
        any::<bool>().prop_map(toml::Value::Boolean),
        Just(toml::Value::Datetime("1979-05-27T07:32:00Z".parse().unwrap())),
        Just(toml::Value::String("${HOME} $${HOME} $".to_owned())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|entries| toml::Value::Table(entries.into_iter().collect())),
        ]
    })
}

fn plugin() -> impl Strategy<Value = Plugin> {
    let world = prop::sample::select(vec![World::Router, World::Balancer, World::HealthCheck]);
    let grants = prop::collection::vec(prop::sample::select(vec![Grant::Log, Grant::Clock, Grant::Random]), 0..5);
    let config = prop::collection::btree_map(any::<String>(), value(), 0..3);
    (world, grants, config, 100u64..60_000_000, any::<bool>(), "[a-z ${}]{1,9}").prop_map(
        |(world, grants, config, time, refuse, path)| Plugin {
            component: Some(path.into()),
            world: Some(world),
            limits: PluginLimits { time: Some(Duration::from_micros(time)), memory: Some(Size(65_536 + time)) },
            fallback: if refuse { Fallback::Refuse } else { Fallback::Continue },
            grants,
            digest: refuse.then(|| format!("sha256:{}", "aB".repeat(32))),
            config: config.into_iter().collect(),
        },
    )
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["./run", "todo", "/bin/todo", "--port={port}", "${HOME}", "a b", "\"", "…", "é\n"])
        .prop_map(str::to_owned)
}

fn command() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(words(), 1..4)
}

fn variables() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[A-Z][A-Z_.0-9]{0,5}", words(), 0..3)
}

fn template() -> impl Strategy<Value = equipoise_scale::LaunchTemplate> {
    let files = prop::collection::btree_map("[a-z]{1,3}", words(), 0..3);
    let limits = (prop::option::of(0.01f64..64.0), prop::option::of(1u64..=9_223_372_036_854_775_807));
    (0..3, command(), variables(), files, limits, 1u64..=3600).prop_map(
        |(kind, command, environment, files, (cpu, tasks), seconds)| {
            let limits = serde_json::json!({ "cpu": cpu, "tasks": tasks, "memory": "256MiB" });
            let limits = limits.as_object().unwrap().clone().into_iter().filter(|(_, limit)| !limit.is_null());
            let limits: serde_json::Map<_, _> = limits.collect();
            let time = format!("{seconds}s");
            let written = match kind {
                0 => serde_json::json!({ "process": {
                    "command": command, "environment": environment, "environment-files": files, "ports": "6000-6999",
                    "limits": limits, "grace": time, "stop-signal": "INT", "folder": "w/{group}",
                } }),
                1 => serde_json::json!({ "docker": {
                    "image": "todo", "port": 80, "command": command, "environment": environment,
                    "environment-files": files, "limits": limits, "labels": environment, "stop-timeout": time,
                } }),
                _ => serde_json::json!({ "command": {
                    "launch": command, "list": command, "describe": command, "stop": command,
                    "environment": environment, "interval": time,
                } }),
            };
            serde_json::from_value(written).unwrap()
        },
    )
}

fn policies() -> impl Strategy<Value = BTreeMap<equipoise_target::PolicyName, equipoise_scale::Policy>> {
    let numbers = (prop::num::f64::POSITIVE.prop_filter("a level", |number| *number > 0.0), 1i32..=1000, 1u32..=100);
    let policy = (0..5, numbers, duration(0, 86_400_000)).prop_map(|(kind, (level, by, periods), wait)| {
        let wait = humantime::format_duration(wait).to_string();
        let written = match kind {
            0 => serde_json::json!({ "simple": {
                "alarm": "a", "adjustment": "change-in-capacity", "by": -by, "cooldown": wait,
            } }),
            1 => serde_json::json!({ "step": {
                "alarm": "a", "adjustment": "percent-change-in-capacity", "at-least": periods, "warm-up": wait,
                "steps": [{ "to": 0.5, "by": 1 }, { "from": 0.5, "to": level + 1.0, "by": by }, { "from": level + 1.0, "by": -1 }],
            } }),
            2 => serde_json::json!({ "target-tracking": {
                "metric": "cpu-utilization", "target": level, "out-periods": periods.min(15), "in-cooldown": wait,
            } }),
            3 => serde_json::json!({ "scheduled": { "cron": "*/5 8-17 * * MON-FRI", "time-zone": "Asia/Tokyo", "desired": 1 } }),
            _ => serde_json::json!({ "predictive": { "metric": "custom.x", "target": level, "forecast-only": true } }),
        };
        serde_json::from_value(written).unwrap()
    });
    let name = "[a-z0-9][a-z0-9._-]{0,4}".prop_map(|name| name.try_into().unwrap());
    prop::collection::btree_map(name, policy, 0..4)
}

fn scaling_group() -> impl Strategy<Value = equipoise_scale::ScalingGroup> {
    (template(), policies(), 0u32..=4, 0u32..=3, any::<bool>(), duration(0, 86_400_000)).prop_map(
        |(launch_template, policy, min, more, flag, wait)| {
            let written = serde_json::json!({
                "target-group": "g", "max": min + more + 1, "min": min, "launch-template": { "docker": { "image": "x", "port": 1 } },
                "suspend": if flag { vec!["terminate", "launch"] } else { vec![] },
                "hook": { "h": { "on": "terminating", "command": ["./h", "${X}"], "abandon": flag } },
                "warm-pool": { "size": 1, "reuse": flag }, "keep-at-exit": flag,
                "scrape": { "metrics": ["x"], "port": 9 },
            });
            let group: equipoise_scale::ScalingGroup = serde_json::from_value(written).unwrap();
            equipoise_scale::ScalingGroup { launch_template, policy, warm_up: wait, default_cooldown: wait, ..group }
        },
    )
}

fn alarm() -> impl Strategy<Value = equipoise_scale::Alarm> {
    let level = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO | prop::num::f64::NEGATIVE;
    (level.prop_filter("a level", |level| level.is_finite()), 1u32..=15, command()).prop_map(
        |(threshold, periods, command)| {
            let written = serde_json::json!({
                "metric": "latency", "target-group": "g", "comparison": "less-than", "threshold": threshold,
                "evaluation-periods": periods, "datapoints-to-alarm": periods, "statistic": "p95",
                "on-alarm": ["log", { "command": command }], "on-ok": [{ "webhook": "https://example.org/${X}" }],
            });
            serde_json::from_value(written).unwrap()
        },
    )
}

prop_compose! {
    fn document()(
        group in group(),
        plugin in plugin(),
        scaling_group in scaling_group(),
        alarm in alarm(),
        port in any::<u16>(),
        workers in prop::option::of(1usize..=1024),
        drain_timeout in duration(0, 3_600_000),
        body in "[a-z${}\"\\\\]{0,20}",
        weight in 1u32..,
    ) -> Document {
        let listener = Listener {
            bind: Some(SocketAddr::from(([127, 0, 0, 2], port)).into()),
            default: Some(serde_json::from_value(serde_json::json!({ "respond": { "status": 404, "body": body } })).unwrap()),
            rule: vec![
                then_rule(9, &serde_json::json!({ "forward": "g" })),
                then_rule(weight.max(10), &serde_json::json!({ "forward": [{ "group": "g", "weight": weight }] })),
            ],
            ..Default::default()
        };
        Document {
            admin: Admin { token_file: workers.map(|_| "token".into()), ..Default::default() },
            workers: workers.and_then(std::num::NonZeroUsize::new),
            drain_timeout,
            listener: [("l".to_owned().try_into().unwrap(), listener)].into(),
            target_group: [("g".to_owned().try_into().unwrap(), group)].into(),
            plugin: [("p".to_owned().try_into().unwrap(), plugin)].into(),
            scaling: Scaling {
                state: workers.map_or(StateFile::None, |workers| StateFile::At(format!("state-{workers}").into())),
                history: weight.min(100_000),
            },
            scaling_group: [("s".to_owned().try_into().unwrap(), scaling_group)].into(),
            alarm: [("a".to_owned().try_into().unwrap(), alarm)].into(),
            ..Default::default()
        }
    }
}

fn then_rule(priority: u32, then: &serde_json::Value) -> equipoise_rule::Rule {
    serde_json::from_value(serde_json::json!({ "priority": priority, "then": then })).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_accepted_survives(document in document()) {
        match check(&document, Path::new("/base"), &[]) {
            Ok(loaded) => survives(&loaded.config),
            Err(report) => prop_assert!(false, "{report}"),
        }
    }
}
