use equipoise_scale::{ActivityStatus, Event, Lifecycle, Order, Process};

use crate::shell::{Shell, unhealthy};

const HOOKS: &str = "[hook.register]\non = \"launching\"\ncommand = [\"a\"]\nabandon = true\n\
    [hook.tell]\non = \"launching\"\ncommand = [\"b\"]\n\
    [hook.forget]\non = \"terminating\"\ncommand = [\"c\"]\nabandon = true\n";

#[test]
fn an_instance_is_launched_looked_at_and_joins() {
    let mut shell = Shell::new("");
    assert_eq!(shell.asked(), "launch 1, check 1, join 1");
    let activity = shell.last();
    assert_eq!(activity.status, ActivityStatus::Successful);
    assert_eq!(
        activity.cause,
        "At 2024-05-01T10:00:00Z the scaling group was created, changing the desired capacity from 0 to 1. \
         At 2024-05-01T10:00:00Z an instance was started in response to a difference between desired and actual \
         capacity, increasing the capacity from 0 to 1."
    );
    assert!(activity.end.is_some());
    shell.tick(100);
    assert_eq!(shell.asked(), "");
}

#[test]
fn hooks_run_one_after_the_other_before_the_first_check_and_after_the_last_request() {
    let mut shell = Shell::new(HOOKS);
    assert_eq!(shell.asked(), "launch 1, hook 1, hook 1, check 1, join 1");
    let id = shell.serving().remove(0);
    shell.tick(20);
    shell.order(Order::Terminate { instance: id, shrink: false }).unwrap();
    // The new one does not wait for the old one's requests.
    assert_eq!(shell.asked(), "leave 1, launch 2, hook 1, hook 2, stop 1, hook 2, check 2, join 2");
}

#[test]
fn a_hook_that_may_give_a_launch_up_does_and_one_that_may_not_is_remarked() {
    let mut shell = Shell::cold(HOOKS);
    shell.lazy.insert("hook");
    let effects = shell.fleet.adopt(&crate::shell::name(), Vec::new(), shell.now);
    shell.take(effects);
    shell.obey();
    let id = shell.all(Lifecycle::Pending).remove(0).id;
    let hooked = |name: &str, failure: Option<&str>| Event::Hooked {
        hook: equipoise_target::HookName::new(name).unwrap(),
        failure: failure.map(str::to_owned),
    };
    shell.tell(&id, hooked("register", None));
    shell.tell(&id, hooked("tell", Some("exit code 1")));
    assert_eq!(shell.serving(), std::slice::from_ref(&id), "the second one may fail");
    assert_eq!(shell.last().message.as_deref(), Some("hook `tell` failed: exit code 1"));

    shell.desire(2);
    let next = shell.all(Lifecycle::Pending).remove(0).id;
    shell.tell(&next, hooked("register", Some("no")));
    let launch = shell.activity(&format!("Launching instance {next}"));
    assert_eq!(launch.status, ActivityStatus::Failed);
    assert!(launch.message.as_ref().unwrap().starts_with("hook `register` failed: no; the next launch is tried at"));
    assert_eq!(shell.serving(), [id]);
    // Its hooks at launch were not through: those at termination have nothing to undo.
    assert!(shell.asked().ends_with("stop 2"));
}

#[test]
fn who_is_unhealthy_leaves_before_it_is_stopped_and_another_one_comes() {
    let mut shell = Shell::new("min = 2");
    shell.asked();
    shell.tick(60);
    shell.lazy.insert("leave");
    let id = shell.serving().remove(0);
    shell.tell(&id, unhealthy());
    assert_eq!(shell.asked(), "leave 1, launch 3, check 3, join 3");
    assert_eq!(shell.all(Lifecycle::Draining).len(), 1);
    let cause = &shell.activity("Terminating").cause;
    assert_eq!(
        cause,
        "At 2024-05-01T10:01:00Z an instance was taken out of service because its health checks failed: status 500."
    );
    shell.tell(&id, Event::Drained);
    assert_eq!(shell.asked(), "stop 1");
    assert_eq!(shell.view().instances.len(), 2);
    assert_eq!(shell.statuses(ActivityStatus::InProgress), 0);
}

#[test]
fn the_last_target_stays_until_another_one_serves() {
    let mut shell = Shell::new("");
    shell.tick(60);
    shell.asked();
    shell.lazy.insert("check");
    let id = shell.serving().remove(0);
    shell.tell(&id, unhealthy());
    shell.tick(1);
    assert_eq!(shell.asked(), "launch 2, check 2", "a balancer without a healthy target tries this one");
    shell.lazy.clear();
    shell.obey();
    assert_eq!(shell.asked(), "join 2, leave 1, stop 1");

    shell.tick(60);
    shell.lazy.insert("check");
    let id = shell.serving().remove(0);
    shell.tell(&id, unhealthy());
    shell.tell(&id, Event::Health { healthy: true, reason: String::new() });
    shell.tick(1);
    assert_eq!(shell.asked(), "launch 3, check 3, stop 3", "it recovered first");
    shell.tell(&id, unhealthy());
    shell.tell(&id, Event::Ended("killed".to_owned()));
    assert!(shell.asked().contains("leave 2"), "who ended does not stay");
}

