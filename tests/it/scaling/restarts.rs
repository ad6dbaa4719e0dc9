//! Instances outlive the balancer that is killed or replaced, and are found again: none twice, none left behind.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use equipoise_tests::{binary, eventually, free_port, get};
use rustix::process::Signal;

use super::{
    Scaled, activities, answered, desire, instances, is_gone, kill, load, nothing_lost, scaled_service, settled,
};
use crate::upgrade::Other;

/// The same program once more, in the folder of one that was killed.
struct Again(Child);

impl Again {
    fn start(folder: &Path) -> Self {
        let child = Command::new(binary())
            .args(["run", "-c"])
            .arg(folder.join("equipoise.toml"))
            .env("EQUIPOISE_STATE", folder.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the program starts"))
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn after_sigkill_the_next_program_adopts_every_instance_and_answers_from_the_first_request() {
    let port = free_port();
    let mut program = Scaled::start(&scaled_service(port, "min = 1\nmax = 4"));
    settled(&program, 1);
    desire(&program, 3);
    let before = settled(&program, 3);
    let told = activities(&program).len();
    program.signal(Signal::KILL);
    program.wait(std::time::Duration::from_secs(20));
    assert!(before.keys().all(|name| !is_gone(name)), "they go on");
    let again = Again::start(program.folder());
    let first = eventually("the listener is back", || get(port, "/api/v1/todos").ok());
    assert_eq!(first.status, 200, "the first answer: {}", first.body);
    eventually("ready", || get(program.admin, "/readyz").is_ok_and(|answer| answer.status == 200).then_some(()));
    assert_eq!(settled(&program, 3), before);
    assert!(activities(&program).len() >= told, "the history goes on");
    let victim = before.keys().next().expect("one").clone();
    kill(&victim, Signal::KILL);
    eventually("an adopted instance is watched", || {
        let serving = instances(&program, "in-service");
        (serving.len() == 3 && !serving.contains_key(&victim)).then_some(())
    });
    drop(again);
}

#[test]
fn instances_of_a_group_that_the_configuration_forgot_meanwhile_are_stopped_by_the_next_program() {
    let port = free_port();
    let mut program = Scaled::start(&scaled_service(port, "min = 2\nmax = 2"));
    let before = settled(&program, 2);
    program.signal(Signal::KILL);
    program.wait(std::time::Duration::from_secs(20));
    let file = program.folder().join("equipoise.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let (without, _) = text.split_once("[scaling-group.").expect("a scaling group");
    let without = format!("{without}[admin]\nbind = \"127.0.0.1:{}\"\n", program.admin);
    std::fs::write(&file, without).expect("written");
    let _again = Again::start(program.folder());
    eventually("nothing of them is left", || before.keys().all(|name| is_gone(name)).then_some(()));
    let answer = eventually("the program serves", || get(port, "/").ok());
    assert_eq!(answer.status, 503);
}

#[test]
fn an_upgrade_hands_instances_over_and_loses_no_request() {
    let port = free_port();
    let mut program = Scaled::start(&scaled_service(port, "min = 1\nmax = 4"));
    settled(&program, 1);
    desire(&program, 2);
    let before = settled(&program, 2);
    let load = load(port, 8);
    program.signal(Signal::USR2);
    let second = Other::of(&program, 0);
    assert_eq!(program.wait(std::time::Duration::from_secs(20)), Some(0), "{}", program.log());
    answered(&load, 300);
    assert_eq!(settled(&program, 2), before);
    desire(&program, 3);
    settled(&program, 3);
    desire(&program, 1);
    let left = settled(&program, 1);
    answered(&load, 300);
    nothing_lost(load);
    assert!(before.keys().filter(|name| !left.contains_key(*name)).all(|name| is_gone(name)));
    second.signal(Signal::TERM);
    eventually("the second process ends", || second.is_gone().then_some(()));
    assert!(left.keys().all(|name| is_gone(name)), "and its instances with it");
}

#[test]
fn instances_that_are_to_be_kept_are_adopted_by_the_next_program() {
    let port = free_port();
    let mut program = Scaled::start(&scaled_service(port, "min = 1\nmax = 1\nkeep-at-exit = true"));
    let ours = settled(&program, 1);
    program.signal(Signal::TERM);
    assert_eq!(program.wait(std::time::Duration::from_secs(20)), Some(0), "{}", program.log());
    assert!(ours.keys().all(|name| !is_gone(name)), "{}", program.log());
    let _again = Again::start(program.folder());
    eventually("it is back", || get(program.admin, "/readyz").is_ok_and(|answer| answer.status == 200).then_some(()));
    assert_eq!(settled(&program, 1), ours);
}

#[test]
fn a_state_that_another_program_has_is_refused_by_name() {
    let port = free_port();
    let program = Scaled::start(&scaled_service(port, "min = 1\nmax = 1"));
    settled(&program, 1);
    let other = free_port();
    let text = std::fs::read_to_string(program.folder().join("equipoise.toml")).expect("readable");
    let text = text.replace(&format!(":{port}"), &format!(":{other}")).replace(&format!(":{}", program.admin), ":0");
    let file = program.folder().join("other.toml.txt");
    std::fs::write(&file, text).expect("writable");
    let output = equipoise_tests::equipoise(&["run", "-c", file.to_str().expect("text")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("scaling.redb is in use by another program"), "{said}");
}
