use equipoise_scale::{ActivityStatus, Event, Fleet, Lifecycle, Order, OrderError, Plan};

use crate::shell::{Shell, name};

#[test]
fn an_order_grows_and_shrinks_the_group_and_says_so() {
    let mut shell = Shell::new("");
    shell.asked();
    shell.desire(3);
    assert_eq!(shell.asked(), "launch 2, launch 3, check 2, check 3, join 2, join 3");
    assert_eq!(
        shell.last().cause,
        "At 2024-05-01T10:00:00Z a user explicitly set the desired capacity, changing the desired capacity from 1 to 3. \
         At 2024-05-01T10:00:00Z an instance was started in response to a difference between desired and actual \
         capacity, increasing the capacity from 1 to 3."
    );
    shell.desire(2);
    assert_eq!(shell.asked(), "leave 1, stop 1");
    let cause = &shell.last().cause;
    assert!(cause.contains("shrinking the capacity from 3 to 2. At 2024-05-01T10:00:02Z instance i-"), "{cause}");
    assert!(cause.ends_with(" was selected."));
}

#[test]
fn no_order_breaks_minimum_and_maximum() {
    let mut shell = Shell::new("min = 1");
    let order = |desired| Order::SetDesired { desired, honor_cooldown: false };
    let error = shell.order(order(5)).unwrap_err();
    assert_eq!(error, OrderError::OutOfBounds { group: name(), desired: 5, min: 1, max: 4 });
    assert_eq!(
        shell.order(order(0)).unwrap_err().to_string(),
        "scaling group `web` has 1 to 4 instances: 0 is outside of that"
    );
    let id = shell.serving().remove(0);
    assert!(shell.order(Order::Terminate { instance: id.clone(), shrink: true }).is_err());
    assert_eq!(shell.serving(), [id]);
    assert_eq!(shell.statuses(ActivityStatus::InProgress), 0);
}

#[test]
fn orders_about_what_is_not_there_are_refused() {
    let mut shell = Shell::new("");
    let instance = equipoise_scale::InstanceId::from_number(1);
    let error = shell.order(Order::Protect(instance.clone(), true)).unwrap_err();
    assert_eq!(error.to_string(), "scaling group `web` has no instance `i-0000000000000001`");
    assert!(shell.order(Order::Terminate { instance, shrink: true }).is_err());
    let other = equipoise_target::ScalingGroupName::new("api").unwrap();
    let error = shell.fleet.order(&other, Order::Refresh, "a user", shell.now).unwrap_err();
    assert_eq!(error.to_string(), "there is no scaling group `api`");
}

#[track_caller]
fn check(termination: &str, busy: [u32; 3], goes: &str) {
    let mut shell = Shell::new(&format!("min = 0\ndesired = 1\ntermination = \"{termination}\""));
    shell.tick(1);
    shell.desire(2);
    shell.desire(3);
    shell.asked();
    let ids = shell.serving();
    shell.busy.0 = ids.into_iter().zip(busy).collect();
    shell.desire(2);
    assert_eq!(shell.asked(), goes);
}

#[test]
fn the_settings_say_who_goes_first() {
    check("oldest", [0, 0, 0], "leave 1, stop 1");
    check("oldest-template", [0, 0, 0], "leave 1, stop 1");
    check("newest", [0, 0, 0], "leave 3, stop 3");
    check("least-connections", [7, 2, 5], "leave 2, stop 2");
    check("least-connections", [2, 2, 5], "leave 1, stop 1");
}

#[test]
fn who_does_not_serve_yet_goes_before_those_who_do() {
    let mut shell = Shell::new("");
    shell.lazy.insert("check");
    shell.desire(2);
    shell.asked();
    shell.desire(1);
    assert_eq!(shell.asked(), "stop 2");
    let launch = shell.activity("Launching");
    assert_eq!((launch.status, launch.message.as_deref()), (ActivityStatus::Cancelled, Some("it is terminated")));
}

#[test]
fn a_launch_that_is_not_needed_any_more_is_given_up() {
    let mut shell = Shell::new("");
    shell.lazy.insert("launch");
    shell.desire(2);
    let id = shell.all(Lifecycle::Pending).remove(0).id;
    shell.desire(1);
    assert_eq!(shell.view().instances.len(), 1);
    // What comes late changes nothing.
    shell.tell(&id, Event::Passed);
    shell.tell(&id, Event::Stopped);
    shell.tick(5);
    assert_eq!(shell.view().instances.len(), 1);
}

