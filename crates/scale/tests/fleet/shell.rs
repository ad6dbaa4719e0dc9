//! A shell for stories: it does what the fleet asks for, at once or when the story says so, and keeps the history.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use equipoise_metrics::series::Statistic;
use equipoise_scale::provider::{Found, Handle, Launched};
use equipoise_scale::{
    Activity, ActivityId, ActivityStatus, Alarm, Effect, Event, Fleet, GroupView, InFlight, Instance, InstanceId,
    Lifecycle, Moment, Order, OrderError, Plan, Readings, ScalingGroup, SeriesKey,
};
use equipoise_target::{AlarmName, ScalingGroupName};

/// 2024-05-01T10:00:00Z.
pub(crate) const START: Moment = Moment::from_millis(1_714_557_600_000);

/// A group of one to four processes, and what else `settings` says.
pub(crate) fn group(settings: &str) -> ScalingGroup {
    let bounds = if settings.contains("max =") { "" } else { "max = 4\n" };
    let template = if settings.contains("[launch-template") {
        ""
    } else {
        "[launch-template.process]\ncommand = [\"todo\", \"{port}\"]\nports = \"6500-6599\"\ngrace = \"10s\"\n"
    };
    toml::from_str(&format!("target-group = \"todo\"\n{bounds}{settings}\n{template}")).unwrap()
}

/// The same with another command.
pub(crate) fn template(command: &str) -> String {
    format!("[launch-template.process]\ncommand = [\"{command}\"]\nports = \"6500-6599\"\ngrace = \"10s\"")
}

pub(crate) fn alarm(settings: &str) -> Alarm {
    toml::from_str(&format!("metric = \"cpu-utilization\"\nscaling-group = \"web\"\n{settings}")).unwrap()
}

pub(crate) fn name() -> ScalingGroupName {
    ScalingGroupName::new("web").unwrap()
}

pub(crate) fn launched(instance: &InstanceId) -> Launched {
    Launched { handle: Handle(instance.as_str().into()), address: "127.0.0.1:6500".parse().unwrap() }
}

/// What was measured in each second, whatever is asked for.
#[derive(Default)]
pub(crate) struct Measured(pub(crate) BTreeMap<u64, f64>);

impl Readings for Measured {
    fn points(&self, _: &SeriesKey, _: Statistic, period: Duration, count: usize, now: Moment) -> Vec<Option<f64>> {
        let length = period.as_secs().max(1);
        let last = now.seconds() / length;
        let mean = |period: u64| {
            let seconds: Vec<_> =
                self.0.range(period * length..(period + 1) * length).map(|(_, value)| *value).collect();
            (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
        };
        (0..count as u64).rev().map(|back| mean((last - 1).saturating_sub(back))).collect()
    }
}

/// Requests under way, as the story says.
#[derive(Default)]
pub(crate) struct Busy(pub(crate) BTreeMap<InstanceId, u32>);

impl InFlight for Busy {
    fn in_flight(&self, _: &ScalingGroupName, instance: &InstanceId) -> u32 {
        self.0.get(instance).copied().unwrap_or(0)
    }
}

pub(crate) struct Shell {
    pub(crate) fleet: Fleet,
    pub(crate) now: Moment,
    /// What was asked for and is not done yet.
    pub(crate) todo: VecDeque<Effect>,
    /// Every activity as it was kept last.
    pub(crate) history: BTreeMap<ActivityId, Activity>,
    /// Everything that was asked for, as words such as "launch" and an instance.
    pub(crate) asked: Vec<(&'static str, InstanceId)>,
    pub(crate) busy: Busy,
    pub(crate) measured: Measured,
    pub(crate) alarms: BTreeMap<AlarmName, Alarm>,
    /// Kinds of what is asked for that the shell leaves undone.
    pub(crate) lazy: BTreeSet<&'static str>,
    numbers: BTreeMap<InstanceId, usize>,
    settings: ScalingGroup,
}

impl Shell {
    /// A group that was adopted with nothing running, and did all it wanted.
    pub(crate) fn new(settings: &str) -> Self {
        let mut shell = Self::cold(settings);
        let effects = shell.fleet.adopt(&name(), Vec::new(), shell.now);
        shell.take(effects);
        shell.obey();
        shell
    }

