//! What a user sees when a configuration is wrong.

use equipoise_tests::equipoise;

const WRONG: &str = r#"[listener.web]
bind = "127.0.0.1:8080"
default = { forward = "tood" }

[target-group.todo]
port = 6400
tragets = ["10.0.0.11"]

[target-group.todo.health-check.http]
path = "/api/v1/health"
interval = "ten seconds"
"#;

#[test]
fn every_problem_is_reported_at_once_with_line_caret_and_hint() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, WRONG).expect("writable");
    let output = equipoise(&["check", "-c", file.to_str().expect("text")]);
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    for part in
        ["wrong.toml:3:", "wrong.toml:7:", "wrong.toml:11:", "^", "did you mean `todo`", "did you mean `targets`"]
    {
        assert!(told.contains(part), "{part} in\n{told}");
    }
}

#[test]
fn problems_can_be_read_as_json() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, WRONG).expect("writable");
    let output = equipoise(&["check", "--output", "json", "-c", file.to_str().expect("text")]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let lines: Vec<_> =
        json["diagnostics"].as_array().expect("a list").iter().map(|row| row["location"]["line"].clone()).collect();
    assert!(lines.len() >= 3 && lines.contains(&3.into()) && lines.contains(&7.into()), "{json}");
}

#[test]
fn an_environment_variable_fills_a_string_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("env.toml");
    let text = "[listener.web]\nbind = \"127.0.0.1:${EQ_TEST_PORT:-8080}\"\ndefault = { forward = \"g\" }\n\
                [target-group.g]\nport = 80\ntargets = [\"${EQ_TEST_UNSET_TARGET}\"]\n";
    std::fs::write(&file, text).expect("writable");
    let output = equipoise(&["check", "-c", file.to_str().expect("text")]);
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("EQ_TEST_UNSET_TARGET") && !told.contains("EQ_TEST_PORT"), "{told}");
}

#[test]
fn an_empty_file_and_a_binary_file_are_refused_without_a_panic() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bytes.toml");
    for content in [&b""[..], b"\0\xff\xfe", b"[listener.web", &[b'['; 100_000], b"a = \"\\uD800\""] {
        std::fs::write(&file, content).expect("writable");
        let output = equipoise(&["check", "-c", file.to_str().expect("text")]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)) && !told.contains("panicked"), "{told}");
    }
}
