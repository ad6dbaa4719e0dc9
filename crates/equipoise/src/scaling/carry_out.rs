//! What the fleet wants, done.

use std::sync::Arc;

use equipoise_config::Config;
use equipoise_scale::provider::{Launched, Provider, ProviderError, provider};
use equipoise_scale::{Effect, Event, HealthSource, InstanceId};
use equipoise_target::{Endpoint, GroupName, ScalingGroupName, Target};

use super::check::Entrance;
use super::roster::{Entry, Task};
use super::{Scaling, State};
use crate::error::chain;
use crate::metrics::lock;

impl Scaling {
    /// Begins what one effect asks for. Holds the state, so it waits for nothing.
    pub(super) fn carry_out(&self, state: &mut State, effect: Effect) {
        match effect {
            Effect::Launch { group, instance, template } => self.launch(state, group, instance, template),
            Effect::Hook { group, instance, hook } => self.hook(state, group, instance, hook),
            Effect::Check { group, instance } => self.check(state, group, instance),
            Effect::Join { group, instance } => self.join(state, &group, &instance),
            Effect::Leave { group, instance } => self.leave(state, group, instance),
            Effect::Stop { group, instance } => self.stop(state, group, instance),
            Effect::Keep(activity) => self.keep(state, &activity),
            Effect::Alarmed(transition) => {
                let (from, to) = (transition.from, transition.to);
                tracing::info!(alarm = %transition.alarm, ?from, ?to, "{}", transition.reason);
                self.keeper.transition(&transition);
            }
            Effect::Act { alarm, action, transition } => self.act(&alarm, action, transition),
        }
    }

    /// Who starts instances from a version of a group's launch template.
    pub(super) fn provider(
        &self,
        state: &mut State,
        group: &ScalingGroupName,
        version: u32,
    ) -> Result<Arc<dyn Provider>, ProviderError> {
        let key = (group.clone(), version);
        if let Some(known) = state.roster.providers.get(&key) {
            return Ok(Arc::clone(known));
        }
        let missing = || ProviderError::Launch {
            attempt: format!("finding version {version} of the launch template"),
            reason: "it is not known any more".to_owned(),
        };
        let template = state.fleet.template(group, version).ok_or_else(missing)?;
        let made = provider(&self.place.setting(group), template)?;
        state.roster.providers.insert(key, Arc::clone(&made));
        Ok(made)
    }

    fn launch(&self, state: &mut State, group: ScalingGroupName, instance: InstanceId, version: u32) {
        let provider = match self.provider(state, &group, version) {
            Ok(provider) => provider,
            Err(error) => return self.tell(group, instance, Event::LaunchFailed(chain(&error))),
        };
        let Some(me) = self.me.upgrade() else { return };
        let mut entry = Entry::new(Arc::clone(&provider));
        let name = (group.clone(), instance.clone());
        let over = self.over.clone();
        entry.launch = Some(self.runtime.spawn(async move {
            let launch = async {
                // The semaphore is never closed.
                let _turn = me.launches.acquire().await;
                provider.launch(&instance).await
            };
            let launched = over.run_until_cancelled(launch).await?;
            me.launched(&group, &instance, launched)
        }));
        state.roster.entries.insert(name, entry);
    }

    /// A launch has ended. Gives back what runs when it is to be stopped already.
    fn launched(
        &self,
        group: &ScalingGroupName,
        instance: &InstanceId,
        launched: Result<Launched, ProviderError>,
    ) -> Option<Launched> {
        let mut left = None;
        self.change(|state, now| {
            let event = match (state.roster.entry(group, instance), launched) {
                (Some(entry), Ok(launched)) if !entry.stopping => {
                    entry.launch = None;
                    entry.runs(launched.clone());
                    self.watch(state, group, instance);
                    Event::Launched(launched)
                }
                (Some(entry), Err(error)) if !entry.stopping => {
                    state.roster.remove(group, instance);
                    Event::LaunchFailed(chain(&error))
                }
                (_, launched) => {
                    left = launched.ok();
                    return Vec::new();
                }
            };
            state.fleet.happened(group, instance, event, now)
        });
        self.wake.notify_one();
        left
    }

