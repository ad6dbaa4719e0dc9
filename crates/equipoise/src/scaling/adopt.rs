//! How scaling groups begin: what an earlier program remembered, and what runs of it, is taken over; nothing is started twice and
//! nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use equipoise_config::Config;
use equipoise_health::Initial;
use equipoise_scale::provider::{self, Launched, Provider};
use equipoise_scale::{Fleet, GroupState, InstanceId, LaunchTemplate, Lifecycle, SeriesKey};
use equipoise_target::{GroupName, ScalingGroupName};

use super::keeper::Keeper;
use super::place::Place;
use super::roster::Entry;
use super::store::{Store, StoreError, Table, decode};
use super::{Scaling, State, plan};
use crate::core::Core;
use crate::error::{ApplyError, chain};
use crate::metrics::lock;

/// How long a start waits for providers to say what runs; they are asked again later.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long until a provider that did not say what runs is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// An instance that runs, and who found it.
type Running = (InstanceId, Launched, Arc<dyn Provider>);

/// What was found of scaling groups before they begin.
pub(crate) struct Found {
    place: Place,
    keeper: Keeper,
    states: BTreeMap<ScalingGroupName, GroupState>,
    next_activity: u64,
    /// What was measured of groups.
    series: Vec<(SeriesKey, Vec<u8>)>,
    /// What runs, by group; groups whose providers did not say are not in it.
    running: BTreeMap<ScalingGroupName, Vec<Running>>,
}

impl Found {
    /// Reads what is remembered, and asks providers what runs. What ran and took requests is a target from now on.
    pub(super) async fn look(core: &Arc<Core>, config: &Config) -> Result<Self, ApplyError> {
        let source = core.source.load().path().map(ToOwned::to_owned);
        let place = Place::new(config, core.scaling.state_folder.as_deref(), source.as_deref());
        let opened = place.clone();
        let remembered = tokio::task::spawn_blocking(move || {
            let mut store = opened.open()?;
            store.write(&[])?;
            let states = states(&*store)?;
            let next_activity = next_activity(&*store)?;
            let series = series(&*store)?;
            Ok((Keeper::new(store)?, states, next_activity, series))
        });
        let (keeper, states, next_activity, series) =
            remembered.await?.map_err(|error: StoreError| ApplyError::Scaling(error.into()))?;
        let mut found = Self { place, keeper, states, next_activity, series, running: BTreeMap::new() };
        found.ask(config).await;
        let members = found.members(config);
        core.monitor.believe(members.iter().map(|member| (member.clone(), Initial::Healthy)).collect());
        core.joined.begin_with(members);
        Ok(found)
    }

    /// What an earlier program left behind, when nothing is to be scaled now: groups that are still to be ended. `None` when
    /// there are none, or when another program sees to them.
    pub(super) async fn left_behind(core: &Arc<Core>, config: &Config) -> Option<Self> {
        let source = core.source.load().path().map(ToOwned::to_owned);
        if !Place::new(config, core.scaling.state_folder.as_deref(), source.as_deref()).remembers() {
            return None;
        }
        match Self::look(core, config).await {
            Ok(found) => (!found.states.is_empty()).then_some(found),
            Err(error) => {
                tracing::info!(error = %chain(&error), "what is remembered of earlier scaling groups is left alone");
                None
            }
        }
    }

    /// Asks every provider at once what runs.
    async fn ask(&mut self, config: &Config) {
        let mut asked = tokio::task::JoinSet::new();
        let names: BTreeSet<_> = config.scaling_groups.keys().chain(self.states.keys()).cloned().collect();
        for name in names {
            let configured = config.scaling_groups.get(&name).map(|settings| &settings.launch_template);
            let remembered = self.states.get(&name).into_iter().flat_map(|state| state.templates.values());
            let templates: Vec<_> = configured.into_iter().chain(remembered).cloned().collect();
            let place = self.place.clone();
            asked.spawn(async move { (name.clone(), list(&place, &name, &templates).await) });
        }
        let all = async {
            while let Some(answer) = asked.join_next().await {
                if let Ok((name, Some(running))) = answer {
                    self.running.insert(name, running);
                }
            }
        };
        // Whoever is late is asked again when everything serves.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    /// Targets that took requests when an earlier program ended, and run still.
    fn members(&self, config: &Config) -> Vec<(GroupName, equipoise_target::Endpoint)> {
        let of_group = |(name, running): (&ScalingGroupName, &Vec<Running>)| {
            let target_group = &config.scaling_groups.get(name)?.target_group;
            let state = self.states.get(name)?;
            let served = |id: &InstanceId| {
                state.instances.iter().any(|known| known.id == *id && known.lifecycle == Lifecycle::InService)
            };
            let members = running.iter().filter(|(id, ..)| served(id));
            Some(members.map(|(_, launched, _)| (target_group.clone(), launched.address)).collect::<Vec<_>>())
        };
        self.running.iter().filter_map(of_group).flatten().collect()
    }

    /// Begins to scale.
    pub(super) fn begin(self, core: &Arc<Core>, config: &Config) -> Arc<Scaling> {
        let Self { place, keeper, states, next_activity, series, running } = self;
        let latest = states.values().flat_map(|state| &state.instances).map(|instance| instance.since).max();
        let mut fleet = Fleet::new(fastrand::u64(..), next_activity);
        for (name, state) in states {
            fleet.restore(name, state);
        }
        let scaling = Scaling::new(core, place, keeper, fleet, latest.unwrap_or_default());
        for (key, bytes) in series {
            if let Err(error) = scaling.series.import(key.clone(), &bytes) {
                tracing::warn!(?key, error = chain(&error), "what was measured cannot be read and is passed over");
            }
        }
        scaling.change(|state, now| {
            state.history = usize::try_from(config.scaling.history).unwrap_or(usize::MAX);
            state.fleet.configure(&plan(config), now)
        });
        for (group, running) in running {
            scaling.adopt(&group, running);
        }
        scaling.adopt_rest();
        scaling.leave_strangers(core);
        core.runtime.spawn(Scaling::run(scaling.me.clone(), scaling.over.clone()));
        scaling
    }
}

impl Scaling {
    /// Takes over what runs of a group.
    fn adopt(&self, group: &ScalingGroupName, running: Vec<Running>) {
        self.change(|state, now| {
            let found = running.iter().map(|(instance, launched, _)| provider::Found {
                instance: instance.clone(),
                launched: launched.clone(),
            });
            let found: Vec<_> = found.collect();
            self.enter(state, group, running);
            state.fleet.adopt(group, found, now)
        });
        self.wake.notify_one();
    }

