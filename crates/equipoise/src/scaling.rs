//! Scaling groups at work: the shell around the pure [`Fleet`]. It tells the fleet the time and what happened, and carries out
//! what the fleet wants: instances are started, looked at, made targets, drained and stopped.
//!
//! ```text
//! tick, order, event ─▶ Fleet ─▶ effects ─▶ jobs ─▶ events
//!                         └────▶ keeper (state, activities)
//! ```

mod adopt;
mod carry_out;
mod check;
mod clock;
mod errand;
mod exit;
mod gauges;
mod hook;
mod keeper;
mod mirror;
mod place;
mod roster;
mod sample;
mod show;
mod slot;
mod store;

use std::sync::{Arc, Mutex, Weak};

use equipoise_config::Config;
use equipoise_health::HealthEvent;
use equipoise_metrics::series::Store as Series;
use equipoise_scale::{Effect, Event, Fleet, InstanceId, Moment, Order, OrderError, Plan, SeriesKey};
use equipoise_target::ScalingGroupName;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::core::Core;
use crate::metrics::lock;

use clock::{Clock, until_next_second};
use keeper::Keeper;
use place::Place;
use roster::Roster;
use sample::{Sampler, Scaled};
use store::Table;

pub(crate) use gauges::collect;
pub(crate) use slot::{Settings, Slot};

/// Instances that are being started at the same time.
const LAUNCHES_AT_ONCE: usize = 32;

/// Series that are written down: each can take some hundred kilobytes.
const MOST_SERIES: usize = 200;

/// How many seconds lie between: every minute, a group would write several gigabytes a day after two weeks.
const KEEP_EVERY: u64 = 600;

/// Scaling groups at work.
pub(crate) struct Scaling {
    core: Weak<Core>,
    runtime: tokio::runtime::Handle,
    place: Place,
    keeper: Keeper,
    state: Mutex<State>,
    /// What was measured.
    series: Arc<Series<SeriesKey>>,
    sampler: tokio::sync::Mutex<Sampler>,
    /// Something happened, and a tick may draw conclusions.
    wake: Notify,
    launches: Semaphore,
    /// Cancelled when this program steers no longer: ends every job and the ticks.
    over: CancellationToken,
    /// For jobs.
    me: Weak<Scaling>,
}

/// What changes together.
struct State {
    fleet: Fleet,
    clock: Clock,
    roster: Roster,
    /// Activities that are kept of each group.
    history: usize,
    counts: gauges::Counts,
}

impl Scaling {
    /// One that steers nothing yet.
    fn new(core: &Arc<Core>, place: Place, keeper: Keeper, fleet: Fleet, after: Moment) -> Arc<Self> {
        let sampler = Sampler::new(&core.registry);
        Arc::new_cyclic(|me| Self {
            core: Arc::downgrade(core),
            runtime: core.runtime.clone(),
            place,
            keeper,
            state: Mutex::new(State {
                fleet,
                clock: Clock::after(after),
                roster: Roster::default(),
                history: 1000,
                counts: gauges::Counts::default(),
            }),
            series: Arc::clone(sampler.store()),
            sampler: tokio::sync::Mutex::new(sampler),
            wake: Notify::new(),
            launches: Semaphore::new(LAUNCHES_AT_ONCE),
            over: core.ended.child_token(),
            me: me.clone(),
        })
    }

    /// Asks the fleet for what is to be done, and has it done: in one step, so that effects follow each other as the fleet
    /// meant them.
    fn change(&self, ask: impl FnOnce(&mut State, Moment) -> Vec<Effect>) {
        if self.over.is_cancelled() {
            return;
        }
        let mut state = lock(&self.state);
        let now = state.clock.now();
        let effects = ask(&mut state, now);
        self.carry_out_all(&mut state, effects);
        self.remember(&mut state);
    }

    fn carry_out_all(&self, state: &mut State, effects: Vec<Effect>) {
        for effect in effects {
            tracing::trace!(?effect, "scaling");
            self.carry_out(state, effect);
        }
    }

    /// Notes what a later program has to know.
    fn remember(&self, state: &mut State) {
        let changed = state.fleet.changed();
        for name in &changed {
            self.keeper.group(name, state.fleet.state(name).as_ref());
        }
        if !changed.is_empty() {
            let State { fleet, roster, .. } = state;
            roster.forget_providers(|group, version| fleet.template(group, version).is_some());
        }
    }

