//! The two stories that the health checks exist for, with the real sample service.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use bytes::Bytes;
use equipoise_tests::{Load, Program, SampleService, TestTarget, equipoise, eventually, free_port, free_ports, get};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};

use crate::text::{group, http_check, listener};

const PORT_ONLY: &str = "[target-group.todo.health-check.tcp]\ninterval = \"100ms\"\ntimeout = \"90ms\"\n\
                         healthy-threshold = 1\nunhealthy-threshold = 2\n";

/// Takes the storage of a running instance away; its port stays open.
fn lose_storage(service: &SampleService) {
    std::fs::remove_dir_all(service.data()).expect("the store lies on disk");
}

fn pair(folder: &Path) -> [SampleService; 2] {
    let ports = free_ports::<2>();
    [SampleService::start("one", ports[0], folder), SampleService::start("two", ports[1], folder)]
}

#[test]
fn a_check_that_sees_only_an_open_port_passes_while_the_storage_is_gone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [one, two] = pair(folder.path());
    let port = free_port();
    let group = group("todo", &[one.port, two.port]);
    let blind = Program::start(&(listener(port, "todo") + &group + PORT_ONLY));
    let health = || blind.status()["target_groups"][0]["targets"][0]["health"].clone();
    eventually("the check has looked", || (health() == "healthy").then_some(()));
    lose_storage(&one);
    eventually("requests fail although the check passes", || {
        get(port, "/api/v1/todos").is_ok_and(|answer| answer.status >= 500).then_some(())
    });
    assert_eq!(health(), "healthy");
    drop(blind);

    // The layered check asks what the port cannot tell, and the instance without storage is out.
    let port = free_port();
    let local = http_check("todo", "/api/v1/health") + "layer = \"local\"\n";
    let seeing = Program::start(&(listener(port, "todo") + &group + &local));
    eventually("the instance without storage is out", || {
        (seeing.status()["target_groups"][0]["targets"][0]["health"] == "unhealthy").then_some(())
    });
    for _ in 0..20 {
        assert_eq!(get(port, "/api/v1/todos").expect("an answer").status, 200);
    }
}

#[test]
fn check_warns_about_a_group_that_only_looks_at_a_port() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("equipoise.toml");
    std::fs::write(&file, listener(8080, "todo") + &group("todo", &[9001]) + PORT_ONLY).expect("writable");
    let output = equipoise(&["check", "-c", file.to_str().expect("text")]);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "a warning is not an error: {text}");
    assert!(text.contains("warning") && text.contains("todo") && text.contains("port"), "{text}");
}

/// Two targets that serve well, with a check that also asks something far away that both share.
fn broad(name: &str, far_away: Arc<AtomicBool>) -> TestTarget {
    let script = move |request: &Request<Bytes>, name: &str| {
        let mut response = Response::new(Full::from(name.to_owned()));
        if request.uri().path() == "/deep" && !far_away.load(SeqCst) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    };
    TestTarget::scripted(name, Arc::new(script))
}

#[test]
fn a_check_that_is_too_broad_does_not_take_the_pool_out_while_traffic_succeeds() {
    let far_away = Arc::new(AtomicBool::new(true));
    let targets = ["a", "b", "c"].map(|name| broad(name, far_away.clone()));
    let port = free_port();
    let ports: Vec<_> = targets.iter().map(TestTarget::port).collect();
    // Failing open would hide a missing guard, so it is off: without the guard every request would get 503.
    let text = listener(port, "todo") + &group("todo", &ports) + "fail-open = false\n" + &http_check("todo", "/deep");
    let program = Program::start(&text);
    // The guard needs a last good state to hold.
    eventually("all are found healthy", || {
        let status = program.status();
        let targets = status["target_groups"][0]["targets"].as_array().cloned()?;
        targets.iter().all(|target| target["health"] == "healthy").then_some(())
    });
    let load = Load::start(port, "/", 4);
    eventually("traffic flows", || (load.tally().succeeded() > 50).then_some(()));
    far_away.store(false, SeqCst);
    let why = eventually("the guard holds the last good state", || {
        program.status()["target_groups"][0]["guard_held"].as_str().map(str::to_owned)
    });
    let before = load.tally().succeeded();
    eventually("traffic goes on", || (load.tally().succeeded() > before + 200).then_some(()));
    far_away.store(true, SeqCst);
    eventually("the guard lets go", || program.status()["target_groups"][0]["guard_held"].is_null().then_some(()));
    let tally = load.stop();
    assert_eq!(tally.failed(), 0, "{tally:?}");
    assert!(!why.is_empty() && program.log().contains("guard"), "{why}\n{}", program.log());
}
