//! What becomes of instances when the program ends.

use std::time::Duration;

use equipoise_tests::{eventually, free_port};
use rustix::process::Signal;

use super::{Scaled, answered, is_gone, load, ports, sample_service, scaled, scaled_service, settled};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn the_end_drains_first_and_stops_instances_then() {
    let port = free_port();
    let mut program = Scaled::start(&scaled_service(port, "min = 2\nmax = 2"));
    let ours = settled(&program, 2);
    let load = load(port, 4);
    answered(&load, 100);
    program.signal(Signal::TERM);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
    let tally = load.stop();
    assert!(tally.statuses.keys().all(|status| *status == 200), "{:?}", tally.statuses);
    assert!(ours.keys().all(|name| is_gone(name)), "{}", program.log());
}

#[test]
fn an_instance_that_cannot_be_stopped_is_named_and_left_behind() {
    let port = free_port();
    let instance = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = instance.local_addr().expect("an address");
    let says = |text: &str| format!("[\"/bin/sh\", \"-c\", {:?}]", format!("echo '{text}'"));
    let launch = says(&format!("{{\"handle\": \"h\", \"address\": \"{address}\"}}"));
    let (list, describe) = (says("[]"), says("{\"running\": true}"));
    let template = format!("launch = {launch}\nlist = {list}\ndescribe = {describe}\nstop = [\"/bin/false\"]");
    let configuration = scaled(port, "min = 1\nmax = 1\nhealth = \"process\"", &template);
    let mut program = Scaled::start(&configuration.replace("launch-template.process", "launch-template.command"));
    let ours = settled(&program, 1);
    program.signal(Signal::TERM);
    assert_eq!(program.wait(Duration::from_secs(60)), Some(0), "{}", program.log());
    let name = ours.keys().next().expect("one");
    let told =
        |line: &str| line.contains("could not be stopped") && line.contains("without these") && line.contains(name);
    assert!(program.log().lines().any(told), "{}", program.log());
}

#[test]
fn the_second_interrupt_waits_for_nobody() {
    let port = free_port();
    let template = format!(
        "command = [\"/bin/sh\", \"-c\", {:?}]\nports = \"{}\"\nstop-timeout = \"1h\"",
        format!("trap '' TERM; {} & while true; do wait; done", sample_service(&[]).replace(['[', ']', ',', '"'], "")),
        ports(4)
    );
    let mut program = Scaled::start(&scaled(port, "min = 1\nmax = 1", &template));
    settled(&program, 1);
    program.signal(Signal::INT);
    eventually("it waits for its instance", || program.log().contains("stopping instances").then_some(()));
    program.signal(Signal::INT);
    assert_eq!(program.wait(SOON), Some(0), "{}", program.log());
}
