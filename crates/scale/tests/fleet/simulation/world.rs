//! The machine that a simulated shell runs instances on, and its bad days.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use equipoise_scale::provider::Found;
use equipoise_scale::{
    Alarm, Effect, Event, Fleet, GroupState, InFlight, InstanceId, Moment, Order, Plan, Process, ScalingGroup,
};
use equipoise_target::{AlarmName, ScalingGroupName};
use fastrand::Rng;

use super::law::{Law, Stage};
use crate::shell::{Measured, START, alarm, group, launched, name, stranger};

/// A group with everything that a group can have.
fn settings(rng: &mut Rng) -> ScalingGroup {
    let mut text = format!("min = {}\nmax = {}\n", rng.u32(0..=2), rng.u32(3..=7));
    let termination = ["oldest", "newest", "oldest-template", "least-connections"][rng.usize(..4)];
    text += &format!("termination = \"{termination}\"\ndefault-cooldown = \"5s\"\nwarm-up = \"2s\"\n");
    text += &format!("[refresh]\nmin-healthy = {}\n", [100, 90, 50, 0][rng.usize(..4)]);
    text +=
        ["", "checkpoints = [40]\ncheckpoint-wait = \"5s\"\n", "max-failures = 1\nroll-back = false\n"][rng.usize(..3)];
    text += ["", "[warm-pool]\nsize = 1\n", "[warm-pool]\nsize = 2\nreuse = true\n"][rng.usize(..3)];
    text += ["", "[hook.a]\non = \"launching\"\ncommand = [\"a\"]\nabandon = true\n"][rng.usize(..2)];
    text += ["", "[hook.b]\non = \"terminating\"\ncommand = [\"b\"]\n"][rng.usize(..2)];
    text += ["", SIMPLE, TRACKING][rng.usize(..3)];
    text += &crate::shell::template(["one", "two", "three"][rng.usize(..3)]);
    group(&text)
}

const SIMPLE: &str = "[policy.out.simple]\nalarm = \"high\"\nadjustment = \"change-in-capacity\"\nby = 1\n\
    [policy.in.simple]\nalarm = \"low\"\nadjustment = \"change-in-capacity\"\nby = -1\n";
const TRACKING: &str = "[policy.cpu.target-tracking]\nmetric = \"cpu-utilization\"\ntarget = 50.0\nperiod = \"1s\"\n\
    out-periods = 2\nin-periods = 5\n";

fn alarms() -> BTreeMap<AlarmName, Alarm> {
    let alarm = |comparison: &str, threshold: u32| {
        let text = "period = \"2s\"\nevaluation-periods = 2";
        alarm(&format!("{text}\ncomparison = \"{comparison}\"\nthreshold = {threshold}.0"))
    };
    let named = |name: &str, alarm: Alarm| (AlarmName::new(name).unwrap(), alarm);
    [named("high", alarm("greater-than-or-equal", 70)), named("low", alarm("less-than-or-equal", 30))].into()
}

struct Requests(RefCell<Rng>);

impl InFlight for Requests {
    fn in_flight(&self, _: &ScalingGroupName, _: &InstanceId) -> u32 {
        self.0.borrow_mut().u32(..20)
    }
}

