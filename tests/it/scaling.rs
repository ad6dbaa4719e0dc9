//! Scaling groups: real instances, started, balanced, drained and stopped by the built program.

mod bad_templates;
mod capacity;
mod endings;
mod hooks;
mod practical;
mod restarts;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use equipoise_tests::{Load, Program, binary, eventually, free_port, get, request};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::text::listener;

/// Ports for instances, apart from those that tests take for themselves and from those that the system gives away.
pub(crate) fn ports(count: u32) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 30_000;
    const STEP: u32 = 24;
    const STEPS: u32 = 2_700 / STEP;
    let turn = std::process::id().wrapping_mul(17).wrapping_add(NEXT.fetch_add(1, Relaxed)) % STEPS;
    let first = FIRST + turn * STEP;
    format!("{first}-{}", first + count - 1)
}

/// A command line that starts the sample service with further arguments.
pub(crate) fn sample_service(arguments: &[&str]) -> String {
    let program = binary().to_str().expect("a path of text");
    let mut words =
        vec![program, "sample-service", "--port", "{port}", "--name", "{instance}", "--data", "data/{instance}"];
    words.extend(arguments);
    format!("{words:?}")
}

/// Patient with a busy machine.
const CHECK: &str = "[target-group.todo.health-check.http]\npath = \"/api/v1/health\"\ninterval = \"3s\"\n\
                     timeout = \"2900ms\"\nhealthy-threshold = 1\nunhealthy-threshold = 3\n";

/// The whole configuration of a scaling group `web` behind a listener on `port`. `terms` are keys of the group, then
/// its tables; `template` are keys of its launch template.
pub(crate) fn scaled(port: u16, terms: &str, template: &str) -> String {
    let (keys, tables) =
        terms.split_once("\n[").map_or((terms, String::new()), |(keys, rest)| (keys, format!("[{rest}")));
    listener(port, "todo")
        + "[target-group.todo]\nderegistration-delay = \"10s\"\n"
        + CHECK
        + "[scaling]\nstate = \"scaling.redb\"\n"
        + &format!("[scaling-group.web]\ntarget-group = \"todo\"\n{keys}\n")
        + &format!("[scaling-group.web.launch-template.process]\n{template}\n{tables}\n")
}

/// The same with the sample service on a range of ports of its own.
pub(crate) fn scaled_service(port: u16, terms: &str) -> String {
    scaled(port, terms, &format!("command = {}\nports = \"{}\"\nstop-timeout = \"5s\"", sample_service(&[]), ports(20)))
}

/// The group as the admin address shows it.
pub(crate) fn group(program: &Program) -> Value {
    let answer = get(program.admin, "/v1/scaling-groups/web").expect("the admin address answers");
    serde_json::from_str(&answer.body).expect("JSON")
}

/// The group's history, the newest first.
pub(crate) fn activities(program: &Program) -> Vec<Value> {
    let answer = get(program.admin, "/v1/scaling-groups/web/activities?limit=1000").expect("the admin address answers");
    let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    let list = answer.as_array().cloned().or_else(|| answer["activities"].as_array().cloned());
    list.unwrap_or_else(|| panic!("a list of activities: {answer}"))
}

/// Instances in a state, by name, with their addresses.
pub(crate) fn instances(program: &Program, lifecycle: &str) -> BTreeMap<String, String> {
    let group = group(program);
    let all = group["instances"].as_array().unwrap_or_else(|| panic!("instances: {group}"));
    let those = all.iter().filter(|instance| instance["lifecycle"] == lifecycle);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    those.map(|instance| (text(&instance["id"]), text(&instance["address"]))).collect()
}

/// Waits until exactly so many instances are there, all of them in service.
#[track_caller]
pub(crate) fn settled(program: &Program, count: usize) -> BTreeMap<String, String> {
    eventually(&format!("{count} instances, all in service"), || {
        let serving = instances(program, "in-service");
        let all = group(program)["instances"].as_array().map_or(0, Vec::len);
        (serving.len() == count && all == count).then_some(serving)
    })
}

/// Gives an order and expects it to be followed.
#[track_caller]
pub(crate) fn order(program: &Program, path: &str, body: &str) {
    let path = format!("/v1/scaling-groups/web/{path}");
    let json = [("content-type", "application/json")];
    let answer = request(program.admin, "POST", &path, &json, body).expect("the admin address answers");
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
}

#[track_caller]
pub(crate) fn desire(program: &Program, desired: u32) {
    order(program, "desired", &format!("{{\"desired\": {desired}}}"));
}

/// Process ids of an instance's own process: the one that has its name among its arguments.
pub(crate) fn pids(instance: &str) -> Vec<i32> {
    let is_it = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(instance)
    };
    everybody().filter(is_it).collect()
}

fn everybody() -> impl Iterator<Item = i32> {
    let folders = std::fs::read_dir("/proc").expect("a proc file system").filter_map(Result::ok);
    folders.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
}

#[track_caller]
pub(crate) fn kill(instance: &str, signal: Signal) {
    let pids = pids(instance);
    assert!(!pids.is_empty(), "{instance} has no process");
    for pid in pids {
        // It may end meanwhile.
        let _ = kill_process(Pid::from_raw(pid).expect("a process id"), signal);
    }
}

/// Whether no process of an instance is there any more.
pub(crate) fn is_gone(instance: &str) -> bool {
    pids(instance).into_iter().all(|pid| test_kill_process(Pid::from_raw(pid).expect("a process id")).is_err())
}

/// A load on the todos that has been answered for a while.
pub(crate) fn load(port: u16, connections: usize) -> Load {
    eventually("somebody answers", || {
        get(port, "/api/v1/todos").is_ok_and(|answer| answer.status == 200).then_some(())
    });
    let load = Load::start(port, "/api/v1/todos", connections);
    answered(&load, 100);
    load
}

pub(crate) fn answered(load: &Load, more: u64) {
    let goal = load.tally().succeeded() + more;
    eventually("requests are answered", || (load.tally().succeeded() >= goal).then_some(()));
}

/// Ends the load and expects that nothing was lost.
#[track_caller]
pub(crate) fn nothing_lost(load: Load) {
    let tally = load.stop();
    assert_eq!((tally.failed(), &tally.errors), (0, &BTreeMap::new()), "{:?}", tally.statuses);
    assert!(tally.succeeded() > 0);
}

/// A program that leaves no instance behind, however its test ends: they run in its folder.
pub(crate) struct Scaled(Program);

impl Scaled {
    pub(crate) fn start(configuration: &str) -> Self {
        Self(Program::start(configuration))
    }
}

impl std::ops::Deref for Scaled {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.0
    }
}

impl std::ops::DerefMut for Scaled {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.0
    }
}

impl Drop for Scaled {
    fn drop(&mut self) {
        // It may have ended; while it lives it would start others.
        if self.0.wait(Duration::ZERO).is_none() {
            let _ = kill_process(Pid::from_raw(self.0.pid() as i32).expect("a process id"), Signal::KILL);
            let _ = self.0.wait(Duration::from_secs(20));
        }
        let folder = self.0.folder().canonicalize().expect("it is there");
        for pid in everybody()
            .filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)))
        {
            let _ = kill_process(Pid::from_raw(pid).expect("a process id"), Signal::KILL);
        }
    }
}

/// A program with a group of `count` instances at work.
pub(crate) fn at_work(terms: &str, count: usize) -> (Scaled, u16) {
    let port = free_port();
    let program = Scaled::start(&scaled_service(port, terms));
    settled(&program, count);
    (program, port)
}
