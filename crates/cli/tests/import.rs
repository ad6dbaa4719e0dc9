//! `import terraform` as a script sees it: both variants of the practical become configurations that `check` accepts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_equipoise")).args(arguments).env_remove("EQUIPOISE_CONFIG").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/terraform").join(name)
}

#[test]
fn what_is_imported_passes_the_check_without_an_error() {
    for name in ["auto-scaling-group", "ecs-service", "every-kind"] {
        let folder = tempfile::tempdir().unwrap();
        let (out, from) = (folder.path().join("equipoise.toml"), fixture(name));
        let (out, from) = (out.to_str().unwrap(), from.to_str().unwrap());
        let output = run(&["import", "terraform", from, "--out", out]);
        let told = text(&output.stdout);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(told.contains("left out") && told.contains("TO COMPLETE"), "{told}");
        let check = run(&["check", "-c", out, "--output", "json"]);
        let report: Value = serde_json::from_slice(&check.stdout).unwrap();
        assert_eq!((check.status.code(), &report["errors"]), (Some(0), &0.into()), "{name}: {report:#}");
    }
}

#[test]
fn the_list_is_there_for_programs_and_the_text_for_pipes() {
    let from = fixture("ecs-service");
    let from = from.to_str().unwrap();
    let piped = run(&["import", "terraform", from]);
    assert!(text(&piped.stdout).starts_with("# Written by"), "{}", text(&piped.stdout));
    assert!(text(&piped.stderr).contains("aws_ecs_cluster.todo"), "{}", text(&piped.stderr));
    let json: Value = serde_json::from_slice(&run(&["import", "terraform", from, "--output", "json"]).stdout).unwrap();
    assert_eq!(json["configuration"], text(&piped.stdout));
    let notes = json["notes"].as_array().unwrap();
    let cluster = notes.iter().find(|note| note["subject"] == "aws_ecs_cluster.todo").unwrap();
    assert_eq!(
        (&cluster["kind"], &cluster["file"], &cluster["line"]),
        (&"left".into(), &"service.tf".into(), &1.into())
    );
}

#[test]
fn a_file_that_is_there_is_kept_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let (out, from) = (folder.path().join("x.toml"), fixture("ecs-service"));
    std::fs::write(&out, "mine").unwrap();
    let (out, from) = (out.to_str().unwrap(), from.to_str().unwrap());
    let refused = run(&["import", "terraform", from, "--out", out]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--force"), "{}", text(&refused.stderr));
    assert_eq!(std::fs::read_to_string(out).unwrap(), "mine");
    assert!(run(&["import", "terraform", from, "--out", out, "--force"]).status.success());
    assert_ne!(std::fs::read_to_string(out).unwrap(), "mine");
}

#[test]
fn an_error_of_syntax_shows_its_place_and_a_caret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), "resource \"aws_lb\" \"x\" {\n  name = = 1\n}\n").unwrap();
    let refused = run(&["import", "terraform", folder.path().to_str().unwrap()]);
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("main.tf:2:10") && told.contains("  name = = 1\n  |          ^"), "{told}");
    let none = tempfile::tempdir().unwrap();
    let refused = run(&["import", "terraform", none.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("terraform apply"), "{}", text(&refused.stderr));
    assert_eq!(run(&["import", "terraform"]).status.code(), Some(2));
}
