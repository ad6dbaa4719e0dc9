//! What the documents say is true, as far as a program can tell.

use std::collections::BTreeSet;

use equipoise_tests::{
    Program, TestTarget, call, equipoise, eventually, families, fixture, free_port, free_ports, get, request, send_raw,
};

use crate::plugins::put;
use crate::text::{group, http_check, listener, plugin};
use crate::tls::{Ca, Secure, https, put_pair};

fn document(path: &str) -> String {
    std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).expect(path)
}

/// A program that has done about everything that is counted.
fn busy() -> (Program, TestTarget) {
    let (target, [port, tls_port, tcp_port, udp_port]) = (TestTarget::named("a"), free_ports());
    let (passing, pass) = crate::layer4::some(tcp_port, udp_port);
    let scaled = "[scaling-group.s]\ntarget-group = \"none\"\nmin = 1\nmax = 1\n".to_owned()
        + "[scaling-group.s.launch-template.process]\ncommand = [\"/no/such/program\"]\nports = \"30000-30019\"\n"
        + "[alarm.a]\nscaling-group = \"s\"\nmetric = \"cpu-utilization\"\nthreshold = 20.0\n"
        + "comparison = \"greater-than\"\n";
    let log = "[access-log]\nformat = \"json\"\npath = \"log\"\n";
    let text = listener(port, "g")
        + "[[listener.web.rule]]\npriority = 1\nwhen = { path = \"/p\" }\nthen = { plugin = \"p\" }\n"
        + "[[listener.web.rule]]\npriority = 2\nwhen = { path = \"/todo.Todos/*\" }\nthen = { forward = \"none\" }\n"
        + &group("none", &[free_port()])
        + &group("g", &[free_port(), target.port()])
        + "limits = { requests = 100 }\ncircuit-breaker = {}\n"
        + &http_check("g", "/health")
        + "effect = \"alarm\"\n" // the dead target is asked all the same
        + &plugin("p", "p.wasm", "router", "")
        + &https(tls_port, "a.pem", "a.key").replace("listener.web", "listener.secure")
        + &passing
        + &scaled
        + log;
    let guest = fixture("router", "traps");
    let ca = Ca::new();
    let program = Program::start_with(&text, |folder| {
        put(folder, "p.wasm", &guest);
        put_pair(folder, &ca.issue("a.example"));
    });
    Secure::connect(&ca, tls_port, "a.example").get("a.example").expect("an answer");
    for _ in 0..4 {
        assert_eq!(get(port, "/").expect("an answer").status, 200);
    }
    request(port, "POST", "/p", &[], "body").expect("an answer");
    call(port, "/todo.Todos/List").expect("an answer");
    pass();
    let _ = send_raw(([127, 0, 0, 1], port), b"GET / HTTP/1.1\r\n\r\n");
    (program, target)
}

#[test]
fn operating_names_every_family_of_the_metrics_page_and_no_other() {
    let (program, _target) = busy();
    let text = document("docs/operating.md");
    let metrics = text.split("## Metrics").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let named: BTreeSet<_> = metrics
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| ["equipoise_", "process_"].iter().any(|prefix| code.starts_with(prefix)))
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .map(|name| name.strip_suffix("_total").unwrap_or(name).to_owned())
        .collect();
    let page = || families(&program.metrics());
    // Workers register some series when they first need them.
    eventually(&format!("{named:?} are on the page"), || named.is_subset(&page()).then_some(()));
    let unnamed: Vec<_> = page().difference(&named).cloned().collect();
    assert!(unnamed.is_empty(), "not in the document: {unnamed:?}");
}

#[test]
fn the_configuration_of_the_kubernetes_example_passes_its_checks() {
    let text = document("deploy/kubernetes.yaml");
    let (_, from) = text.split_once("equipoise.toml: |\n").expect("a configuration");
    let lines = from.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let toml: String = lines.map(|line| line.trim_start_matches("    ").to_owned() + "\n").collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The secret is mounted there, and nowhere here.
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").expect("writable");
    let toml = toml.replace("/run/secrets/equipoise/token", token.to_str().expect("text"));
    std::fs::write(folder.path().join("equipoise.toml"), toml).expect("writable");
    let output = equipoise(&["check", "-c", folder.path().to_str().expect("text")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