#[test]
fn who_ended_is_replaced_at_once() {
    let mut shell = Shell::new("");
    shell.tick(60);
    shell.asked();
    let id = shell.serving().remove(0);
    shell.tell(&id, Event::Ended("killed by signal 9 (KILL)".to_owned()));
    assert_eq!(shell.asked(), "leave 1, launch 2, stop 1, check 2, join 2");
    assert!(shell.activity("Terminating").cause.ends_with("because killed by signal 9 (KILL)."));
}

#[test]
fn when_only_the_process_counts_checks_are_not_believed() {
    let mut shell = Shell::new("health = \"process\"");
    let id = shell.serving().remove(0);
    shell.tell(&id, unhealthy());
    shell.tick(5);
    assert_eq!(shell.serving(), [id]);
}

#[test]
fn what_is_suspended_is_made_up_for_when_it_is_resumed() {
    let mut shell = Shell::new("");
    shell.asked();
    shell.tick(60);
    shell.order(Order::Suspend(vec![Process::AddToTargetGroup])).unwrap();
    shell.desire(2);
    assert_eq!(shell.asked(), "launch 2, check 2");
    assert_eq!(shell.all(Lifecycle::Warming).len(), 1);
    shell.tick(60);
    assert_eq!(shell.all(Lifecycle::Warming).len(), 1, "its time to pass is over, but it passed");
    shell.order(Order::Resume(vec![Process::AddToTargetGroup])).unwrap();
    assert_eq!(shell.asked(), "join 2");

    let id = shell.serving().remove(0);
    shell.order(Order::Suspend(vec![Process::ReplaceUnhealthy])).unwrap();
    shell.tell(&id, unhealthy());
    shell.tick(5);
    assert_eq!(shell.asked(), "");
    shell.order(Order::Resume(Vec::new())).unwrap();
    assert_eq!(shell.asked(), "leave 1, launch 3, stop 1, check 3, join 3");

    shell.order(Order::Suspend(vec![Process::Launch])).unwrap();
    shell.desire(4);
    shell.order(Order::Suspend(vec![Process::Terminate])).unwrap();
    shell.desire(1);
    assert_eq!((shell.asked().as_str(), shell.view().suspended.len()), ("", 2));
    shell.order(Order::Resume(vec![Process::Terminate])).unwrap();
    shell.tick(1);
    assert_eq!(shell.asked(), "leave 2, stop 2");
}

#[test]
fn what_the_configuration_suspends_stays_suspended() {
    let mut shell = Shell::new("min = 0\nsuspend = [\"launch\"]");
    shell.desire(2);
    shell.order(Order::Resume(Vec::new())).unwrap();
    assert_eq!(shell.asked(), "");
    assert_eq!(shell.view().suspended, [Process::Launch]);
    shell.configure_text("min = 0");
    assert_eq!(shell.serving().len(), 2);
}

#[test]
fn a_stop_that_fails_is_tried_again() {
    let mut shell = Shell::new("min = 0\ndesired = 1");
    shell.lazy.insert("stop");
    let id = shell.serving().remove(0);
    shell.desire(0);
    shell.tell(&id, Event::StopFailed("the engine is away".to_owned()));
    shell.asked();
    assert!(shell.last().message.as_ref().unwrap().contains("the engine is away"));
    shell.tick(4);
    assert_eq!(shell.asked(), "");
    shell.lazy.clear();
    shell.tick(2);
    assert_eq!(shell.asked(), "stop 1");
    assert_eq!(shell.view().instances, []);
    assert_eq!(shell.last().status, ActivityStatus::Successful);
}

#[test]
fn at_the_end_of_the_program_everything_leaves_and_nothing_is_launched() {
    let mut shell = Shell::new("min = 2");
    shell.asked();
    let effects = shell.fleet.shut_down(shell.now);
    shell.take(effects);
    assert!(!shell.fleet.is_shut_down());
    shell.obey();
    assert_eq!(shell.asked(), "leave 1, leave 2, stop 1, stop 2");
    assert!(shell.fleet.is_shut_down());
    shell.tick(10);
    assert_eq!(shell.asked(), "");
    assert_eq!(shell.fleet.state(&crate::shell::name()).unwrap().desired, 2, "as it was, for the next start");
}

#[test]
fn instances_that_are_kept_go_on_at_the_end_of_the_program() {
    let mut shell = Shell::new("keep-at-exit = true");
    shell.asked();
    assert_eq!(shell.fleet.shut_down(shell.now), []);
    assert!(shell.fleet.is_shut_down());
    let id = shell.serving().remove(0);
    shell.tell(&id, Event::Ended("by itself".to_owned()));
    shell.tick(10);
    assert_eq!(shell.asked(), "leave 1, stop 1", "nothing is launched any more");
}
