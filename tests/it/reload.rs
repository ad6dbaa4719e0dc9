//! Configuration changes while requests run: none is lost, and a bad file changes nothing.

use std::time::{Duration, Instant};

use equipoise_tests::{Load, Program, SampleService, TestTarget, eventually, free_port, free_ports, get};
use rustix::process::Signal;

use crate::text::{group, listener};

#[test]
fn fifty_reloads_under_load_lose_no_request() {
    let targets = ["a", "b", "c"].map(TestTarget::named);
    let ports = targets.each_ref().map(TestTarget::port);
    let port = free_port();
    let text = |n: usize| {
        let algorithm = ["round-robin", "least-connections", "weighted-least-connections"][n % 3];
        let chosen = if n.is_multiple_of(2) { &ports[..2] } else { &ports[1..] };
        format!("{}{}[target-group.g.balance.{algorithm}]\n", listener(port, "g"), group("g", chosen))
    };
    let program = Program::start(&text(0));
    let load = Load::start(port, "/", 8);
    for n in 1..=50 {
        program.configure(&text(n));
        let output = program.reload();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let tally = load.stop();
    assert!(tally.succeeded() > 500 && tally.failed() == 0, "{tally:?}");
    assert!(tally.bodies.len() == 3, "every target had its turn: {tally:?}");
    assert!(program.status()["generation"].as_u64().expect("a number") > 40);
}

#[test]
fn a_target_killed_and_restarted_five_times_loses_no_idempotent_request() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = free_ports::<3>();
    let mut services = [0, 1, 2].map(|n| SampleService::start(&format!("s{n}"), ports[n], folder.path()));
    let port = free_port();
    let check = crate::text::http_check("todo", "/api/v1/health");
    let program = Program::start(&(listener(port, "todo") + &group("todo", &ports) + &check));
    let load = Load::start(port, "/api/v1/todos", 8);
    for _ in 0..5 {
        let before = load.tally().succeeded();
        services[0].kill();
        eventually("traffic goes on without it", || (load.tally().succeeded() > before + 100).then_some(()));
        services[0].restart();
    }
    let tally = load.stop();
    assert_eq!(tally.failed(), 0, "{tally:?}\n{}", program.metrics());
}

#[test]
fn a_file_that_does_not_pass_its_checks_changes_nothing() {
    let (a, port) = (TestTarget::named("a"), free_port());
    let good = listener(port, "g") + &group("g", &[a.port()]);
    let program = Program::start(&good);
    for bad in [
        "this is not toml".to_owned(),
        good.replace("forward = \"g\"", "forward = \"nowhere\""),
        good.replace("targets", "tragets"),
        String::new() + "[plugin.x]\ncomponent = \"missing.wasm\"\nworld = \"router\"\n" + &good,
    ] {
        program.configure(&bad);
        let output = program.reload();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{bad}");
        assert!(told.contains("equipoise.toml") || told.contains("missing.wasm"), "it says where: {told}");
        assert_eq!(get(port, "/").expect("an answer").body, "a");
        assert_eq!(program.status()["last_reload"]["result"], "refused");
    }
    assert!(program.metrics().contains("equipoise_config_last_reload_successful 0"));
    program.configure(&good);
    assert!(program.reload().status.success());
    assert!(program.metrics().contains("equipoise_config_last_reload_successful 1"));
}

#[test]
fn a_saved_file_is_taken_up_without_being_asked_and_so_is_a_hang_up_signal() {
    let (a, b, c, port) = (TestTarget::named("a"), TestTarget::named("b"), TestTarget::named("c"), free_port());
    let with = |target: &TestTarget| listener(port, "g") + &group("g", &[target.port()]);
    let program = Program::start(&with(&a));
    program.configure(&with(&b));
    let answers = |name: &str| get(port, "/").is_ok_and(|answer| answer.body == name).then_some(());
    eventually("the watcher took it up", || answers("b"));
    program.configure(&with(&c));
    program.signal(Signal::HUP);
    eventually("the signal took it up", || answers("c"));
}

#[test]
fn listeners_come_and_go_and_the_others_keep_their_connections() {
    let (a, [stays, comes]) = (TestTarget::named("a"), free_ports::<2>());
    let base = listener(stays, "g") + &group("g", &[a.port()]);
    let second = format!("[listener.second]\nbind = \"127.0.0.1:{comes}\"\ndefault = {{ forward = \"g\" }}\n");
    let program = Program::start(&base);
    let load = Load::start(stays, "/", 2);
    assert!(get(comes, "/").is_err());
    program.configure(&(base.clone() + &second));
    assert!(program.reload().status.success());
    assert_eq!(get(comes, "/").expect("an answer").body, "a");
    program.configure(&base);
    assert!(program.reload().status.success());
    eventually("the listener is gone", || get(comes, "/").is_err().then_some(()));
    let tally = load.stop();
    assert_eq!(tally.failed(), 0, "{tally:?}");
}

#[test]
fn a_port_that_is_taken_refuses_the_whole_change() {
    let (a, b, port) = (TestTarget::named("a"), TestTarget::named("b"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[a.port()])));
    let taken = format!("[listener.second]\nbind = \"{}\"\ndefault = {{ forward = \"g\" }}\n", b.address);
    program.configure(&(listener(port, "g") + &taken + &group("g", &[b.port()])));
    let output = program.reload();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains(&b.address.to_string()), "{told}");
    assert_eq!(get(port, "/").expect("an answer").body, "a", "not even the sound part was applied");
}

#[test]
fn counts_and_health_of_what_did_not_change_live_on() {
    let (a, b, port) = (TestTarget::named("a"), TestTarget::named("b"), free_port());
    let check = crate::text::http_check("g", "/");
    let program = Program::start(&(listener(port, "g") + &group("g", &[a.port()]) + &check));
    eventually("a is healthy", || {
        (program.status()["target_groups"][0]["targets"][0]["health"] == "healthy").then_some(())
    });
    for _ in 0..10 {
        assert_eq!(get(port, "/").expect("an answer").status, 200);
    }
    program.configure(&(listener(port, "g") + &group("g", &[a.port(), b.port()]) + &check));
    assert!(program.reload().status.success());
    let first = program.status()["target_groups"][0]["targets"][0].clone();
    assert!(first["requests"].as_u64().expect("a number") >= 10, "{first}");
    assert_eq!(first["health"], "healthy", "{first}");
}

#[test]
fn a_reload_that_changes_nothing_says_so_and_keeps_the_generation() {
    let (a, port) = (TestTarget::named("a"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[a.port()])));
    let before = program.status()["generation"].clone();
    let start = Instant::now();
    let output = program.reload();
    assert!(output.status.success() && start.elapsed() < Duration::from_secs(5));
    assert_eq!(program.status()["generation"], before);
    assert_eq!(program.status()["last_reload"]["result"], "unchanged");
}
