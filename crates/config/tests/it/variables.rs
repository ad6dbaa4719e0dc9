//! `${NAME}` in texts.

use std::fs;

use equipoise_config::{Report, parse};

fn read(text: &str, variables: &[(&str, &str)]) -> Result<equipoise_config::Loaded, Report> {
    let lookup =
        |name: &str| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned());
    parse(text, &lookup)
}

#[test]
fn a_variable_may_stand_for_a_number_and_for_a_truth_value() {
    let text =
        "workers = \"${WORKERS}\"\n[target-group.a]\nfail-open = \"${OPEN:-false}\"\ntargets = [\"127.0.0.1:${PORT}\"]";
    let config = read(text, &[("WORKERS", "3"), ("PORT", "99")]).unwrap().config;
    assert_eq!(config.workers.unwrap().get(), 3);
    assert!(!config.target_groups[0].fail_open);
    assert_eq!(config.target_groups[0].targets[0].address.port(), Some(99));
}

#[test]
fn a_text_stays_a_text_even_when_it_looks_like_a_number() {
    let text = "[plugin.a]\ncomponent = \"${FILE}\"\nworld = \"router\"\nconfig = { key = \"${KEY}\" }";
    let config = read(text, &[("FILE", "1"), ("KEY", "true")]).unwrap().config;
    assert_eq!(config.plugins[0].config_json(), r#"{"key":"true"}"#);
}

#[test]
fn a_variable_brings_no_structure_in() {
    let text = "[target-group.a]\ntargets = \"${TARGETS}\"\nport = \"${PORT}\"";
    let report = read(text, &[("TARGETS", "[\"10.0.0.1:80\"]"), ("PORT", "1\nworkers = 2")]).unwrap_err();
    assert_eq!(super::outline(&report), ["wrong-type target-group.a.targets", "wrong-type target-group.a.port"]);
}

#[test]
fn what_is_not_set_is_said_once_and_nothing_follows_from_it() {
    let text = "[listener.web]\nbind = \"${BIND}\"\ndefault = { forward = \"${GROUP}\" }\n[target-group.a]\nport = \"${PORT}\"\ntargets = [\"10.0.0.1\"]";
    let report = read(text, &[]).unwrap_err();
    assert_eq!(super::outline(&report), ["unset-variable "; 3], "{report}");
}

#[test]
fn a_secret_comes_from_the_file_that_the_variable_names() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("key");
    fs::write(&secret, "hunter2\n").unwrap();
    let text = "[plugin.a]\ncomponent = \"a.wasm\"\nworld = \"router\"\nconfig = { key = \"${KEY}\" }";
    let path = secret.to_str().unwrap();
    let loaded = read(text, &[("KEY_FILE", path)]).unwrap();
    assert_eq!(loaded.config.plugins[0].config_json(), r#"{"key":"hunter2"}"#);
    assert!(loaded.files.contains(&secret), "it is watched with the rest");

    let report = read(text, &[("KEY_FILE", "/nowhere/at/all")]).unwrap_err();
    assert_eq!(report.diagnostics()[0].code.as_str(), "unreadable");
}
