//! Random worlds, replayed bit for bit from a seed: targets die and revive, the check itself breaks and heals, requests
//! flow to whoever is available. No socket, no clock.

use equipoise_target::{Availability, Endpoint, Member, Membership, Standing, TargetIndex};

use super::*;
use crate::{HttpCheck, Initial};

/// Seconds between two looks at a target.
const INTERVAL: u64 = 10;

struct World {
    random: fastrand::Rng,
    ledger: Ledger,
    watch: Watch,
    membership: Membership,
    works: Vec<bool>,
    check_is_broken: bool,
    /// Whether now and then a check cannot be made.
    check_traps: bool,
    second: u64,
    /// Seconds in which no request could have been answered although a target worked.
    starved: u64,
    story: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let count = random.usize(2..8);
        let address = |n: usize| Endpoint::from(([10, 0, 0, 1], n as u16 + 1));
        let targets: Vec<_> = (0..count).map(|n| Arc::new(Target::new(address(n)))).collect();
        let group = GroupName::new("todo").unwrap();
        let initial = if random.bool() { Initial::Healthy } else { Initial::Unhealthy };
        let check = HealthCheck::Http(Box::new(HttpCheck { initial, ..HttpCheck::default() }));
        let mut ledger = Ledger::new(group.clone());
        let watch = ledger.apply(&[check], &targets, GuardSettings::default(), Duration::ZERO)[0];
        let membership = Membership::new(group, targets.into_iter().map(Member::new).collect());
        let works = vec![true; count];
        Self {
            random,
            ledger,
            watch,
            membership,
            works,
            check_is_broken: false,
            check_traps: true,
            second: 0,
            starved: 0,
            story: vec![],
        }
    }

    fn availability(&self) -> Availability {
        let address = |index: TargetIndex| self.membership.members()[index.get()].target.address();
        Availability::compute(&self.membership, |index| self.ledger.condition(address(index)), true)
    }

    /// One second: requests to whoever is available, then the looks that are due.
    fn tick(&mut self) {
        self.second += 1;
        let availability = self.availability();
        let mut served = 0;
        for (n, standing) in availability.standings().iter().enumerate() {
            let target = &self.membership.members()[n].target;
            match (standing, self.works[n]) {
                (Standing::Unavailable, _) => {}
                (Standing::Available { .. }, true) => {
                    served += 1;
                    (0..3).for_each(|_| target.succeeded(Duration::from_millis(1)));
                }
                (Standing::Available { .. }, false) => (0..3).for_each(|_| target.failed()),
            }
        }
        self.starved += u64::from(served == 0 && self.works.contains(&true));
        for n in 0..self.works.len() {
            if (self.second + n as u64 * 3).is_multiple_of(INTERVAL) {
                self.look(n);
            }
        }
    }

    fn look(&mut self, n: usize) {
        let outcome = match (self.works[n] && !self.check_is_broken, self.random.u8(..)) {
            (_, 0..8) if self.check_traps => Outcome::inconclusive("trapped"),
            (true, _) => Outcome::Pass,
            (false, _) => Outcome::fail("no"),
        };
        let address = self.membership.members()[n].target.address();
        let recorded = self.ledger.record(self.watch.id, address, outcome, Duration::from_secs(self.second));
        self.story.extend(recorded.events.iter().map(|event| format!("{}: {event}", self.second)));
        let report = self.ledger.report(Duration::from_secs(self.second));
        let spared = report.targets.iter().any(|target| target.checks[0].spared);
        assert!(!spared || report.checks[0].held, "nobody is spared but by a guard that holds");
    }

    /// Something happens to the world, or nothing.
    fn fate(&mut self) {
        match self.random.u32(0..40) {
            0 => self.check_is_broken = !self.check_is_broken,
            1..=4 => {
                let n = self.random.usize(0..self.works.len());
                self.works[n] = !self.works[n];
            }
            _ => {}
        }
    }

    fn live(mut self, seconds: u64) -> Self {
        for _ in 0..seconds {
            self.fate();
            self.tick();
        }
        self
    }

    /// Long enough for every threshold, with inconclusive looks in between.
    fn settle(&mut self) {
        (0..20 * INTERVAL).for_each(|_| self.tick());
    }
}

#[test]
fn when_the_world_is_quiet_the_verdicts_are_the_truth() {
    for seed in 0..300 {
        let mut world = World::new(seed).live(600);
        world.check_is_broken = false;
        world.settle();
        let ready = |n: usize| world.ledger.condition(world.membership.members()[n].target.address());
        for (n, works) in world.works.iter().enumerate() {
            let want = if *works { Condition::Ready } else { Condition::Unhealthy };
            assert_eq!(ready(n), want, "seed {seed}, target {n}: {:#?}", world.story);
        }
        assert!(!world.ledger.report(Duration::ZERO).checks[0].held, "seed {seed}: {:#?}", world.story);
    }
}

#[test]
fn a_check_that_breaks_in_a_good_world_never_takes_a_working_target_out() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        world.settle();
        world.check_is_broken = true;
        // A look that says nothing postpones the fall of a target; the first to fall would be out until the others follow.
        world.check_traps = false;
        for _ in 0..30 * INTERVAL {
            world.tick();
            let working = world.availability().standings().iter().all(|at| matches!(at, Standing::Available { .. }));
            assert!(working, "seed {seed}, second {}: {:#?}", world.second, world.story);
        }
        let alarms = world.story.iter().filter(|told| told.contains("the check is judged")).count();
        assert_eq!(alarms, 1, "seed {seed}: {:#?}", world.story);
    }
}

#[test]
fn while_the_check_is_broken_a_working_target_is_always_found_in_the_end() {
    for seed in 0..300 {
        let mut world = World::new(seed).live(600);
        world.check_is_broken = true;
        world.settle();
        let starved = world.starved;
        world.settle();
        assert_eq!(world.starved, starved, "seed {seed}: {:#?}", world.story);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..20 {
        let story = World::new(seed).live(2000).story;
        assert!(!story.is_empty() && story == World::new(seed).live(2000).story, "seed {seed}");
    }
}
