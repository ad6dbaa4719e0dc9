//! Commands that need no running balancer, and their exit codes.

use std::process::Output;

use equipoise_tests::{TestTarget, equipoise, free_port};

use crate::text::{group, listener};

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = equipoise(arguments);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (status.code().expect("no signal"), text(&stdout), text(&stderr))
}

fn written(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("equipoise.toml");
    std::fs::write(&file, text).expect("writable");
    (folder, file.to_str().expect("text").to_owned())
}

#[test]
fn exit_codes_tell_success_failure_usage_and_configuration_apart() {
    let (_good_folder, good) = written(&(listener(8080, "g") + &group("g", &[9001])));
    let (_bad_folder, bad) = written("[listener.web]\nbind = \"nonsense\"\n");
    assert_eq!(run(&["check", "-c", &good]).0, 0);
    assert_eq!(run(&["check", "-c", &bad]).0, 1);
    assert_eq!(run(&["run", "-c", &bad]).0, 78);
    assert_eq!(run(&["run", "-c", "/does/not/exist.toml"]).0, 78);
    assert_eq!(run(&["no-such-command"]).0, 2);
    let nobody = format!("127.0.0.1:{}", free_port());
    for command in ["status", "reload", "drain"] {
        let (code, _, told) = run(&["--admin", &nobody, command]);
        assert!(code == 69 && told.contains(&nobody), "{command}: {code} {told}");
    }
}

#[test]
fn run_names_the_port_that_is_taken() {
    let (target, other) = (TestTarget::named("a"), TestTarget::named("b"));
    let (_folder, file) = written(&(listener(other.port(), "g") + &group("g", &[target.port()])));
    let (code, _, told) = run(&["run", "-c", &file]);
    assert!(code == 1 && told.contains(&other.address.to_string()), "{code} {told}");
}

#[test]
fn everything_that_can_be_read_can_be_read_by_a_program() {
    let (_folder, good) = written(&(listener(8080, "g") + &group("g", &[9001])));
    let json = |arguments: &[&str]| -> serde_json::Value {
        let (code, out, err) = run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    };
    assert_eq!(json(&["version", "--output", "json"])["version"], env!("CARGO_PKG_VERSION"));
    let schema = json(&["schema"]);
    assert!(schema["$schema"].as_str().expect("text").contains("draft-07"));
    json(&["check", "-c", &good, "--output", "json"]);
}

#[test]
fn completions_and_the_manual_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).1.contains("equipoise"), "{shell}");
    }
    assert!(run(&["man"]).1.contains(".TH"));
}

#[test]
fn the_effective_configuration_loads_again() {
    let (_folder, good) = written(&(listener(8080, "g") + &group("g", &[9001])));
    let (code, effective, told) = run(&["config", "show", "--effective", "-c", &good]);
    assert_eq!(code, 0, "{told}");
    let (_again_folder, again) = written(&effective);
    let (code, second, told) = run(&["config", "show", "--effective", "-c", &again]);
    assert_eq!((code, second), (0, effective), "{told}");
}
