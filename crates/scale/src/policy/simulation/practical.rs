//! The two variants of the practical: 1 to 4 instances and back by two simple policies, and by target tracking.

use super::*;

/// Load in percent of one instance, as the stages of its load script make it: up, higher, and away.
fn load(second: u64) -> f64 {
    match second {
        0..600 => 4.0,
        600..1800 => 25.0,
        1800..4200 => 95.0,
        _ => 3.0,
    }
}

fn run(plan: &Plan, seconds: u64) -> World {
    let mut world = World::new(plan, Duration::from_secs(40));
    let mut random = fastrand::Rng::with_seed(7);
    for second in 0..seconds {
        world.step(load(second), (random.f64() - 0.5) * 0.1);
    }
    world
}

#[test]
fn two_simple_policies_go_from_one_to_four_and_back_one_by_one() {
    let plan = plan(
        r#"
        [group]
        min = 1
        max = 4
        [group.policy.scale-out.simple]
        alarm = "cpu-high"
        adjustment = "change-in-capacity"
        by = 1
        cooldown = "120s"
        [group.policy.scale-in.simple]
        alarm = "cpu-low"
        adjustment = "change-in-capacity"
        by = -1
        cooldown = "120s"
        [alarm.cpu-high]
        metric = "cpu-utilization"
        scaling-group = "todo"
        period = "120s"
        evaluation-periods = 2
        comparison = "greater-than-or-equal"
        threshold = 20
        [alarm.cpu-low]
        metric = "cpu-utilization"
        scaling-group = "todo"
        period = "120s"
        evaluation-periods = 2
        comparison = "less-than-or-equal"
        threshold = 10
        "#,
    );
    let world = run(&plan, 7200);
    assert_eq!(world.path(), [1, 2, 3, 4, 3, 2, 1]);
    for (change, up) in world.changes.iter().zip([true, true, true, false, false, false]) {
        let (alarm, policy) = if up { ("cpu-high", "scale-out") } else { ("cpu-low", "scale-in") };
        assert_eq!(change.cause, format!("a monitor alarm {alarm} in state ALARM triggered policy {policy}"));
    }
    for pair in world.changes.windows(2) {
        assert!(pair[1].at >= pair[0].at + 120, "{pair:?}");
    }
    // The last instance of a stage is wanted within two periods to notice and a period for each further one.
    assert!(world.changes[2].at <= 1800 + 5 * 120, "{:?}", world.changes);
    assert!(world.changes[5].at <= 4200 + 6 * 120, "{:?}", world.changes);
}

#[test]
fn target_tracking_goes_from_one_to_four_and_back_by_its_own_alarms() {
    let plan = plan(
        r#"
        [group]
        min = 1
        max = 4
        [group.policy.cpu.target-tracking]
        metric = "cpu-utilization"
        target = 20
        "#,
    );
    let world = run(&plan, 7200);
    assert_eq!(world.path(), [1, 2, 4, 1], "{:?}", world.changes);
    let causes: Vec<&str> = world.changes.iter().map(|change| change.cause.as_str()).collect();
    let [high, low] =
        ["high", "low"].map(|end| format!("a monitor alarm todo-cpu-{end} in state ALARM triggered policy cpu"));
    assert_eq!(causes, [&high, &high, &low]);
    // Three periods and one that had begun; fifteen and one.
    assert!((600..600 + 4 * 60 + 5).contains(&world.changes[0].at));
    assert!((1800..1800 + 4 * 60 + 5).contains(&world.changes[1].at));
    assert!((4200..4200 + 16 * 60 + 5).contains(&world.changes[2].at));
}

#[test]
fn alarms_tell_the_story_with_their_numbers() {
    let plan =
        plan("[group]\nmin = 1\nmax = 4\npolicy.cpu.target-tracking = { metric = \"cpu-utilization\", target = 20 }");
    let world = run(&plan, 7200);
    let states: Vec<String> =
        world.transitions.iter().map(|change| format!("{} {:?}", change.alarm, change.to)).collect();
    assert_eq!(states[0..2], ["todo-cpu-high Ok", "todo-cpu-low Ok"]);
    assert!(states.iter().filter(|state| *state == "todo-cpu-high Alarm").count() >= 2, "{states:?}");
    let alarm = world.transitions.iter().find(|change| change.to == crate::AlarmState::Alarm).unwrap();
    assert!(alarm.reason.contains("were greater than 20 (3 datapoints make an alarm)") || alarm.reason.contains("18"));
}

/// The pages that users read hold settings that can be followed.
#[test]
fn what_the_page_about_policies_shows_has_no_problems() {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Page {
        scaling_group: BTreeMap<String, ScalingGroup>,
        alarm: BTreeMap<String, crate::Alarm>,
    }
    let page = include_str!("../../../../../docs/scaling-policies.md");
    let blocks = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let Page { scaling_group, alarm } = toml::from_str(&blocks.collect::<String>()).unwrap();
    assert_eq!(scaling_group["todo"].policy.len(), 6);
    assert_eq!(scaling_group["todo"].problems(), []);
    assert!(alarm.values().all(|alarm| alarm.problems().is_empty()));
}
