//! The built program as a script sees it: exit codes, streams, and that nothing makes it panic. Whatever needs a running
//! balancer is tested end to end elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_equipoise");

fn command(line: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    for name in ["EQUIPOISE_ADMIN", "EQUIPOISE_ADMIN_TOKEN", "EQUIPOISE_LOG", "EQUIPOISE_CONFIG"] {
        command.env_remove(name);
    }
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

fn run(line: &str) -> Output {
    command(line).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn check(line: &str, code: i32, stderr_part: &str) {
    let output = run(line);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {stderr}");
    assert!(stderr.contains(stderr_part), "{line}: {stderr}");
    assert!(!stderr.contains("panicked"), "{line}: {stderr}");
}

/// A port that refuses connections for as long as nobody else takes it.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn exit_codes_tell_apart_what_went_wrong() {
    let port = closed_port();
    check("version", 0, "");
    check("stauts", 2, "status");
    check("run", 2, "--config");
    check("status --admin nonsense:", 2, "HOST:PORT");
    let asking = ["status", "reload", "drain", "config show", "asg list", "asg activities web --follow", "alarms list"];
    for command in asking {
        check(&format!("{command} --admin 127.0.0.1:{port}"), 69, "--admin");
    }
    check("run -c missing.toml", 78, "missing.toml");
    check("check -c missing.toml", 1, "missing.toml");
    check("config show -c missing.toml", 1, "missing.toml");
    check("run -c x --log =nonsense=", 2, "EQUIPOISE_LOG");
}

#[test]
fn check_names_every_problem_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    let bad = "[listener.web]\nbind = \"127.0.0.1:8080\"\ndefault = { forward = \"tood\" }\n\n\
               [target-group.todo]\ntargets = [\"127.0.0.1:1\"]\nfail-opn = true\n";
    std::fs::write(&file, bad).unwrap();
    let line = format!("check -c {}", file.display());
    let output = run(&line);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    for part in ["bad.toml:3:", "todo", "bad.toml:7:", "fail-open"] {
        assert!(stderr.contains(part), "{part} is missing in\n{stderr}");
    }
    let json: serde_json::Value = serde_json::from_slice(&run(&format!("{line} --output json")).stdout).unwrap();
    assert_eq!(json["errors"], 2, "{json}");
    assert_eq!(json["diagnostics"][0]["location"]["line"], 3, "{json}");
}

#[test]
fn run_refuses_a_bad_configuration_as_check_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "[listener.web]\nbind = 1\n").unwrap();
    check(&format!("run -c {}", file.display()), 78, "bad.toml:2:");
}

#[test]
fn a_configuration_is_shown_with_defaults_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, weight: u32| {
        let file = folder.path().join(name);
        let group = format!("[target-group.todo]\ntargets = [{{ address = \"127.0.0.1:1\", weight = {weight} }}]\n");
        let listener = "[listener.web]\nbind = \"127.0.0.1:8080\"\ndefault = { forward = \"todo\" }\n";
        std::fs::write(&file, format!("{listener}{group}")).unwrap();
        file.display().to_string()
    };
    let (one, two) = (write("one.toml", 1), write("two.toml", 2));
    let effective = text(&run(&format!("config show -c {one} --effective")).stdout);
    assert!(effective.contains("deregistration-delay"), "{effective}");
    let difference = text(&run(&format!("config show -c {one} --diff {two}")).stdout);
    assert!(difference.contains("todo"), "{difference}");
    let same = text(&run(&format!("config show -c {one} --diff {one}")).stdout);
    assert_eq!(same, "no difference\n");
    let json = run(&format!("config show -c {one} --output json")).stdout;
    assert!(serde_json::from_slice::<serde_json::Value>(&json).unwrap()["listener"]["web"].is_object());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for line in ["schema", "man", "completions bash", "version", "--help"] {
        let mut child = command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{line}");
    }
}

#[test]
fn generated_texts_are_what_they_claim_to_be() {
    let schema: serde_json::Value = serde_json::from_slice(&run("schema").stdout).unwrap();
    assert!(schema["$schema"].as_str().unwrap().contains("draft-07"), "{}", schema["$schema"]);
    assert!(text(&run("man").stdout).contains(".TH equipoise 1"));
    assert!(text(&run("completions fish").stdout).contains("complete -c equipoise"));
    let version: serde_json::Value = serde_json::from_slice(&run("version --output json").stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

/// An instance of the sample service, with the first line that it printed.
fn sample_service(data: &Path, stdin: Stdio) -> (Child, String, ChildStdout) {
    let mut command = command("sample-service --port 0 --until-stdin-ends --name one --data");
    let mut child = command.arg(data).stdin(stdin).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    (child, line, stdout.into_inner())
}

#[test]
fn the_sample_service_prints_its_port_and_ends_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, line, mut stdout) = sample_service(folder.path(), Stdio::piped());
    let address = line.trim_end().strip_prefix("one listening on http://").unwrap();
    std::net::TcpStream::connect(address).unwrap();
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[cfg(feature = "wasm")]
#[test]
fn the_demo_names_a_busy_port_and_the_flag_that_avoids_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (busy, free) = (taken.local_addr().unwrap().port(), closed_port());
    check(&format!("demo --port {busy} --admin-port {free}"), 1, &format!("127.0.0.1:{busy}"));
    check(&format!("demo --port {free} --admin-port {busy}"), 1, "--admin-port PORT");
}
