//! Whatever policies are configured and whatever is measured: bounds hold, cooldowns hold, and it can be replayed.

use super::*;

const GROUPS: [&str; 4] = [
    r#"
    [group]
    min = 2
    max = 9
    policy.out.simple = { alarm = "high", adjustment = "percent-change-in-capacity", by = 150, cooldown = "20s" }
    policy.in.simple = { alarm = "low", adjustment = "exact-capacity", by = 0 }
    "#,
    r#"
    [group]
    min = 0
    max = 30
    default-cooldown = "5s"
    policy.out.step = { alarm = "high", adjustment = "change-in-capacity", steps = [{ from = 0, to = 10, by = 1 }, { from = 10, by = 40 }] }
    policy.in.step = { alarm = "low", adjustment = "percent-change-in-capacity", at-least = 3, steps = [{ to = 0, by = -100 }] }
    policy.also.simple = { alarm = "high", adjustment = "change-in-capacity", by = 3 }
    "#,
    r#"
    [group]
    min = 1
    max = 5
    policy.cpu.target-tracking = { metric = "cpu-utilization", target = 1, period = "1s", out-periods = 1, in-periods = 1 }
    policy.back.target-tracking = { metric = "cpu-utilization", target = 90, period = "2s", out-periods = 2, in-periods = 3 }
    "#,
    r#"
    [group]
    min = 3
    max = 6
    policy.up.scheduled = { cron = "*/30 * * * * *", min = 4, desired = 100 }
    policy.down.scheduled = { cron = "15/30 * * * * *", min = 0, max = 5, desired = 0 }
    policy.ahead.predictive = { metric = "cpu-utilization", target = 10, season = "5min" }
    policy.cpu.target-tracking = { metric = "cpu-utilization", target = 50, period = "5s", out-periods = 1, in-periods = 2 }
    "#,
];

const ALARMS: &str = r#"
    [alarm.high]
    metric = "cpu-utilization"
    scaling-group = "todo"
    period = "3s"
    comparison = "greater-than"
    threshold = 60
    missing-data = "breaching"
    [alarm.low]
    metric = "cpu-utilization"
    scaling-group = "todo"
    period = "2s"
    evaluation-periods = 3
    datapoints-to-alarm = 2
    comparison = "less-than"
    threshold = 40
"#;

/// The asserts of the world itself check each wish: within the bounds, a change, no cooldown broken.
fn history(seed: u64) -> (Vec<Change>, Vec<Transition>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let text = GROUPS[seed as usize % GROUPS.len()].replace("15/30", "15,45");
    let mut world = World::new(&plan(&format!("{text}{ALARMS}")), Duration::from_secs(random.u64(0..20)));
    let mut load = 50.0;
    for _ in 0..400 {
        if random.u8(0..10) == 0 {
            load = random.f64() * 10.0_f64.powi(random.i32(0..5));
        }
        world.step(load, random.f64() - 0.5);
        if random.u8(0..50) == 0 {
            world.second += random.u64(0..30);
        }
    }
    (world.changes, world.transitions)
}

#[test]
fn random_histories_keep_bounds_and_cooldowns_and_replay_the_same() {
    let mut changed = 0;
    for seed in 0..160 {
        let first = history(seed);
        changed += usize::from(!first.0.is_empty());
        if seed % 4 == 0 {
            assert_eq!(first, history(seed), "seed {seed}");
        }
    }
    assert!(changed > 120, "only {changed} of 160 histories changed anything");
}