#[test]
fn protected_instances_stay_when_the_group_shrinks() {
    let mut shell = Shell::new("min = 0\ndesired = 3\nprotect-from-scale-in = true");
    shell.desire(0);
    assert_eq!(shell.serving().len(), 3);
    let second = shell.serving().remove(1);
    shell.asked();
    shell.order(Order::Protect(second, false)).unwrap();
    shell.tick(1);
    assert_eq!(shell.asked(), "leave 2, stop 2");
}

#[test]
fn one_may_be_stopped_with_or_without_another_one_in_its_place() {
    let mut shell = Shell::new("desired = 2");
    shell.tick(30);
    shell.asked();
    let ids = shell.serving();
    shell.order(Order::Terminate { instance: ids[0].clone(), shrink: true }).unwrap();
    assert_eq!((shell.asked().as_str(), shell.view().desired), ("leave 1, stop 1", 1));
    assert!(shell.last().cause.ends_with("changing the desired capacity from 2 to 1."));
    shell.order(Order::Terminate { instance: ids[1].clone(), shrink: false }).unwrap();
    assert_eq!(shell.asked(), "leave 2, launch 3, stop 2, check 3, join 3");
}

#[test]
fn a_changed_minimum_or_maximum_moves_the_capacity() {
    let mut shell = Shell::new("");
    shell.configure_text("min = 2\nmax = 8");
    assert_eq!(shell.serving().len(), 2);
    assert!(shell.last().cause.starts_with(
        "At 2024-05-01T10:00:00Z the configuration changed minimum and maximum from 1 and 4 to 2 and 8, changing the \
         desired capacity from 1 to 2."
    ));
    shell.desire(8);
    shell.configure_text("max = 3");
    shell.tick(1);
    assert_eq!(shell.serving().len(), 3);
    shell.configure_text("max = 3\ndesired = 2");
    shell.tick(1);
    assert_eq!(shell.serving().len(), 2);
}

#[test]
fn what_a_schedule_has_set_holds_through_a_reload_and_as_long_as_it_is_configured() {
    // Two hours ago, with the group not even there.
    let policy = "policy.day.scheduled = { cron = \"0 8 * * *\", max = 9 }";
    let mut shell = Shell::new(&format!("max = 4\n{policy}"));
    shell.desire(7);
    assert_eq!(shell.serving().len(), 7);
    shell.configure_text(&format!("max = 5\n{policy}"));
    shell.tick(1);
    assert_eq!(shell.serving().len(), 7);
    shell.configure_text("max = 5");
    shell.tick(1);
    assert_eq!(shell.serving().len(), 5);
    assert!(
        shell.last().cause.contains("changed minimum and maximum from 1 and 9 to 1 and 5"),
        "{}",
        shell.last().cause
    );
}

#[test]
fn a_group_that_is_no_longer_configured_ends_and_is_forgotten() {
    let mut shell = Shell::new("desired = 2\nprotect-from-scale-in = true");
    shell.lazy.insert("stop");
    shell.asked();
    let _ = shell.fleet.changed();
    let effects = shell.fleet.configure(&Plan::default(), shell.now);
    shell.take(effects);
    shell.obey();
    assert_eq!(shell.asked(), "leave 1, leave 2, stop 1, stop 2");
    assert!(shell.view().leaving);
    assert!(shell.order(Order::Refresh).is_err());
    shell.lazy.clear();
    shell.obey();
    assert_eq!(shell.fleet.groups(), []);
    assert_eq!(shell.fleet.changed(), [name()]);
    assert_eq!(shell.fleet.state(&name()), None);
}

#[test]
fn a_group_that_comes_back_while_it_ends_goes_on() {
    let mut shell = Shell::new("desired = 2");
    shell.lazy.insert("leave");
    let effects = shell.fleet.configure(&Plan::default(), shell.now);
    shell.take(effects);
    shell.lazy.clear();
    shell.configure_text("desired = 2");
    shell.tick(1);
    assert_eq!(shell.serving().len(), 2);
    assert!(!shell.view().leaving);
}

#[test]
fn changes_are_told_once() {
    let mut shell = Shell::new("");
    assert_eq!(shell.fleet.changed(), [name()]);
    shell.tick(20);
    assert_eq!(shell.fleet.changed(), []);
    shell.desire(2);
    assert_eq!(shell.fleet.changed(), [name()]);
    assert_eq!(Fleet::new(1, 1).changed(), []);
}
