//! More and fewer instances under load, and others in their place: no request is lost.

use equipoise_tests::{eventually, free_port, get};
use rustix::process::Signal;

use super::{
    Scaled, activities, answered, at_work, desire, group, instances, is_gone, kill, load, nothing_lost, order,
    scaled_service, settled,
};

#[test]
fn scaling_out_and_in_by_order_loses_no_request() {
    let (program, port) = at_work("min = 1\nmax = 4", 1);
    let load = load(port, 8);
    desire(&program, 4);
    let four = settled(&program, 4);
    answered(&load, 1000);
    let names = load.tally().bodies;
    assert!(names.keys().any(|body| !body.is_empty()));
    desire(&program, 1);
    let one = settled(&program, 1);
    answered(&load, 500);
    nothing_lost(load);
    for name in four.keys().filter(|name| !one.contains_key(*name)) {
        assert!(is_gone(name), "{name} is left behind");
    }
    let history = activities(&program);
    let causes: Vec<_> = history.iter().filter_map(|activity| activity["cause"].as_str()).collect();
    let why = "a user request explicitly set the desired capacity, changing the desired capacity from 1 to 4";
    assert!(causes.iter().any(|cause| cause.contains(why)), "{causes:#?}");
    assert!(history.iter().all(|activity| activity["status"] == "successful"), "{history:#?}");
}

#[test]
fn a_target_takes_requests_only_after_it_passed() {
    let (program, port) = at_work("min = 1\nmax = 4", 1);
    let load = load(port, 4);
    order(&program, "suspend", "{\"processes\": [\"add-to-target-group\"]}");
    desire(&program, 2);
    eventually("the second one runs and waits", || (instances(&program, "warming").len() == 1).then_some(()));
    let waiting = instances(&program, "warming").into_keys().next().expect("one");
    answered(&load, 500);
    order(&program, "resume", "");
    settled(&program, 2);
    nothing_lost(load);
    assert!(!is_gone(&waiting));
}

#[test]
fn an_instance_that_is_killed_is_replaced_and_no_idempotent_request_is_lost() {
    let (program, port) = at_work("min = 3\nmax = 3", 3);
    let load = load(port, 8);
    for _ in 0..3 {
        let victim = settled(&program, 3).into_keys().next().expect("an instance");
        kill(&victim, Signal::KILL);
        eventually("another one takes its place", || {
            let serving = instances(&program, "in-service");
            (serving.len() == 3 && !serving.contains_key(&victim)).then_some(())
        });
        answered(&load, 300);
    }
    nothing_lost(load);
    let history = activities(&program);
    let told = |activity: &serde_json::Value| {
        activity["cause"].as_str().is_some_and(|cause| cause.contains("killed by signal 9"))
    };
    assert!(history.iter().any(told), "{history:#?}");
}

#[test]
fn another_launch_template_replaces_every_instance_and_no_request_is_lost() {
    let port = free_port();
    let text = scaled_service(port, "min = 2\nmax = 3");
    let program = Scaled::start(&text);
    let before = settled(&program, 2);
    let load = load(port, 8);
    program.configure(&text.replace("stop-timeout = \"5s\"", "stop-timeout = \"6s\""));
    eventually("two others are in service", || {
        let now = group(&program);
        let serving = instances(&program, "in-service");
        let replaced = serving.len() == 2 && serving.keys().all(|name| !before.contains_key(name));
        (replaced && now["refresh"].is_null() && now["instances"].as_array().map(Vec::len) == Some(2)).then_some(())
    });
    answered(&load, 500);
    nothing_lost(load);
    assert!(before.keys().all(|name| is_gone(name)));
}

#[test]
fn instances_follow_their_group_to_another_target_group() {
    let port = free_port();
    let text = scaled_service(port, "min = 1\nmax = 1");
    let program = Scaled::start(&text);
    let before = settled(&program, 1);
    let load = load(port, 4);
    program.configure(&text.replace("\"todo\"", "\"tasks\"").replace("target-group.todo", "target-group.tasks"));
    eventually("the group feeds another one", || (group(&program)["target_group"] == "tasks").then_some(()));
    answered(&load, 300);
    nothing_lost(load);
    assert_eq!(settled(&program, 1), before);
}

#[test]
fn orders_that_cannot_be_followed_say_why() {
    let (program, _) = at_work("min = 1\nmax = 2", 1);
    let json = [("content-type", "application/json")];
    let path = "/v1/scaling-groups/web/desired";
    let answer = equipoise_tests::request(program.admin, "POST", path, &json, "{\"desired\": 3}").expect("an answer");
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("has 1 to 2 instances: 3 is outside of that"), "{}", answer.body);
    assert_eq!(get(program.admin, "/v1/scaling-groups/wbe").expect("an answer").status, 404);
}
