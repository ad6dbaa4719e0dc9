//! What is promised of target tracking and of steps: they arrive, and then they rest.

use super::*;

const TRACKING: &str = r#"
    [group]
    min = 1
    max = 60
    [group.policy.cpu.target-tracking]
    metric = "cpu-utilization"
    target = 40
    period = "10s"
    out-periods = 3
    in-periods = 15
"#;

const PERIOD: u64 = 10;

/// Noise that stays for a while, as real load's does: each stretch of up to four periods has one offset.
struct Noise {
    random: fastrand::Rng,
    size: f64,
    offset: f64,
    left: u64,
}

impl Noise {
    fn new(seed: u64, size: f64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), size, offset: 0.0, left: 0 }
    }

    fn next(&mut self) -> f64 {
        if self.left == 0 {
            self.left = self.random.u64(1..4 * PERIOD);
            self.offset = (self.random.f64() * 2.0 - 1.0) * self.size;
        }
        self.left -= 1;
        self.offset
    }
}

/// Sixty seeds: a steady load at a random place of the range, so that some are right at a threshold.
fn turns_under_noise(size: f64) -> Vec<usize> {
    let plan = plan(TRACKING);
    let turns = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut noise = Noise::new(seed, size);
        let mut world = World::new(&plan, Duration::from_secs(random.u64(0..40)));
        // Half of them: a whole number of instances, which is the threshold itself.
        let load = if seed % 2 == 0 { f64::from(random.u32(1..8)) * 40.0 } else { random.f64() * 300.0 };
        for _ in 0..1500 {
            world.step(load, noise.next());
        }
        world.turns()
    };
    (0..60).map(turns).collect()
}

#[test]
fn noise_of_a_tenth_never_makes_a_group_turn_around() {
    // It may go too far once on its way up and come back; that is not flapping.
    for size in [0.05, 0.1] {
        let turns = turns_under_noise(size);
        assert!(turns.iter().all(|turns| *turns <= 1), "{size}: {turns:?}");
    }
}

#[test]
fn noise_of_a_fifth_seldom_makes_a_group_turn_around_again() {
    let turns = turns_under_noise(0.2);
    let flapping = turns.iter().filter(|turns| **turns > 1).count();
    assert!(flapping <= turns.len() / 10, "{flapping} of {} turned around more than once", turns.len());
}

/// What a load needs at 40 percent each.
fn needed(load: f64) -> u32 {
    (load / 40.0).ceil().max(1.0) as u32
}

#[test]
fn a_load_that_rises_has_its_capacity_asked_for_after_out_periods_and_one() {
    let plan = plan(TRACKING);
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let boot = random.u64(0..60);
        let mut world = World::new(&plan, Duration::from_secs(boot));
        let before = 100.0 * random.f64();
        for _ in 0..300 + random.u64(0..PERIOD) {
            world.step(before, 0.0);
        }
        // Not so much that processors are busy all the time: then nobody knows how much there is to do.
        let after = f64::from(world.in_service()) * 40.0 * (1.05 + random.f64() * 1.4);
        let rose = world.second;
        while world.second <= rose + 4 * PERIOD + 2 {
            world.step(after, 0.0);
        }
        assert_eq!(world.desired, needed(after), "seed {seed}: {:?}", world.changes);
    }
}

#[test]
fn a_load_beyond_what_can_be_measured_multiplies_the_group_until_it_fits() {
    let plan = plan(TRACKING);
    let mut world = World::new(&plan, Duration::from_secs(20));
    // Forty instances' worth: 1, then 2.5 times as many for each time that new ones have come.
    while world.second < 6 * (4 * PERIOD + 20) {
        world.step(1600.0, 0.0);
    }
    assert_eq!(world.path(), [1, 3, 8, 20, 40], "{:?}", world.changes);
}

#[test]
fn a_load_that_falls_has_its_capacity_taken_away_in_one_go_or_two() {
    let plan = plan(TRACKING);
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new(&plan, Duration::from_secs(random.u64(0..60)));
        let before = 200.0 + 400.0 * random.f64();
        for _ in 0..600 + random.u64(0..PERIOD) {
            world.step(before, 0.0);
        }
        let after = before * random.f64() * 0.8;
        let (fell, grown) = (world.second, world.desired);
        // One that was nearly low enough before may take a first, small step by what was measured then.
        while world.second <= fell + 2 * 17 * PERIOD + 2 {
            world.step(after, 0.0);
        }
        let steps = world.changes.iter().filter(|change| change.at > fell).count();
        assert!(steps <= 2, "seed {seed}: {:?}", world.changes);
        let fits = (after / 36.0).ceil().max(1.0) as u32;
        assert_eq!(world.desired, fits.min(grown), "seed {seed}: {:?}", world.changes);
        assert!(world.desired >= needed(after));
    }
}

#[test]
fn instances_that_take_long_to_start_are_not_asked_for_twice() {
    let plan = plan(TRACKING);
    let mut world = World::new(&plan, Duration::from_secs(200));
    for _ in 0..150 {
        world.step(90.0, 0.0);
    }
    assert_eq!(world.path(), [1, 3]);
}

#[test]
fn steps_arrive_within_one_look_for_each_step_and_rest() {
    let plan = plan(
        r#"
        [group]
        min = 1
        max = 20
        [group.policy.out.step]
        alarm = "high"
        adjustment = "percent-change-in-capacity"
        at-least = 1
        steps = [{ from = 0, to = 20, by = 20 }, { from = 20, by = 100 }]
        [group.policy.in.step]
        alarm = "low"
        adjustment = "change-in-capacity"
        steps = [{ to = 0, by = -1 }]
        [alarm.high]
        metric = "cpu-utilization"
        scaling-group = "todo"
        period = "10s"
        evaluation-periods = 2
        comparison = "greater-than"
        threshold = 60
        [alarm.low]
        metric = "cpu-utilization"
        scaling-group = "todo"
        period = "10s"
        evaluation-periods = 6
        comparison = "less-than"
        threshold = 25
        "#,
    );
    let mut world = World::new(&plan, Duration::from_secs(15));
    // Eight instances keep it at 60: 1, 2, 4, 8 (doubled while it is at 100), each after a boot and two periods.
    while world.second < 3 * (15 + 4 * PERIOD) {
        world.step(480.0, 0.0);
    }
    assert_eq!(world.path(), [1, 2, 4, 8], "{:?}", world.changes);
    let arrived = world.changes.len();
    for _ in 0..1200 {
        world.step(480.0, 0.0);
    }
    assert_eq!(world.changes.len(), arrived, "at rest");
    for _ in 0..1200 {
        world.step(100.0, 0.0);
    }
    assert_eq!(world.turns(), 1, "{:?}", world.changes);
    assert!((100.0 / f64::from(world.desired)) >= 25.0);
}