    /// A group that was not told yet what runs.
    pub(crate) fn cold(settings: &str) -> Self {
        let settings = group(settings);
        let mut shell = Self::with(Fleet::new(7, 1), settings.clone());
        shell.configure(settings);
        shell
    }

    pub(crate) fn with(fleet: Fleet, settings: ScalingGroup) -> Self {
        Self {
            fleet,
            now: START,
            todo: VecDeque::new(),
            history: BTreeMap::new(),
            asked: Vec::new(),
            busy: Busy::default(),
            measured: Measured::default(),
            alarms: BTreeMap::new(),
            lazy: BTreeSet::new(),
            numbers: BTreeMap::new(),
            settings,
        }
    }

    /// A group with alarms about it: names, and their settings but for whose they are.
    pub(crate) fn with_alarms(settings: &str, alarms: &[(&str, &str)]) -> Self {
        let settings = group(settings);
        let mut shell = Self::with(Fleet::new(7, 1), settings.clone());
        shell.alarms = alarms.iter().map(|(name, text)| (AlarmName::new(name).unwrap(), alarm(text))).collect();
        shell.configure(settings);
        let effects = shell.fleet.adopt(&name(), Vec::new(), shell.now);
        shell.take(effects);
        shell.obey();
        shell
    }

    pub(crate) fn configure(&mut self, settings: ScalingGroup) {
        self.settings = settings.clone();
        let plan = Plan { groups: [(name(), settings)].into(), alarms: self.alarms.clone() };
        let effects = self.fleet.configure(&plan, self.now);
        self.take(effects);
        self.obey();
    }

    pub(crate) fn configure_text(&mut self, settings: &str) {
        self.configure(group(settings));
    }

    pub(crate) fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Keep(activity) = effect {
                self.history.insert(activity.id, activity);
                continue;
            }
            if let Some((word, instance)) = word(&effect) {
                let next = self.numbers.len() + 1;
                self.numbers.entry(instance.clone()).or_insert(next);
                self.asked.push((word, instance));
            }
            self.todo.push_back(effect);
        }
    }

    /// Does what was asked for, and what follows from that, but for what it is lazy about.
    pub(crate) fn obey(&mut self) {
        let mut left = VecDeque::new();
        while let Some(effect) = self.todo.pop_front() {
            let Some((kind, instance)) = word(&effect) else { continue };
            if self.lazy.contains(kind) {
                left.push_back(effect);
                continue;
            }
            if let Some(event) = answer(&effect, &instance) {
                let effects = self.fleet.happened(&name(), &instance, event, self.now);
                self.take(effects);
            }
        }
        self.todo = left;
    }

    pub(crate) fn tell(&mut self, instance: &InstanceId, event: Event) {
        let effects = self.fleet.happened(&name(), instance, event, self.now);
        self.todo.retain(|effect| word(effect).is_none_or(|(_, id)| id != *instance));
        self.take(effects);
        self.obey();
    }

    pub(crate) fn order(&mut self, order: Order) -> Result<(), OrderError> {
        let effects = self.fleet.order(&name(), order, "a user", self.now)?;
        self.take(effects);
        self.obey();
        Ok(())
    }

    pub(crate) fn desire(&mut self, desired: u32) {
        self.order(Order::SetDesired { desired, honor_cooldown: false }).unwrap();
        self.tick(1);
    }

