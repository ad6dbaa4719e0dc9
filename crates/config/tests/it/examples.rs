//! The examples that are shipped work as they stand.

use std::path::{Path, PathBuf};

use equipoise_config::{Config, load};

use super::unset;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples")
}

/// The example, which is accepted without a warning.
#[track_caller]
fn example(name: &str) -> Config {
    match load(&folder().join(name), &unset) {
        Ok(loaded) if loaded.warnings.is_empty() => loaded.config,
        Ok(loaded) => panic!("{}", loaded.warnings),
        Err(report) => panic!("{report}"),
    }
}

#[test]
fn every_example_is_accepted_without_a_warning_and_fits_the_schema() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() || name.ends_with(".toml") {
            example(name);
        }
        if name.ends_with(".toml") {
            super::json_schema::fits(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_minimal_one_is_balanced_and_checked() {
    let config = example("minimal.toml");
    assert_eq!((config.listeners.len(), config.target_groups.len()), (1, 1));
    assert_eq!((config.target_groups[0].targets.len(), config.target_groups[0].health_checks.len()), (2, 1));
}

#[test]
fn the_canary_is_weighted_and_sticky() {
    let config = example("weighted-canary.toml");
    let Some(equipoise_rule::End::Forward(forward)) = &config.listeners[0].default.end else { panic!() };
    let weights: Vec<_> = forward.groups().iter().map(|share| share.weight).collect();
    assert_eq!(weights, [9, 1]);
    assert!(forward.sticky().is_some());
}

#[test]
fn the_cache_is_hashed_with_bounded_load() {
    let config = example("consistent-hashing.toml");
    assert!(matches!(config.target_groups[0].balance, equipoise_balance::Algorithm::ConsistentHash(_)));
}

#[test]
fn the_plugins_are_found_beside_the_example() {
    let config = example("plugins.toml");
    assert_eq!(config.plugins.len(), 3);
    for plugin in config.plugins {
        assert!(plugin.component.parent().unwrap().ends_with("plugins/prebuilt"), "{}", plugin.component.display());
    }
}

#[test]
fn the_resilient_one_limits_breaks_hedges_and_sheds() {
    let config = example("resilience.toml");
    let group = &config.target_groups[0];
    assert!(group.circuit_breaker.is_some() && group.hedge.is_some() && group.limits.requests_per_target.is_some());
    assert!(config.shed.lag.is_some() && config.listeners[0].rate_limits.len() == 2);
}

#[test]
fn the_folder_is_one_configuration() {
    let config = example("conf.d");
    assert_eq!((config.workers.unwrap().get(), config.listeners.len(), config.target_groups.len()), (2, 1, 1));
}

/// What both variants of a scaled service have in common.
fn scaled(name: &str) -> (Config, equipoise_scale::ScalingGroup) {
    let config = example(name);
    let group = config.scaling_groups.values().next().unwrap().clone();
    assert_eq!((group.min, group.max, group.target_group.as_str()), (1, 4, "todo"));
    let [equipoise_health::HealthCheck::Http(check)] = config.target_groups[0].health_checks.as_slice() else {
        panic!()
    };
    let written = serde_json::to_value(check).unwrap();
    let terms =
        ["path", "interval", "timeout", "healthy-threshold", "unhealthy-threshold"].map(|key| written[key].clone());
    assert_eq!(serde_json::json!(terms), serde_json::json!(["/api/v1/health", "10s", "5s", 2, 2]));
    (config, group)
}

#[test]
fn the_one_with_alarms_follows_two_of_them_by_simple_policies() {
    let (config, group) = scaled("scaling-by-alarms.toml");
    let written = |name: &str| {
        let alarm = &config.alarms[name];
        (alarm.metric.to_string(), alarm.period.as_secs(), alarm.evaluation_periods.get(), alarm.threshold)
    };
    assert_eq!(written("cpu-high"), ("cpu-utilization".to_owned(), 120, 2, 20.0));
    assert_eq!(written("cpu-low"), ("cpu-utilization".to_owned(), 120, 2, 10.0));
    assert_eq!(group.default_cooldown.as_secs(), 120);
    let changes = group.policy.values().map(|policy| match policy {
        equipoise_scale::Policy::Simple(simple) => (simple.alarm.to_string(), simple.by),
        other => panic!("{other:?}"),
    });
    assert_eq!(changes.collect::<Vec<_>>(), [("cpu-low".to_owned(), -1), ("cpu-high".to_owned(), 1)]);
}

#[test]
fn the_one_with_a_target_keeps_its_processors_at_twenty_percent() {
    let (config, group) = scaled("scaling-by-target.toml");
    assert!(config.alarms.is_empty());
    let [equipoise_scale::Policy::TargetTracking(tracking)] = group.policy.values().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!((tracking.metric.to_string().as_str(), tracking.target), ("cpu-utilization", 20.0));
}