    /// Waits for the end of an instance, and takes it out of its target group at once then.
    pub(super) fn watch(&self, state: &mut State, group: &ScalingGroupName, instance: &InstanceId) {
        let Some(me) = self.me.upgrade() else { return };
        let Some(entry) = state.roster.entry(group, instance) else { return };
        let Some(handle) = entry.handle.clone() else { return };
        let (provider, name) = (Arc::clone(&entry.provider), (group.clone(), instance.clone()));
        let job = self.spawn(async move {
            let ended = provider.ended(&handle).await;
            me.change(|state, now| {
                me.leave_quietly(state, &name.0, &name.1);
                state.fleet.happened(&name.0, &name.1, Event::Ended(ended.reason), now)
            });
            me.wake.notify_one();
        });
        entry.jobs.insert(Task::Watch, job);
    }

    fn check(&self, state: &mut State, group: ScalingGroupName, instance: InstanceId) {
        let (Some(me), Some(core)) = (self.me.upgrade(), self.core.upgrade()) else { return };
        let serving = core.serving.load();
        let settings = serving.config.scaling_groups.get(&group);
        let entrance = match settings.map(|settings| (settings.health, &settings.target_group)) {
            Some((HealthSource::TargetGroup, target_group)) => Entrance::of(serving.plans.get(target_group)),
            _ => Entrance::open_port(),
        };
        let Some(entry) = state.roster.entry(&group, &instance) else { return };
        let Some(address) = entry.target.as_ref().map(|target| target.address()) else { return };
        let job = self.spawn(async move {
            let failed = |reason: &str| me.look_failed(&group, &instance, reason);
            entrance.passed(address, failed).await;
            me.happened(&group, &instance, Event::Passed);
        });
        entry.jobs.insert(Task::Check, job);
    }

    /// Tells why an instance does not pass, should it never do; once for each reason.
    fn look_failed(&self, group: &ScalingGroupName, instance: &InstanceId, reason: &str) {
        self.change(|state, now| {
            let Some(entry) = state.roster.entry(group, instance) else { return Vec::new() };
            if entry.last_failure.as_deref() == Some(reason) {
                return Vec::new();
            }
            entry.last_failure = Some(reason.to_owned());
            let event = Event::Health { healthy: false, reason: reason.to_owned() };
            state.fleet.happened(group, instance, event, now)
        });
    }

    fn join(&self, state: &mut State, group: &ScalingGroupName, instance: &InstanceId) {
        let Some(core) = self.core.upgrade() else { return };
        let Some(target_group) = target_group(state, group) else { return };
        let Some(entry) = state.roster.entry(group, instance) else { return };
        let Some(target) = &mut entry.target else { return };
        entry.jobs.remove(&Task::Leave);
        // It may have been a member before this fleet knew it.
        if let Some(known) = core.joined.target(&target_group, target.address()) {
            *target = known;
        }
        if !core.join(&target_group, target) {
            tracing::error!(scaling_group = %group, target_group = %target_group, "there is no such target group to join");
        }
        entry.joined = Some(target_group);
        entry.healthy = true;
    }

    fn leave(&self, state: &mut State, group: ScalingGroupName, instance: InstanceId) {
        let (Some(me), Some(core)) = (self.me.upgrade(), self.core.upgrade()) else { return };
        let Some(target_group) = target_group(state, &group) else { return };
        let entry = state.roster.entry(&group, &instance);
        let Some(entry) = entry else { return self.tell(group, instance, Event::Drained) };
        let Some(target) = entry.target.clone() else { return self.tell(group, instance, Event::Drained) };
        let target_group = entry.joined.take().unwrap_or(target_group);
        let left = core.leave(&target_group, &target);
        let job = self.spawn(async move {
            left.await;
            me.happened(&group, &instance, Event::Drained);
        });
        entry.jobs.insert(Task::Leave, job);
    }

    /// Takes an instance out of its target group without waiting for anything.
    fn leave_quietly(&self, state: &mut State, group: &ScalingGroupName, instance: &InstanceId) {
        let Some(core) = self.core.upgrade() else { return };
        let Some(entry) = state.roster.entry(group, instance) else { return };
        if let (Some(target_group), Some(target)) = (entry.joined.take(), &entry.target) {
            self.runtime.spawn(core.leave(&target_group, target));
        }
    }