    /// Notes every instance of a group that runs.
    fn enter(&self, state: &mut State, group: &ScalingGroupName, running: Vec<Running>) {
        for (instance, launched, provider) in running {
            let key = (group.clone(), instance.clone());
            let entry = state.roster.entries.entry(key).or_insert_with(|| Entry::new(provider));
            entry.runs(launched);
            self.watch(state, group, &instance);
        }
    }

    /// Asks for what runs of groups of which nobody said it yet, until somebody does.
    pub(super) fn adopt_rest(&self) {
        let state = lock(&self.state);
        let names: Vec<_> = state.fleet.groups().into_iter().map(|(name, _)| name).collect();
        for name in names.into_iter().filter(|name| state.fleet.view(name).is_some_and(|view| !view.adopted)) {
            let Some(me) = self.me.upgrade() else { return };
            let over = self.over.clone();
            self.runtime.spawn(async move { over.run_until_cancelled(me.adopt_soon(name)).await });
        }
    }

    async fn adopt_soon(self: Arc<Self>, group: ScalingGroupName) {
        loop {
            let Some(templates) = self.templates(&group) else { return };
            if let Some(running) = list(&self.place, &group, &templates).await {
                self.adopt(&group, running);
                if let Some(core) = self.core.upgrade() {
                    self.leave_strangers(&core);
                }
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The launch templates of a group that is still to be adopted.
    fn templates(&self, group: &ScalingGroupName) -> Option<Vec<LaunchTemplate>> {
        let state = lock(&self.state);
        let waits = state.fleet.view(group).is_some_and(|view| !view.adopted);
        let known = state.fleet.state(group).filter(|_| waits)?;
        Some(known.templates.into_values().collect())
    }

    /// Lets go of targets that were members before the groups began, and that no instance stands for.
    fn leave_strangers(&self, core: &Arc<Core>) {
        let state = lock(&self.state);
        let names = state.fleet.groups().into_iter();
        if names.filter_map(|(name, _)| state.fleet.view(&name)).any(|view| !view.adopted) {
            // Whoever is not known yet may stand for them.
            return;
        }
        let ours: BTreeSet<_> = state
            .roster
            .entries
            .values()
            .filter_map(|entry| entry.target.as_ref())
            .map(|target| target.address())
            .collect();
        drop(state);
        for (group, target) in core.joined.all() {
            if !ours.contains(&target.address()) {
                core.runtime.spawn(core.leave(&group, &target));
            }
        }
    }
}

/// What runs of a group, whatever template it was started from; `None` when somebody did not say.
async fn list(place: &Place, group: &ScalingGroupName, templates: &[LaunchTemplate]) -> Option<Vec<Running>> {
    let mut running: BTreeMap<InstanceId, (Launched, Arc<dyn Provider>)> = BTreeMap::new();
    for template in templates {
        let made = provider::provider(&place.setting(group), template);
        let listed = match &made {
            Ok(provider) => provider.list().await,
            // A template that cannot start anything has started nothing.
            Err(_) => continue,
        };
        match (listed, made) {
            (Ok(found), Ok(provider)) => {
                for provider::Found { instance, launched } in found {
                    running.entry(instance).or_insert_with(|| (launched, Arc::clone(&provider)));
                }
            }
            (Err(error), _) => {
                tracing::warn!(scaling_group = %group, error = chain(&error), "what runs of the group cannot be listed: nothing is launched until it can");
                return None;
            }
            (_, Err(_)) => {}
        }
    }
    Some(running.into_iter().map(|(instance, (launched, provider))| (instance, launched, provider)).collect())
}

fn states(store: &dyn Store) -> Result<BTreeMap<ScalingGroupName, GroupState>, StoreError> {
    let records = store.last(Table::Groups, "", usize::MAX)?;
    let state = |(key, value): (String, Vec<u8>)| {
        Some((ScalingGroupName::new(&key).ok()?, decode(Table::Groups, &key, &value)?))
    };
    Ok(records.into_iter().filter_map(state).collect())
}

fn series(store: &dyn Store) -> Result<Vec<(SeriesKey, Vec<u8>)>, StoreError> {
    let records = store.last(Table::Series, "", usize::MAX)?;
    Ok(records.into_iter().filter_map(|(key, bytes)| Some((serde_json::from_str(&key).ok()?, bytes))).collect())
}

/// The first number that no activity has.
fn next_activity(store: &dyn Store) -> Result<u64, StoreError> {
    let keys = store.keys(Table::Activities)?;
    let numbers = keys.iter().filter_map(|key| key.rsplit_once('/')?.1.parse::<u64>().ok());
    Ok(numbers.max().map_or(1, |last| last + 1))
}
