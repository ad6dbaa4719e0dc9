//! The rows of ARCHITECTURE.md as a test: dependencies point downward, and the crates of row 2 do not know each other.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Row of each crate that ships. Anything else in the workspace (tests, chores, the sample service) is not a layer.
const ROWS: [(&str, u8); 15] = [
    ("equipoise-ring", 0),
    ("equipoise-stream", 0),
    ("equipoise-target", 0),
    ("equipoise-balance", 1),
    ("equipoise-health", 1),
    ("equipoise-metrics", 1),
    ("equipoise-rule", 1),
    ("equipoise-scale", 1),
    ("equipoise-admin", 2),
    ("equipoise-config", 2),
    ("equipoise-plugin", 2),
    ("equipoise-proxy", 2),
    ("equipoise-terraform", 2),
    ("equipoise", 3),
    ("equipoise-cli", 4),
];

/// Not layers: nothing of Equipoise may be known to the first, and nothing may depend on the others.
const OUTSIDE: [&str; 4] = ["equipoise-benches", "equipoise-sample-service", "equipoise-tests", "xtask"];

/// Crates that only one other crate may pull in, with the reason in `deny.toml`.
const ONLY_THROUGH: [(&str, &[&str]); 5] = [
    ("rustls", &["equipoise-stream"]),
    ("wasmtime", &["equipoise-plugin"]),
    ("clap", &["equipoise-cli"]),
    ("hcl-edit", &["equipoise-terraform"]),
    ("notify", &["equipoise"]),
];

fn metadata() -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Every workspace crate with the names of what it depends on outside of tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let shipped = all.iter().filter(|dependency| dependency["kind"].as_str() != Some("dev"));
            (text(&package["name"]), shipped.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn dependencies_point_downward_and_row_two_does_not_know_itself() {
    let rows = BTreeMap::from(ROWS);
    let mut wrong = Vec::new();
    for (name, depends_on) in dependencies() {
        let Some(row) = rows.get(name.as_str()) else { continue };
        for other in depends_on.iter().filter_map(|other| rows.get_key_value(other.as_str())) {
            let (other, below) = other;
            if below > row || (below == row && *row == 2) {
                wrong.push(format!("{name} (row {row}) depends on {other} (row {below})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_has_a_row_or_stands_outside() {
    let known: Vec<_> = ROWS.iter().map(|(name, _)| *name).chain(OUTSIDE).collect();
    for name in dependencies().keys() {
        assert!(known.contains(&name.as_str()), "{name} has no row: give it one here and in ARCHITECTURE.md");
    }
}

#[test]
fn heavy_dependencies_enter_through_one_door() {
    for (name, depends_on) in dependencies() {
        for (heavy, doors) in ONLY_THROUGH {
            let allowed = doors.contains(&name.as_str()) || OUTSIDE.contains(&name.as_str());
            assert!(allowed || !depends_on.iter().any(|other| other == heavy), "{name} depends on {heavy}");
        }
    }
}

#[test]
fn the_sample_service_knows_nothing_of_the_balancer() {
    let depends_on = &dependencies()["equipoise-sample-service"];
    assert!(!depends_on.iter().any(|other| other.starts_with("equipoise")), "{depends_on:?}");
}
