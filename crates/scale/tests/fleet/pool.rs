use equipoise_scale::{Event, Lifecycle, PoolView};

use crate::shell::{Shell, template};

const POOL: &str = "[warm-pool]\nsize = 2\n";
const REUSE: &str = "[warm-pool]\nsize = 2\nreuse = true\n";

#[test]
fn a_warm_pool_is_filled_after_the_group_and_is_no_capacity() {
    let mut shell = Shell::new(POOL);
    assert_eq!(shell.asked(), "launch 1, launch 2, launch 3, check 1, check 2, check 3, join 1");
    let view = shell.view();
    assert_eq!(view.warm_pool, Some(PoolView { size: 2, ready: 2, on_the_way: 0 }));
    assert_eq!((view.desired, shell.serving().len(), shell.all(Lifecycle::Pooled).len()), (1, 1, 2));
}

#[test]
fn a_growing_group_takes_from_the_pool_first_and_the_pool_is_filled_again() {
    let mut shell = Shell::new(POOL);
    shell.asked();
    shell.lazy.insert("check");
    shell.desire(2);
    assert_eq!(shell.asked(), "join 2, launch 4, check 4");
    assert!(shell.activity("Taking instance").cause.contains("increasing the capacity from 1 to 2"));
    // One that waits, and one that is on its way.
    shell.desire(4);
    assert_eq!(shell.asked(), "join 3, launch 5, launch 6, check 5, check 6");
    assert_eq!(shell.view().warm_pool, Some(PoolView { size: 2, ready: 0, on_the_way: 2 }));
    shell.lazy.clear();
    shell.obey();
    assert_eq!((shell.serving().len(), shell.all(Lifecycle::Pooled).len()), (4, 2));
}

#[test]
fn a_shrinking_group_returns_instances_to_a_pool_that_has_room() {
    let mut shell = Shell::new(REUSE);
    shell.asked();
    shell.lazy.insert("check");
    shell.desire(2);
    assert_eq!(shell.asked(), "join 2, launch 4, check 4");
    shell.desire(1);
    // The one that is not ready makes room.
    assert_eq!(shell.asked(), "leave 1, stop 4");
    assert_eq!(shell.view().warm_pool, Some(PoolView { size: 2, ready: 2, on_the_way: 0 }));
    assert!(shell.activity("Returning instance").end.is_some());
}

#[test]
fn a_pool_without_room_takes_nobody_back() {
    let mut shell = Shell::new(REUSE);
    shell.desire(2);
    shell.asked();
    shell.desire(1);
    assert_eq!(shell.asked(), "leave 1, stop 1");
}

#[test]
fn who_ends_in_the_pool_is_replaced_and_left_nothing_to_leave() {
    let mut shell = Shell::new(POOL);
    shell.tick(20);
    shell.asked();
    let id = shell.all(Lifecycle::Pooled).remove(0).id;
    shell.tell(&id, Event::Ended("by itself".to_owned()));
    assert_eq!(shell.asked(), "stop 2, launch 4, check 4");
}

#[test]
fn a_smaller_pool_gives_up_what_is_too_much() {
    let mut shell = Shell::new(POOL);
    shell.asked();
    shell.configure_text("[warm-pool]\nsize = 1\n");
    assert_eq!(shell.asked(), "stop 2");
    shell.configure_text("");
    assert_eq!(shell.asked(), "stop 3");
}

#[test]
fn a_new_launch_template_replaces_the_pool_too() {
    let mut shell = Shell::new(POOL);
    shell.tick(20);
    shell.configure_text(&format!("{POOL}{}", template("other")));
    shell.tick(5);
    let view = shell.view();
    assert!(view.instances.iter().all(|instance| instance.template == 2), "{view:?}");
    assert_eq!((view.refresh, view.instances.len()), (None, 3));
}