pub(super) struct World {
    rng: Rng,
    fleet: Fleet,
    now: Moment,
    settings: ScalingGroup,
    law: Law,
    /// What is told when.
    coming: BTreeMap<(Moment, u64), (InstanceId, Event)>,
    measured: Measured,
    requests: Requests,
    /// As written down when it was last said to have changed.
    saved: Option<GroupState>,
    next: u64,
    transcript: DefaultHasher,
    /// Whether nothing bad happens any more.
    calm: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = settings(&mut rng);
        let mut world = Self {
            fleet: Fleet::new(seed, 1),
            now: START,
            law: Law::default(),
            coming: BTreeMap::new(),
            measured: Measured::default(),
            requests: Requests(RefCell::new(rng.fork())),
            saved: None,
            next: 0,
            transcript: DefaultHasher::new(),
            calm: false,
            rng,
            settings,
        };
        world.configure();
        world.second();
        world.adopt(Vec::new());
        world
    }

    pub(super) fn transcript(&self) -> u64 {
        self.transcript.finish()
    }

    fn plan(&self) -> Plan {
        Plan { groups: [(name(), self.settings.clone())].into(), alarms: alarms() }
    }

    fn configure(&mut self) {
        let effects = self.fleet.configure(&self.plan(), self.now);
        self.take(effects, false);
    }

    fn adopt(&mut self, found: Vec<Found>) {
        let effects = self.fleet.adopt(&name(), found, self.now);
        self.take(effects, false);
    }

    /// Everything that follows from a call.
    fn take(&mut self, effects: Vec<Effect>, ticked: bool) {
        format!("{:?} {effects:?}", self.now).hash(&mut self.transcript);
        let view = self.fleet.view(&name());
        for effect in effects {
            self.law.effect(&effect, view.as_ref(), self.now);
            self.answer(&effect);
        }
        if self.fleet.changed().contains(&name()) {
            self.saved = self.fleet.state(&name());
        }
        match view {
            Some(view) => self.law.view(&view, self.now, ticked),
            None => assert!(self.law.nothing_runs(), "a group is forgotten and something of it runs"),
        }
    }

    /// What will become of what is asked for.
    fn answer(&mut self, effect: &Effect) {
        let bad = !self.calm && self.rng.u8(..10) == 0;
        let (instance, event, longest) = match effect {
            Effect::Launch { instance, template, .. } => {
                assert!(self.fleet.template(&name(), *template).is_some());
                let failed = Event::LaunchFailed("no".to_owned());
                (instance, if bad { failed } else { Event::Launched(launched(instance)) }, 3)
            }
            Effect::Hook { instance, hook, .. } => {
                let failure = bad.then(|| "no".to_owned());
                (instance, Event::Hooked { hook: hook.clone(), failure }, 2)
            }
            // Some only pass when their time is over.
            Effect::Check { instance, .. } if bad => (instance, Event::Ended("exited with code 1".to_owned()), 4),
            Effect::Check { instance, .. } => (instance, Event::Passed, if self.calm { 3 } else { 12 }),
            Effect::Leave { instance, .. } => (instance, Event::Drained, 4),
            Effect::Stop { instance, .. } if bad => (instance, Event::StopFailed("no".to_owned()), 2),
            Effect::Stop { instance, .. } => (instance, Event::Stopped, 3),
            _ => return,
        };
        // Who is stopped tells nothing else any more.
        if matches!(effect, Effect::Stop { .. }) {
            self.coming.retain(|_, (id, _)| id != instance);
        }
        self.later(longest, instance.clone(), event);
    }

    fn later(&mut self, longest: u64, instance: InstanceId, event: Event) {
        self.next += 1;
        let at = self.now.after(Duration::from_millis(self.rng.u64(1..longest * 1000)));
        self.coming.insert((at, self.next), (instance, event));
    }

    /// One second passes.
    pub(super) fn second(&mut self) {
        let end = self.now.after(Duration::from_secs(1));
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= end) {
            let ((at, _), (instance, event)) = entry.remove_entry();
            self.now = at;
            self.tell(&instance, event);
        }
        self.now = end;
        let serving = self.law.stages.values().filter(|stage| **stage == Stage::Joined).count();
        let load = 100.0 * (2.0 + (end.seconds() as f64 / 20.0).sin()) + self.rng.f64() * 30.0;
        let load = if self.calm { 0.0 } else { load };
        self.measured.0.insert(end.seconds() - 1, (load / serving.max(1) as f64).min(100.0));
        let effects = self.fleet.tick(&self.measured, &self.requests, self.now);
        self.take(effects, true);
    }

    fn tell(&mut self, instance: &InstanceId, event: Event) {
        let stage = self.law.stages[instance];
        let next = match (&event, stage) {
            (_, Stage::Gone) => return,
            (Event::Launched(_), Stage::Launching) => Stage::Running,
            (Event::LaunchFailed(_), Stage::Launching) | (Event::Stopped, Stage::Stopping) => Stage::Gone,
            (Event::Passed, Stage::Running) => Stage::Passed,
            (Event::Drained, Stage::Leaving) => Stage::Drained,
            _ => stage,
        };
        self.law.stages.insert(instance.clone(), next);
        let effects = self.fleet.happened(&name(), instance, event, self.now);
        self.take(effects, false);
    }

    /// Perhaps something happens that nobody planned.
    pub(super) fn misfortune(&mut self) {
        match self.rng.u8(..24) {
            0 | 1 => self.order(),
            2 => self.kill(),
            3 => self.flap(),
            4 if self.rng.bool() => self.change(),
            5 if self.rng.u8(..4) == 0 => self.restart(),
            6 => {
                // Somebody who is not there, or not in that state, says something.
                let instance = self.any().unwrap_or_else(|| InstanceId::from_number(1));
                if self.law.stages.contains_key(&instance) && self.law.stages[&instance] != Stage::Stopping {
                    self.tell(&instance, Event::Stopped);
                }
                let effects = self.fleet.happened(&name(), &InstanceId::from_number(1), Event::Passed, self.now);
                assert_eq!(effects, []);
            }
            _ => {}
        }
    }

    fn any(&mut self) -> Option<InstanceId> {
        let instances: Vec<_> = self.fleet.instances(&name()).map(|instance| instance.id.clone()).collect();
        (!instances.is_empty()).then(|| instances[self.rng.usize(..instances.len())].clone())
    }

    fn order(&mut self) {
        let Some(instance) = self.any() else { return };
        let process = [Process::Launch, Process::Terminate, Process::AddToTargetGroup, Process::InstanceRefresh];
        let process = process[self.rng.usize(..4)];
        let order = match self.rng.u8(..14) {
            0..=3 => Order::SetDesired { desired: self.rng.u32(..8), honor_cooldown: self.rng.bool() },
            4 => Order::Refresh,
            5 => Order::CancelRefresh,
            6 => Order::RollBack,
            7 => Order::Suspend(vec![process]),
            8 | 9 => Order::Resume(Vec::new()),
            10 | 11 => Order::Protect(instance, self.rng.u8(..4) == 0),
            _ => Order::Terminate { instance, shrink: self.rng.bool() },
        };
        if let Ok(effects) = self.fleet.order(&name(), order, "a user", self.now) {
            self.take(effects, false);
        }
    }

    fn kill(&mut self) {
        if let Some(instance) = self.any()
            && !matches!(self.law.stages[&instance], Stage::Launching | Stage::Stopping)
        {
            // What else it would have told it never tells; that the target group and the provider are done with it, they do.
            let last = |event: &Event| {
                matches!(event, Event::Drained | Event::Stopped | Event::StopFailed(_) | Event::Hooked { .. })
            };
            self.coming.retain(|_, (id, event)| *id != instance || last(event));
            self.tell(&instance, Event::Ended("killed by signal 9 (KILL)".to_owned()));
        }
    }

    fn flap(&mut self) {
        if let Some(instance) = self.any() {
            let healthy = self.rng.bool();
            self.later(2, instance, Event::Health { healthy, reason: "status 500".to_owned() });
        }
    }

    fn change(&mut self) {
        self.settings = settings(&mut self.rng);
        self.configure();
    }

    /// The program is killed and started again. Some instances did not survive that, one was never seen before.
    fn restart(&mut self) {
        let state = self.fleet.state(&name()).unwrap();
        assert_eq!(self.saved.as_ref(), Some(&state), "something changed and was not said to");
        let text = serde_json::to_string(&state).unwrap();
        let mut known = BTreeMap::new();
        for instance in state.instances {
            let starts = self.law.stages[&instance.id] != Stage::Launching || self.rng.bool();
            if starts && self.rng.u8(..5) > 0 {
                known.insert(instance.id, instance.lifecycle);
            }
        }
        self.law.restart(&known);
        let found = known.into_keys();
        let mut found: Vec<_> = found.map(|instance| Found { launched: launched(&instance), instance }).collect();
        if self.rng.u8(..3) == 0 {
            found.push(stranger(self.now.millis()));
            self.law.stages.insert(stranger(self.now.millis()).instance, Stage::Running);
        }
        self.coming.clear();
        self.fleet = Fleet::new(self.rng.u64(..), 1_000_000 + self.now.millis());
        self.fleet.restore(name(), serde_json::from_str(&text).unwrap());
        let effects = self.fleet.configure(&self.plan(), self.now);
        format!("{effects:?}").hash(&mut self.transcript);
        self.adopt(found);
    }

    /// Nothing bad happens any more: everything comes to rest.
    pub(super) fn rest(&mut self) {
        self.calm = true;
        for order in [Order::Resume(Vec::new()), Order::CancelRefresh] {
            if let Ok(effects) = self.fleet.order(&name(), order, "a user", self.now) {
                self.take(effects, false);
            }
        }
        for instance in self.fleet.instances(&name()).map(|instance| instance.id.clone()).collect::<Vec<_>>() {
            let order = Order::Protect(instance, false);
            let effects = self.fleet.order(&name(), order, "a user", self.now).unwrap();
            self.take(effects, false);
        }
        let at_rest = |world: &Self| world.law.is_at_rest(&world.fleet.view(&name()).unwrap());
        let mut seconds = 0;
        while seconds < 20 || !at_rest(self) {
            self.second();
            seconds += 1;
            assert!(seconds < 700, "something never ends: {:?}", self.fleet.view(&name()));
        }
        self.end();
    }

    /// The program ends, or the group is no longer configured: nothing is left of it.
    fn end(&mut self) {
        let ends = self.rng.bool();
        self.law.ends = ends;
        let effects = match ends {
            true => self.fleet.shut_down(self.now),
            false => self.fleet.configure(&Plan::default(), self.now),
        };
        self.take(effects, false);
        for _ in 0..60 {
            self.second();
        }
        assert!(self.law.nothing_runs() && self.fleet.is_shut_down());
        assert_eq!(self.fleet.groups().is_empty(), !ends);
    }
}
