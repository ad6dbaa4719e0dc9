use std::collections::BTreeMap;

use equipoise_scale::{ActivityStatus, Event, Lifecycle, Order, OrderError, Process};

use crate::shell::{Shell, name, template};

/// How many instances run from which version.
fn versions(shell: &Shell) -> BTreeMap<u32, usize> {
    let mut versions = BTreeMap::new();
    for instance in shell.view().instances {
        *versions.entry(instance.template).or_default() += 1;
    }
    versions
}

fn change(shell: &mut Shell, settings: &str, command: &str) {
    shell.configure_text(&format!("{settings}\n{}", template(command)));
}

#[test]
fn a_new_launch_template_replaces_one_after_the_other_and_none_is_missed() {
    let mut shell = Shell::new("min = 4");
    shell.tick(20);
    shell.asked();
    shell.lazy.insert("check");
    change(&mut shell, "min = 4", "other");
    assert_eq!(shell.asked(), "launch 5, check 5", "one more than the maximum");
    shell.tick(5);
    assert_eq!(shell.asked(), "");
    let progress = shell.view().refresh.unwrap();
    assert_eq!((progress.from, progress.to, progress.total, progress.replaced), (1, 2, 4, 0));
    for _ in 0..4 {
        assert_eq!(shell.serving().len(), 4);
        let id = shell.all(Lifecycle::Warming).remove(0).id;
        shell.tell(&id, Event::Passed);
    }
    assert_eq!(versions(&shell), [(2, 4)].into());
    assert_eq!(shell.view().refresh, None);
    let activity = shell.activity("Refreshing instances from launch template 1 to 2");
    assert_eq!(activity.status, ActivityStatus::Successful);
    assert!(activity.cause.ends_with("the configuration changed the launch template from version 1 to 2."));
    assert!(shell.activity("Launching").cause.contains("in response to an instance refresh to launch template 2"));
}

#[test]
fn the_same_launch_template_is_no_change() {
    let mut shell = Shell::new("");
    shell.asked();
    shell.configure_text("default-cooldown = \"1s\"");
    assert_eq!((shell.asked().as_str(), shell.view().template), ("", 1));
}

#[test]
fn where_fewer_will_do_old_ones_go_first() {
    const HALF: &str = "min = 4\n[refresh]\nmin-healthy = 50";
    let mut shell = Shell::new(HALF);
    shell.tick(20);
    shell.asked();
    shell.lazy.insert("check");
    change(&mut shell, HALF, "other");
    assert_eq!(shell.asked(), "leave 1, leave 2, launch 5, launch 6, stop 1, stop 2, check 5, check 6");
    assert_eq!(shell.serving().len(), 2);
    shell.lazy.clear();
    shell.obey();
    assert_eq!(versions(&shell), [(2, 4)].into());
}

#[test]
fn a_single_instance_is_replaced_without_a_gap_whatever_share_may_be_missing() {
    let mut shell = Shell::new("[refresh]\nmin-healthy = 50");
    shell.asked();
    change(&mut shell, "[refresh]\nmin-healthy = 50", "other");
    assert_eq!(shell.asked(), "launch 2, check 2, join 2, leave 1, stop 1");
}

#[test]
fn a_refresh_pauses_at_its_checkpoints() {
    const SETTINGS: &str = "min = 4\n[refresh]\ncheckpoints = [50, 100]\ncheckpoint-wait = \"60s\"";
    let mut shell = Shell::new(SETTINGS);
    shell.tick(20);
    change(&mut shell, SETTINGS, "other");
    shell.tick(1);
    assert_eq!(versions(&shell), [(1, 2), (2, 2)].into());
    let paused = shell.view().refresh.unwrap();
    assert_eq!((paused.replaced, paused.paused_until), (2, Some(shell.now.after(std::time::Duration::from_secs(59)))));
    assert!(shell.activity("Refreshing").message.as_ref().unwrap().starts_with("50 % are replaced; it goes on at"));
    shell.tick(58);
    assert_eq!(versions(&shell), [(1, 2), (2, 2)].into());
    shell.tick(2);
    assert_eq!(versions(&shell), [(2, 4)].into());
    assert!(shell.view().refresh.is_some(), "all of them are looked at for a while, too");
    shell.tick(60);
    assert_eq!(shell.view().refresh, None);
}

