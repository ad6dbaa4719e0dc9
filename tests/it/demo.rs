//! The first command of the README.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use equipoise_tests::{TestTarget, binary, equipoise, eventually, free_ports, get};
use rustix::process::{Pid, Signal};

#[test]
fn the_demo_spreads_requests_over_three_instances_and_leaves_nothing_behind() {
    let [port, admin] = free_ports::<2>();
    let mut demo = Command::new(binary())
        .args(["demo", "--port", &port.to_string(), "--admin-port", &admin.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    eventually("the demo is ready", || get(admin, "/readyz").is_ok_and(|answer| answer.status == 200).then_some(()));
    let instances: BTreeSet<_> = (0..12)
        .filter_map(|_| get(port, "/api/v1/todos").expect("an answer").header("x-instance").map(str::to_owned))
        .collect();
    assert_eq!(instances.len(), 3, "{instances:?}");
    let children = children_of(demo.id());
    assert_eq!(children.len(), 3, "{children:?}");
    rustix::process::kill_process(Pid::from_child(&demo), Signal::INT).expect("it lives");
    let status = eventually("it ends", || demo.try_wait().expect("waitable"));
    let output = demo.wait_with_output().expect("readable");
    assert_eq!(status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for child in children {
        assert!(!std::path::Path::new(&format!("/proc/{child}")).exists(), "process {child} is left behind");
    }
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("curl") && told.contains(&port.to_string()), "{told}");
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let busy = TestTarget::named("busy");
    let output = equipoise(&["demo", "--port", &busy.port().to_string()]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains(&busy.port().to_string()) && told.contains("--port"), "{told}");
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    })
    .collect()
}