    /// So many seconds pass, one tick each.
    pub(crate) fn tick(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.now = self.now.after(Duration::from_secs(1));
            let effects = self.fleet.tick(&self.measured, &self.busy, self.now);
            self.take(effects);
            self.obey();
        }
    }

    /// The same for as long as the processors of all instances together are this busy, in percent of one.
    pub(crate) fn load(&mut self, seconds: u32, percent: f64) {
        for _ in 0..seconds {
            let each = percent / self.serving().len().max(1) as f64;
            self.measured.0.insert(self.now.seconds(), each.min(100.0));
            self.tick(1);
        }
    }

    pub(crate) fn view(&self) -> GroupView {
        self.fleet.view(&name()).unwrap()
    }

    pub(crate) fn all(&self, lifecycle: Lifecycle) -> Vec<Instance> {
        self.fleet.instances(&name()).filter(|instance| instance.lifecycle == lifecycle).cloned().collect()
    }

    pub(crate) fn serving(&self) -> Vec<InstanceId> {
        self.all(Lifecycle::InService).into_iter().map(|instance| instance.id).collect()
    }

    /// What was asked for since this was last called: "launch 1, check 1", by the order in which instances were named.
    pub(crate) fn asked(&mut self) -> String {
        let asked = std::mem::take(&mut self.asked);
        let words: Vec<_> = asked.iter().map(|(word, id)| format!("{word} {}", self.numbers[id])).collect();
        words.join(", ")
    }

    pub(crate) fn last(&self) -> &Activity {
        self.history.values().next_back().unwrap()
    }

    /// The last activity whose description begins so.
    pub(crate) fn activity(&self, description: &str) -> &Activity {
        self.history.values().rev().find(|activity| activity.description.starts_with(description)).unwrap()
    }

    pub(crate) fn statuses(&self, status: ActivityStatus) -> usize {
        self.history.values().filter(|activity| activity.status == status).count()
    }

    /// What a provider would list now.
    pub(crate) fn found(&self) -> Vec<Found> {
        let there = self.fleet.instances(&name()).filter(|instance| instance.handle.is_some());
        there.map(|instance| Found { instance: instance.id.clone(), launched: launched(&instance.id) }).collect()
    }

    /// The program is killed and started again; its provider finds `found`.
    pub(crate) fn restart(&mut self, found: Vec<Found>) {
        let state = self.fleet.state(&name()).unwrap();
        let text = serde_json::to_string(&state).unwrap();
        let next = self.history.keys().next_back().map_or(1, |last| last + 1);
        self.fleet = Fleet::new(next, next);
        self.fleet.restore(name(), serde_json::from_str(&text).unwrap());
        self.todo.clear();
        self.asked.clear();
        self.configure(self.settings.clone());
        assert_eq!(self.asked(), "", "nothing is asked for before it is known what runs");
        let effects = self.fleet.adopt(&name(), found, self.now);
        self.take(effects);
        self.obey();
    }
}

pub(crate) fn word(effect: &Effect) -> Option<(&'static str, InstanceId)> {
    Some(match effect {
        Effect::Launch { instance, .. } => ("launch", instance.clone()),
        Effect::Hook { instance, .. } => ("hook", instance.clone()),
        Effect::Check { instance, .. } => ("check", instance.clone()),
        Effect::Join { instance, .. } => ("join", instance.clone()),
        Effect::Leave { instance, .. } => ("leave", instance.clone()),
        Effect::Stop { instance, .. } => ("stop", instance.clone()),
        _ => return None,
    })
}

/// What a well-behaved instance makes of it.
pub(crate) fn answer(effect: &Effect, instance: &InstanceId) -> Option<Event> {
    Some(match effect {
        Effect::Launch { .. } => Event::Launched(launched(instance)),
        Effect::Hook { hook, .. } => Event::Hooked { hook: hook.clone(), failure: None },
        Effect::Check { .. } => Event::Passed,
        Effect::Leave { .. } => Event::Drained,
        Effect::Stop { .. } => Event::Stopped,
        _ => return None,
    })
}

pub(crate) fn stranger(number: u64) -> Found {
    let instance = InstanceId::from_number(number);
    let handle = Handle(Arc::from(instance.as_str()));
    Found { launched: Launched { handle, address: "127.0.0.1:6599".parse().unwrap() }, instance }
}

pub(crate) fn unhealthy() -> Event {
    Event::Health { healthy: false, reason: "status 500".to_owned() }
}