#[test]
fn too_many_failures_bring_the_old_launch_template_back() {
    let mut shell = Shell::new("min = 2");
    shell.tick(20);
    shell.lazy.insert("check");
    change(&mut shell, "min = 2", "broken");
    let mut failures = 0;
    for _ in 0..20 {
        for instance in shell.all(Lifecycle::Warming) {
            shell.tell(&instance.id, Event::Ended("exited with code 1".to_owned()));
            failures += 1;
        }
        shell.tick(1);
    }
    assert_eq!((failures, versions(&shell), shell.view().template), (2, [(1, 2)].into(), 1));
    let failed = shell.activity("Refreshing");
    assert_eq!(failed.status, ActivityStatus::Failed);
    assert_eq!(
        failed.message.as_deref(),
        Some("2 instances of launch template 2 failed, the last one because exited with code 1")
    );
    assert_eq!(shell.activity("Rolling back").status, ActivityStatus::Successful);
    assert_eq!(shell.view().back_off, None);
    // What the configuration says has failed: it is not tried again before it says something else.
    change(&mut shell, "min = 2", "broken");
    shell.restart(shell.found());
    shell.tick(10);
    assert_eq!(versions(&shell), [(1, 2)].into());
    shell.lazy.clear();
    change(&mut shell, "min = 2", "mended");
    assert_eq!(versions(&shell), [(3, 2)].into());
}

#[test]
fn new_ones_that_served_go_when_a_later_one_fails() {
    const SETTINGS: &str = "min = 3\n[refresh]\nmax-failures = 1";
    let mut shell = Shell::new(SETTINGS);
    shell.tick(20);
    shell.lazy.insert("check");
    change(&mut shell, SETTINGS, "broken");
    let first = shell.all(Lifecycle::Warming).remove(0).id;
    shell.tell(&first, Event::Passed);
    let second = shell.all(Lifecycle::Warming).remove(0).id;
    shell.lazy.clear();
    shell.tell(&second, Event::LaunchFailed(String::new()));
    shell.tell(&second, Event::Ended("exited with code 1".to_owned()));
    shell.tick(5);
    assert_eq!((versions(&shell), shell.view().refresh), ([(1, 3)].into(), None));
}

#[test]
fn without_roll_back_what_was_replaced_stays_and_new_ones_are_of_the_old_template() {
    const SETTINGS: &str = "min = 2\n[refresh]\nmax-failures = 1\nroll-back = false";
    let mut shell = Shell::new(SETTINGS);
    shell.tick(20);
    shell.lazy.insert("check");
    change(&mut shell, SETTINGS, "broken");
    let first = shell.all(Lifecycle::Warming).remove(0).id;
    shell.tell(&first, Event::Passed);
    let second = shell.all(Lifecycle::Warming).remove(0).id;
    shell.lazy.clear();
    shell.tell(&second, Event::Ended("exited with code 1".to_owned()));
    shell.tick(5);
    assert_eq!((versions(&shell), shell.view().template), ([(1, 1), (2, 1)].into(), 1));
}

#[test]
fn a_refresh_by_order_replaces_everyone_and_can_be_cancelled() {
    let mut shell = Shell::new("min = 2");
    shell.tick(20);
    shell.asked();
    shell.order(Order::Refresh).unwrap();
    assert_eq!(shell.asked(), "launch 3, check 3, join 3, leave 1, launch 4, stop 1, check 4, join 4, leave 2, stop 2");
    shell.lazy.insert("check");
    shell.order(Order::Refresh).unwrap();
    shell.order(Order::CancelRefresh).unwrap();
    shell.tick(1);
    assert_eq!(shell.asked(), "launch 5, check 5, stop 5");
    let activity = shell.activity("Refreshing");
    assert_eq!(
        (activity.status, activity.message.as_deref()),
        (ActivityStatus::Cancelled, Some("a user cancelled it"))
    );
    assert_eq!(shell.order(Order::CancelRefresh).unwrap_err(), OrderError::NoRefresh { group: name() });
}

