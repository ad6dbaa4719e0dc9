//! Scaling groups as their commands and the admin address show and change them.

use equipoise_tests::{Program, equipoise, eventually, get, request};
use serde_json::Value;

use crate::scaling::{Scaled, at_work};

/// A group of 1 to 3 instances, with an alarm that is never anything but quiet by itself.
const TERMS: &str = r#"min = 1
max = 3

[scaling-group.web.policy.out.simple]
alarm = "busy"
adjustment = "change-in-capacity"
by = 1

[alarm.busy]
scaling-group = "web"
metric = "custom.jobs"
period = "1s"
comparison = "greater-than"
threshold = 100"#;

fn scaled() -> (Scaled, u16) {
    at_work(TERMS, 1)
}

fn run(program: &Program, line: &str) -> (i32, String, String) {
    let admin = format!("127.0.0.1:{}", program.admin);
    let mut words = vec!["--admin", &admin];
    words.extend(line.split_whitespace());
    let output = equipoise(&words);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn done(program: &Program, line: &str) -> String {
    let (code, said, complained) = run(program, line);
    assert_eq!(code, 0, "{line}: {said}{complained}");
    said
}

#[track_caller]
fn json(program: &Program, line: &str) -> Value {
    serde_json::from_str(&done(program, &format!("{line} --output json"))).expect("JSON")
}

fn group(program: &Program) -> Value {
    json(program, "asg show web")
}

fn instance(group: &Value) -> String {
    group["instances"][0]["id"].as_str().expect("an instance").to_owned()
}

#[test]
fn capacity_is_set_and_shown_from_the_command_line() {
    let (program, port) = scaled();
    assert!(done(&program, "asg set-desired web 2").contains("2 desired"));
    eventually("two are in service", || (group(&program)["in_service"] == 2).then_some(()));
    assert!(done(&program, "asg list").contains("web"));
    let shown = done(&program, "asg show web");
    assert!(shown.contains("in-service") && shown.contains("busy"), "{shown}");
    let status = program.status();
    assert_eq!((&status["scaling_groups"][0]["desired"], &status["scaling_groups"][0]["max"]), (&2.into(), &3.into()));
    assert_eq!(get(port, "/api/v1/todos").expect("an answer").status, 200);
    let activities = json(&program, "asg activities web");
    let causes: Vec<_> = activities.as_array().expect("a list").iter().map(|activity| &activity["cause"]).collect();
    assert!(causes[0].as_str().expect("a cause").contains("from 1 to 2"), "{causes:?}");
    assert!(done(&program, "asg activities web --limit 1").contains("from 1 to 2"));
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    let (program, _) = scaled();
    for (line, part) in [
        ("asg show wbe", "the scaling groups are `web`"),
        ("asg set-desired web 4", "1 to 3"),
        ("asg refresh web --cancel", "not being refreshed"),
        ("asg terminate web i-0000000000000000", "has no instance"),
        ("alarms history bsuy", "`busy`"),
        ("metrics get scaling-group/web cpu", "there is no metric `cpu`"),
        ("metrics get scaling-group/wbe latency", "`web`"),
        ("metrics put scaling-group/web latency 1", "latency"),
    ] {
        let (code, said, complained) = run(&program, line);
        assert!(code == 1 && complained.contains(part), "{line}: {code} {said}{complained}");
    }
    assert_eq!(group(&program)["desired"], 1);
}

#[test]
fn processes_are_suspended_and_instances_protected_by_order() {
    let (program, _) = scaled();
    assert!(done(&program, "asg suspend web alarm-notification").contains("suspended"));
    assert_eq!(group(&program)["suspended"], serde_json::json!(["alarm-notification"]));
    done(&program, "asg resume web");
    assert_eq!(group(&program)["suspended"], serde_json::json!([]));
    let first = instance(&group(&program));
    done(&program, &format!("asg protect web {first}"));
    assert_eq!(group(&program)["instances"][0]["protected"], true);
    done(&program, &format!("asg unprotect web {first}"));
    assert_eq!(group(&program)["instances"][0]["protected"], false);
}

#[test]
fn an_instance_is_terminated_and_another_takes_its_place() {
    let (program, _) = scaled();
    let first = instance(&group(&program));
    done(&program, &format!("asg terminate web {first}"));
    eventually("another is in service alone", || {
        let group = group(&program);
        let is_replaced = group["instances"].as_array()?.len() == 1 && instance(&group) != first;
        (is_replaced && group["in_service"] == 1).then_some(())
    });
    done(&program, "asg refresh web");
    let second = instance(&group(&program));
    eventually("the refresh is over", || {
        let group = group(&program);
        (group["refresh"].is_null() && group["instances"].as_array()?.len() == 1 && instance(&group) != second)
            .then_some(())
    });
}

#[test]
fn a_pushed_metric_is_read_sets_an_alarm_off_and_grows_the_group() {
    let (program, _) = scaled();
    let push = || done(&program, "metrics put scaling-group/web custom.jobs 250");
    eventually("the alarm goes off", || {
        push();
        let alarms = json(&program, "alarms list");
        let alarm = alarms.as_array()?.iter().find(|alarm| alarm["name"] == "busy")?.clone();
        (alarm["state"] == "ALARM").then_some(())
    });
    eventually("the group grows", || {
        push();
        (group(&program)["desired"].as_u64()? > 1).then_some(())
    });
    let points = json(&program, "metrics get scaling-group/web custom.jobs --period 1s --since 1min");
    assert!(points["points"].as_array().expect("points").iter().any(|point| point["value"] == 250.0), "{points}");
    assert!(done(&program, "alarms history busy").contains("ALARM"));
    let cause = json(&program, "asg activities web")[0]["cause"].as_str().expect("a cause").to_owned();
    assert!(cause.contains("alarm busy in state ALARM triggered policy out"), "{cause}");
}

#[test]
fn a_web_page_gives_no_orders() {
    let (program, _) = scaled();
    let path = "/v1/scaling-groups/web/desired";
    let foreign = [("origin", "https://evil.example"), ("content-type", "application/json")];
    let answer = request(program.admin, "POST", path, &foreign, r#"{"desired": 3}"#).expect("an answer");
    assert_eq!(answer.status, 403);
    assert_eq!(group(&program)["desired"], 1);
}
