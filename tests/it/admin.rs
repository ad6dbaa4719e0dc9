//! The admin address.

use equipoise_tests::{Program, TestTarget, equipoise, eventually, free_port, get, request};

use crate::text::{group, listener};

#[test]
fn metrics_count_requests_by_listener_group_and_status() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    for _ in 0..7 {
        assert_eq!(get(port, "/").expect("an answer").status, 200);
    }
    eventually("seven requests are counted", || {
        let metrics = program.metrics();
        let line = metrics.lines().find(|line| {
            line.starts_with("equipoise_requests_total{")
                && [r#"listener="web""#, r#"group="g""#, "2xx"].iter().all(|label| line.contains(label))
        })?;
        line.ends_with(" 7").then_some(())
    });
    for family in ["equipoise_build_info", "process_resident_memory_bytes", "equipoise_config_last_reload_successful"] {
        assert!(program.metrics().contains(family), "{family}");
    }
}

#[test]
fn liveness_readiness_and_start_up_have_their_own_pages() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    for page in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(get(program.admin, page).expect("an answer").status, 200, "{page}");
    }
}

#[test]
fn nothing_changes_on_get_and_a_web_page_cannot_reload() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let ask =
        |method, path, headers: &[_]| request(program.admin, method, path, headers, "").expect("an answer").status;
    assert_eq!(ask("GET", "/v1/reload", &[]), 405);
    assert!((400..500).contains(&ask("POST", "/v1/reload", &[("origin", "https://evil.example")])));
    assert!((400..500).contains(&ask("GET", "/v1/status", &[("host", "evil.example")])));
    assert_eq!(ask("GET", "/nothing", &[]), 404);
}

#[test]
fn status_and_drain_work_from_the_command_line() {
    let (target, port) = (TestTarget::named("a"), free_port());
    let mut program = Program::start(&(listener(port, "g") + &group("g", &[target.port()])));
    let admin = format!("127.0.0.1:{}", program.admin);
    let table = equipoise(&["--admin", &admin, "status"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains(&target.address.to_string()));
    let json = equipoise(&["--admin", &admin, "status", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["listeners"][0]["name"], "web");
    assert!(equipoise(&["--admin", &admin, "drain"]).status.success());
    assert_eq!(program.wait(std::time::Duration::from_secs(10)), Some(0));
}
