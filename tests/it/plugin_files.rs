//! A plugin's file that cannot serve: the version that served before serves on, and says why.

use equipoise_tests::{
    Program, TestTarget, equipoise, eventually, fixture, fixture_text, free_port, get, metric, wasm,
};

use crate::plugins::put;
use crate::text::{group, listener, plugin};

/// A program whose router `p` sends everything to the target `v1`.
fn routed_by_p() -> (Program, [TestTarget; 2], u16) {
    let (targets, port) = (["a", "v1"].map(TestTarget::named), free_port());
    let text = listener(port, "a")
        + "[[listener.web.rule]]\npriority = 1\nthen = { plugin = \"p\" }\n"
        + &group("a", &[targets[0].port()])
        + &group("v1", &[targets[1].port()])
        + &plugin("p", "p.wasm", "router", "limits = { time = \"5s\" }\n");
    let good = fixture("router", "forwards-to-v1");
    (Program::start_with(&text, |folder| put(folder, "p.wasm", &good)), targets, port)
}

/// Everything that may lie in a plugin's file, with the words that say what is wrong with it.
fn broken() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let good = fixture("router", "forwards-to-v1");
    vec![
        ("nothing", Vec::new(), &["empty"]),
        ("a script", b"#!/bin/sh\nrm -rf /\n".to_vec(), &["not WebAssembly"]),
        ("half a copy", good[..good.len() / 2].to_vec(), &["not a valid component", "byte"]),
        ("a core module", wasm("(module)"), &["core module", "component"]),
        ("text", b"(component)".to_vec(), &["text"]),
        ("another world", fixture("balancer", "picks-the-last"), &["world `router`", "world `balancer`"]),
        (
            "an import that nobody offers",
            wasm(&fixture_text("imports-the-unknown")),
            &["example:other/thing@1.0.0", "not offer"],
        ),
        ("a capability that was not granted", fixture("router", "needs-log"), &["equipoise:plugin/log", "add `log`"]),
        ("one that refuses", fixture("router", "refuses-its-configuration"), &["configuration", "no region"]),
    ]
}

#[test]
fn a_broken_file_leaves_the_old_version_serving_and_everybody_is_told_why() {
    let (program, _targets, port) = routed_by_p();
    for (what, bytes, words) in broken() {
        program.replace("p.wasm", &bytes);
        let output = program.reload();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{what}: {told}");
        assert_eq!(get(port, "/").expect("an answer").body, "v1", "{what}");
        let last = program.status()["last_reload"].clone();
        assert_eq!(last["result"], "refused", "{what}: {last}");
        let message = last["message"].as_str().expect("text").to_owned();
        let log = eventually("it is in the log", || Some(program.log()).filter(|log| log.contains(words[0])));
        for word in words.iter().copied().chain(["p.wasm", "`p`"]) {
            for (place, text) in [("reload", &told), ("status", &message), ("log", &log)] {
                assert!(text.contains(word), "{what}: `{word}` is missing in the {place}: {text}");
            }
        }
    }
    let page = program.metrics();
    assert_eq!(metric(&page, "equipoise_config_last_reload_successful", &[]), 0.0);
    assert!(metric(&page, "equipoise_config_reloads_total", &["result=\"refused\""]) >= 9.0, "{page}");
    program.replace("p.wasm", &fixture("router", "forwards-to-v1"));
    assert!(program.reload().status.success());
    assert_eq!(metric(&program.metrics(), "equipoise_config_last_reload_successful", &[]), 1.0);
}

#[test]
fn a_file_that_is_gone_is_named() {
    let (program, _targets, port) = routed_by_p();
    std::fs::remove_file(program.folder().join("p.wasm")).expect("it was there");
    let output = program.reload();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("p.wasm") && told.contains("No such file"), "{told}");
    assert_eq!(get(port, "/").expect("an answer").body, "v1");
}

#[test]
fn a_program_does_not_start_with_a_broken_plugin() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    put(folder.path(), "p.wasm", b"garbage");
    let file = folder.path().join("equipoise.toml");
    let text = listener(free_port(), "a")
        + "[[listener.web.rule]]\npriority = 1\nthen = { plugin = \"p\" }\n[admin]\nbind = \"127.0.0.1:0\"\n"
        + &group("a", &[1])
        + &plugin("p", "p.wasm", "router", "");
    std::fs::write(&file, text).expect("writable");
    let output = equipoise(&["run", "-c", file.to_str().expect("text")]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{told}");
    assert!(told.contains("p.wasm") && told.contains("not WebAssembly") && !told.contains("panicked"), "{told}");
}

#[test]
fn a_pinned_digest_refuses_every_other_file() {
    let (program, targets, port) = routed_by_p();
    let digest = program.status()["plugins"][0]["digest"].as_str().expect("text").to_owned();
    let text = listener(port, "a")
        + "[[listener.web.rule]]\npriority = 1\nthen = { plugin = \"p\" }\n"
        + &group("a", &[targets[0].port()])
        + &group("v1", &[targets[1].port()])
        + &plugin("p", "p.wasm", "router", &format!("digest = \"{digest}\"\n"));
    program.configure(&text);
    assert!(program.reload().status.success());
    program.replace("p.wasm", &fixture("router", "traps"));
    let output = program.reload();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("p.wasm") && told.contains("digest"), "{told}");
    assert_eq!(get(port, "/").expect("an answer").body, "v1");
}