    /// Something happened to an instance.
    fn happened(&self, group: &ScalingGroupName, instance: &InstanceId, event: Event) {
        self.change(|state, now| state.fleet.happened(group, instance, event, now));
        self.wake.notify_one();
    }

    /// Follows an order.
    pub(crate) fn order(&self, group: &ScalingGroupName, order: Order, by: &str) -> Result<(), OrderError> {
        let mut refused = None;
        self.change(|state, now| {
            state.fleet.order(group, order, by, now).unwrap_or_else(|error| {
                refused = Some(error);
                Vec::new()
            })
        });
        self.wake.notify_one();
        refused.map_or(Ok(()), Err)
    }

    /// From now on, this is to be scaled.
    fn configure(&self, config: &Config) {
        self.change(|state, now| {
            state.history = usize::try_from(config.scaling.history).unwrap_or(usize::MAX);
            self.move_members(state, config);
            state.fleet.configure(&plan(config), now)
        });
        self.adopt_rest();
        self.wake.notify_one();
    }

    /// Time passes until this program steers no longer.
    async fn run(me: Weak<Self>, over: CancellationToken) {
        loop {
            let Some(this) = me.upgrade() else { return };
            tokio::select! {
                () = over.cancelled() => return,
                () = tokio::time::sleep(until_next_second()) => {}
                () = this.wake.notified() => {}
            }
            this.tick().await;
        }
    }

    /// Measures, if a second has passed, and lets the fleet conclude.
    async fn tick(&self) {
        if let Some(core) = self.core.upgrade() {
            let (scaled, now) = self.scaled(&core);
            let measured = self.sampler.lock().await.sample(&core, &scaled, now).await;
            if measured && now.seconds().is_multiple_of(KEEP_EVERY) {
                self.keep_series();
            }
        }
        self.change(|state, now| {
            let State { fleet, roster, .. } = state;
            fleet.tick(&*self.series, &*roster, now)
        });
    }

    /// Every group with its instances, as they are measured.
    fn scaled(&self, core: &Core) -> (Vec<Scaled>, Moment) {
        let serving = core.serving.load();
        let mut state = lock(&self.state);
        let now = state.clock.now();
        let group = |(name, target_group): (ScalingGroupName, _)| {
            let settings = serving.config.scaling_groups.get(&name);
            let instances = state.fleet.instances(&name).filter_map(|instance| {
                let entry = state.roster.entries.get(&(name.clone(), instance.id.clone()))?;
                Some((instance.clone(), Arc::clone(&entry.provider)))
            });
            Scaled {
                target_group,
                warm_up: settings.map(|settings| settings.warm_up).unwrap_or_default(),
                scrape: settings.and_then(|settings| settings.scrape.clone()).map(Arc::new),
                instances: instances.collect(),
                name,
            }
        };
        (state.fleet.groups().into_iter().map(group).collect(), now)
    }

    /// Keeps what was measured of groups, as far as that is not too much.
    fn keep_series(&self) {
        let Some(me) = self.me.upgrade() else { return };
        self.runtime.spawn_blocking(move || {
            for (key, series) in sample::kept(&me.series).into_iter().take(MOST_SERIES) {
                // A key has nothing that JSON cannot hold.
                let Ok(key) = serde_json::to_string(&key) else { continue };
                me.keeper.put(Table::Series, key, Some(series));
            }
        });
    }

    /// The health checks told something about a target group: passes on what concerns instances.
    fn health_told(&self, event: &HealthEvent) {
        let Some(core) = self.core.upgrade() else { return };
        let flips = lock(&self.state).roster.flips(event, |address| core.monitor.condition(&event.group, address));
        for (group, instance, event) in flips {
            self.happened(&group, &instance, event);
        }
    }

    /// Runs beside everything else until this program steers no longer.
    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) -> roster::Job {
        let over = self.over.clone();
        roster::Job::new(self.runtime.spawn(async move {
            over.run_until_cancelled_owned(job).await;
        }))
    }

    fn now(&self) -> Moment {
        lock(&self.state).clock.now()
    }
}

/// What of a configuration concerns the fleet.
fn plan(config: &Config) -> Plan {
    Plan { groups: config.scaling_groups.clone(), alarms: config.alarms.clone() }
}