#[test]
fn an_order_goes_back_and_another_one_forth_again() {
    let mut shell = Shell::new("min = 2");
    assert!(shell.order(Order::RollBack).is_err());
    shell.tick(20);
    change(&mut shell, "min = 2", "other");
    assert_eq!(versions(&shell), [(2, 2)].into());
    shell.order(Order::RollBack).unwrap();
    assert_eq!(versions(&shell), [(1, 2)].into());
    shell.order(Order::RollBack).unwrap();
    assert_eq!(versions(&shell), [(2, 2)].into());
    shell.lazy.insert("check");
    change(&mut shell, "min = 2", "third");
    shell.order(Order::RollBack).unwrap();
    shell.tick(1);
    assert_eq!(versions(&shell), [(2, 2)].into());
    assert_eq!(shell.activity("Refreshing").status, ActivityStatus::Cancelled);
}

#[test]
fn a_newer_launch_template_takes_a_refreshs_place() {
    let mut shell = Shell::new("min = 2");
    shell.tick(20);
    shell.lazy.insert("check");
    change(&mut shell, "min = 2", "second");
    change(&mut shell, "min = 2", "third");
    shell.lazy.clear();
    shell.obey();
    shell.tick(2);
    assert_eq!(versions(&shell), [(3, 2)].into());
    assert!(shell.fleet.template(&name(), 1).is_some(), "the last good one is what is gone back to");
    assert!(shell.fleet.template(&name(), 2).is_none());
    shell.order(Order::RollBack).unwrap();
    assert_eq!(versions(&shell), [(1, 2)].into());
}

#[test]
fn a_suspended_refresh_waits_and_one_that_was_suspended_before_does_not_begin() {
    let mut shell = Shell::new("min = 2");
    shell.tick(20);
    shell.order(Order::Suspend(vec![Process::InstanceRefresh])).unwrap();
    change(&mut shell, "min = 2", "other");
    shell.tick(5);
    assert_eq!((versions(&shell), shell.view().refresh), ([(1, 2)].into(), None));
    shell.order(Order::Refresh).unwrap();
    shell.tick(5);
    assert_eq!(versions(&shell), [(1, 2)].into());
    assert!(shell.view().refresh.is_some());
    shell.order(Order::Resume(Vec::new())).unwrap();
    assert_eq!(versions(&shell), [(2, 2)].into());
}

#[test]
fn a_crash_loop_ends_with_a_template_that_works() {
    let mut shell = Shell::cold("");
    shell.lazy.insert("launch");
    let effects = shell.fleet.adopt(&name(), Vec::new(), shell.now);
    shell.take(effects);
    for _ in 0..100 {
        for instance in shell.all(Lifecycle::Pending) {
            shell.tell(&instance.id, Event::LaunchFailed("no such file".to_owned()));
        }
        shell.tick(1);
    }
    shell.lazy.clear();
    change(&mut shell, "", "right");
    assert_eq!((versions(&shell), shell.serving().len()), ([(2, 1)].into(), 1));
}

#[test]
fn a_group_may_shrink_while_it_is_refreshed() {
    let mut shell = Shell::new("desired = 4");
    shell.tick(20);
    shell.lazy.insert("check");
    change(&mut shell, "desired = 4", "other");
    shell.desire(2);
    assert!(shell.serving().len() >= 2);
    shell.lazy.clear();
    shell.obey();
    shell.tick(3);
    assert_eq!((versions(&shell), shell.view().refresh), ([(2, 2)].into(), None));
}
