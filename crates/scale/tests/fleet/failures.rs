use std::time::Duration;

use equipoise_scale::{ActivityStatus, Event, Lifecycle};

use crate::shell::{START, Shell, name};

/// A group whose launches fail, and when each of them was.
fn crash_loop(seconds: u32) -> (Shell, Vec<u64>) {
    let mut shell = Shell::cold("");
    shell.lazy.insert("launch");
    let effects = shell.fleet.adopt(&name(), Vec::new(), shell.now);
    shell.take(effects);
    let mut at = Vec::new();
    for _ in 0..seconds {
        for instance in shell.all(Lifecycle::Pending) {
            at.push(shell.now.since(START).as_secs());
            shell.tell(&instance.id, Event::LaunchFailed("no such file".to_owned()));
        }
        shell.tick(1);
    }
    (shell, at)
}

#[test]
fn launches_that_fail_are_tried_less_and_less_often() {
    let (shell, at) = crash_loop(1500);
    assert_eq!(at, [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111, 1411]);
    let view = shell.view().back_off.unwrap();
    assert_eq!((view.failures, view.reason.as_str()), (13, "no such file"));
    let message = shell.last().message.clone().unwrap();
    assert!(
        message.starts_with("no such file; 13 launches in a row failed, the next one is tried at 2024-05-01T10:28:31Z"),
        "{message}"
    );
    assert_eq!(shell.statuses(ActivityStatus::Failed), 13);
}

#[test]
fn an_instance_that_serves_well_ends_the_waiting() {
    let (mut shell, _) = crash_loop(10);
    shell.lazy.clear();
    shell.tick(6);
    assert_eq!(shell.serving().len(), 1);
    assert!(shell.view().back_off.is_some());
    shell.tick(10);
    assert_eq!(shell.view().back_off, None);
}

#[test]
fn an_instance_that_ends_soon_after_it_joined_is_a_failure_and_one_that_served_is_not() {
    let mut shell = Shell::new("");
    shell.tick(3);
    let id = shell.serving().remove(0);
    shell.tell(&id, Event::Ended("exited with code 1".to_owned()));
    assert_eq!(shell.view().back_off.map(|view| view.failures), Some(1));
    assert_eq!(shell.serving().len(), 0);
    shell.tick(1);
    assert_eq!(shell.serving().len(), 1);
    shell.tick(11);
    let id = shell.serving().remove(0);
    shell.tell(&id, Event::Ended("exited with code 1".to_owned()));
    assert_eq!(shell.view().back_off, None);
    assert_eq!(shell.serving().len(), 1);
}

#[test]
fn launches_that_fail_together_count_once_and_are_tried_one_by_one_in_the_end() {
    let mut shell = Shell::cold("min = 4");
    shell.lazy.insert("check");
    let effects = shell.fleet.adopt(&name(), Vec::new(), shell.now);
    shell.take(effects);
    shell.obey();
    let mut rounds = Vec::new();
    for _ in 0..60 {
        let warming = shell.all(Lifecycle::Warming);
        rounds.extend((!warming.is_empty()).then_some(warming.len()));
        for instance in warming {
            shell.tell(&instance.id, Event::Ended("exited with code 1".to_owned()));
        }
        shell.tick(1);
    }
    assert_eq!(rounds, [4, 4, 4, 1, 1, 1], "{rounds:?}");
}

#[test]
fn who_does_not_pass_in_time_is_given_up_with_the_reason() {
    let mut shell = Shell::new("");
    shell.lazy.insert("check");
    shell.desire(2);
    let id = shell.all(Lifecycle::Warming).remove(0).id;
    shell.tell(&id, Event::Health { healthy: false, reason: "connection refused".to_owned() });
    shell.asked();
    shell.tick(8);
    assert_eq!(shell.asked(), "");
    shell.tick(1);
    assert_eq!(shell.asked(), "stop 2");
    let launch = shell.activity(&format!("Launching instance {id}"));
    assert_eq!(launch.status, ActivityStatus::Failed);
    assert!(
        launch.message.as_ref().unwrap().starts_with("it did not pass its checks within 10s: connection refused;"),
        "{launch:?}"
    );
    assert_eq!(shell.activity(&format!("Terminating instance {id}")).status, ActivityStatus::Successful);
}

#[test]
fn a_provider_that_never_answers_is_not_waited_for_for_ever() {
    let mut shell = Shell::new("");
    shell.lazy.insert("launch");
    shell.desire(2);
    shell.now = shell.now.after(Duration::from_secs(3600));
    shell.asked();
    shell.tick(1);
    assert!(shell.asked().starts_with("stop 2"));
}
