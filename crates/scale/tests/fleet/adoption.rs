use equipoise_scale::{ActivityStatus, Event, Fleet, Lifecycle, Plan};

use crate::shell::{Shell, group, name, stranger, template};

#[test]
fn nothing_is_launched_before_it_is_known_what_runs() {
    let mut shell = Shell::cold("");
    shell.tick(10);
    assert_eq!(shell.asked(), "");
    assert!(!shell.view().adopted);
}

#[test]
fn known_instances_go_on_after_a_restart() {
    let mut shell = Shell::new("desired = 2\n[warm-pool]\nsize = 1\n");
    shell.tick(20);
    shell.asked();
    let before = shell.view().instances;
    shell.restart(shell.found());
    assert_eq!(shell.asked(), "join 1, join 2");
    assert_eq!(shell.view().instances, before);
    shell.tick(60);
    assert_eq!(shell.asked(), "");
}

#[test]
fn what_was_under_way_is_begun_again() {
    let mut shell = Shell::new("desired = 3");
    shell.lazy.extend(["check", "leave", "stop"]);
    shell.tick(20);
    shell.desire(4);
    let ids = shell.serving();
    shell.tell(&ids[0], Event::Ended("by itself".to_owned()));
    shell.tell(&ids[0], Event::Drained);
    shell.tell(&ids[1], Event::Health { healthy: false, reason: "no".to_owned() });
    shell.asked();
    shell.restart(shell.found());
    assert_eq!(shell.asked(), "stop 1, leave 2, join 3, check 4, check 5, check 6");
    shell.lazy.clear();
    shell.obey();
    assert_eq!(shell.serving().len(), 4);
    assert_eq!(shell.statuses(ActivityStatus::InProgress), 0);
}

#[test]
fn who_is_gone_after_a_restart_is_replaced() {
    let mut shell = Shell::new("desired = 2");
    shell.tick(20);
    shell.asked();
    let mut found = shell.found();
    found.remove(0);
    shell.restart(found);
    assert_eq!(shell.asked(), "join 2, launch 3, check 3, join 3");
    assert!(shell.activity("Terminating").cause.ends_with("found gone when the program started again."));
}

#[test]
fn a_launch_of_which_nothing_came_is_told_as_failed() {
    let mut shell = Shell::new("");
    shell.lazy.insert("launch");
    shell.desire(2);
    shell.restart(shell.found());
    let failed = shell.history.values().find(|activity| activity.status == ActivityStatus::Failed).unwrap();
    assert_eq!(failed.message.as_deref(), Some("it was gone when the program started again"));
    assert_eq!(shell.all(Lifecycle::Pending).len(), 1, "another one is launched");
}

#[test]
fn strangers_of_the_group_are_taken_in_instead_of_launched() {
    let mut shell = Shell::cold("desired = 2");
    let effects = shell.fleet.adopt(&name(), vec![stranger(1)], shell.now);
    shell.take(effects);
    shell.obey();
    assert_eq!(shell.asked(), "check 1, launch 2, join 1, check 2, join 2");
    assert_eq!(shell.activity("Adopting instance i-0000000000000001").status, ActivityStatus::Successful);
}

#[test]
fn too_many_strangers_are_scaled_in() {
    let mut shell = Shell::cold("");
    let found = (1..=3).map(stranger).collect();
    let effects = shell.fleet.adopt(&name(), found, shell.now);
    shell.take(effects);
    shell.obey();
    shell.tick(1);
    assert_eq!(shell.serving().len(), 1);
}

#[test]
fn a_later_list_tells_of_losses_and_strangers_only() {
    let mut shell = Shell::new("desired = 2");
    shell.tick(20);
    shell.lazy.insert("launch");
    shell.desire(3);
    shell.asked();
    let found = shell.found();
    let effects = shell.fleet.adopt(&name(), found.clone(), shell.now);
    assert_eq!(effects, [], "one whose launch is under way is not missed");
    let effects = shell.fleet.adopt(&name(), found[1..].to_vec(), shell.now);
    shell.take(effects);
    shell.obey();
    assert!(shell.asked().starts_with("leave 1, launch 4"));
}

#[test]
fn a_group_that_the_configuration_forgot_meanwhile_is_ended() {
    let mut shell = Shell::new("desired = 2");
    let state = shell.fleet.state(&name()).unwrap();
    let found = shell.found();
    shell.fleet = Fleet::new(3, 100);
    shell.fleet.restore(name(), state);
    assert_eq!(shell.fleet.configure(&Plan::default(), shell.now), []);
    assert_eq!(shell.fleet.groups().len(), 1);
    assert!(shell.fleet.template(&name(), 1).is_some(), "so that it can be stopped");
    shell.asked();
    let effects = shell.fleet.adopt(&name(), found, shell.now);
    shell.take(effects);
    shell.obey();
    assert_eq!(shell.asked(), "join 1, join 2, leave 1, leave 2, stop 1, stop 2");
    assert_eq!(shell.fleet.groups(), []);
}

#[test]
fn what_the_configuration_changed_meanwhile_is_applied() {
    let mut shell = Shell::new("");
    let state = shell.fleet.state(&name()).unwrap();
    let found = shell.found();
    shell.fleet = Fleet::new(3, 100);
    shell.fleet.restore(name(), state);
    shell.configure(group(&format!("min = 2\n{}", template("other"))));
    assert_eq!(shell.view().desired, 2);
    let effects = shell.fleet.adopt(&name(), found, shell.now);
    shell.take(effects);
    shell.obey();
    shell.tick(5);
    let view = shell.view();
    assert_eq!((view.template, view.refresh, shell.serving().len()), (2, None, 2));
    assert!(view.instances.iter().all(|instance| instance.template == 2));
}