    fn stop(&self, state: &mut State, group: ScalingGroupName, instance: InstanceId) {
        self.leave_quietly(state, &group, &instance);
        let Some(me) = self.me.upgrade() else { return };
        let Some(entry) = state.roster.entry(&group, &instance) else {
            return self.tell(group, instance, Event::Stopped);
        };
        entry.stopping = true;
        entry.jobs.clear();
        let (launch, handle, provider) = (entry.launch.take(), entry.handle.clone(), Arc::clone(&entry.provider));
        let job = self.spawn(async move {
            let handle = match launch {
                Some(launch) => {
                    launch.abort();
                    launch.await.ok().flatten().map(|launched| launched.handle)
                }
                None => handle,
            };
            let stopped = match &handle {
                Some(handle) => provider.stop(handle).await,
                None => Ok(()),
            };
            me.stopped(&group, &instance, stopped);
        });
        entry.jobs.insert(Task::Stop, job);
    }

    fn stopped(&self, group: &ScalingGroupName, instance: &InstanceId, stopped: Result<(), ProviderError>) {
        self.change(|state, now| {
            let event = match stopped {
                Ok(()) => {
                    state.roster.remove(group, instance);
                    Event::Stopped
                }
                Err(error) => {
                    if let Some(entry) = state.roster.entry(group, instance) {
                        entry.failed_stops += 1;
                    }
                    Event::StopFailed(chain(&error))
                }
            };
            state.fleet.happened(group, instance, event, now)
        });
        self.wake.notify_one();
    }

    fn keep(&self, state: &mut State, activity: &equipoise_scale::Activity) {
        use equipoise_scale::ActivityStatus::{Cancelled, Failed, InProgress, Successful};
        let (group, message) = (&activity.group, activity.message.as_deref().unwrap_or_default());
        match activity.status {
            InProgress => tracing::info!(scaling_group = %group, "{}: {}", activity.description, activity.cause),
            Successful => tracing::info!(scaling_group = %group, "{}: done", activity.description),
            Failed => tracing::warn!(scaling_group = %group, "{}: failed: {message}", activity.description),
            Cancelled => tracing::info!(scaling_group = %group, "{}: cancelled: {message}", activity.description),
        }
        state.counts.count(activity);
        self.keeper.activity(activity, state.history);
    }

    /// Tells the fleet soon: it is asked for something just now.
    pub(super) fn tell(&self, group: ScalingGroupName, instance: InstanceId, event: Event) {
        let Some(me) = self.me.upgrade() else { return };
        self.runtime.spawn(async move { me.happened(&group, &instance, event) });
    }

    /// Who will be a member of another target group by this configuration.
    pub(super) fn moves(&self, config: &Config) -> Vec<(GroupName, Endpoint)> {
        let state = lock(&self.state);
        let moves = state.roster.entries.iter().filter_map(|((group, _), entry)| {
            let settings = config.scaling_groups.get(group)?;
            let address = entry.target.as_ref()?.address();
            let moves = entry.joined.as_ref()? != &settings.target_group;
            moves.then(|| (settings.target_group.clone(), address))
        });
        moves.collect()
    }

    /// Groups that feed another target group from now on: their members change over.
    pub(super) fn move_members(&self, state: &mut State, config: &Config) {
        let Some(core) = self.core.upgrade() else { return };
        for ((group, _), entry) in &mut state.roster.entries {
            let Some(settings) = config.scaling_groups.get(group) else { continue };
            let (Some(joined), Some(target)) = (&entry.joined, &entry.target) else { continue };
            if *joined == settings.target_group {
                continue;
            }
            self.runtime.spawn(core.leave(joined, target));
            // The record counts for the old group until its last request has ended there.
            let address = target.address();
            let early = core.joined.target(&settings.target_group, address);
            let target = early.unwrap_or_else(|| Arc::new(Target::new(address)));
            core.join(&settings.target_group, &target);
            entry.joined = Some(settings.target_group.clone());
            entry.target = Some(target);
        }
    }
}

/// The target group that a scaling group feeds.
fn target_group(state: &State, group: &ScalingGroupName) -> Option<GroupName> {
    state.fleet.groups().into_iter().find(|(name, _)| name == group).map(|(_, target_group)| target_group)
}
