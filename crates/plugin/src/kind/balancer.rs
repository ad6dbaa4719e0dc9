//! World `balancer` as a [`Picker`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use equipoise_balance::{PickRequest, Picker};
use equipoise_target::{Snapshot, Target, TargetIndex};
use wasmtime::Store;

use crate::Fallback;
use crate::bindings::balancer::exports::equipoise::plugin::balancing;
use crate::bindings::balancer::{Balancer as Bindings, BalancerPre};
use crate::failure::Failure;
use crate::plugin::Identity;
use crate::state::State;
use crate::template::{Guest, Instance, Template};
use crate::warm::Warm;

pub(crate) struct BalancerPlugin {
    template: Arc<Template<Bindings>>,
    fallback: Fallback,
}

/// The plugin for one group at one moment.
struct GroupPicker {
    plugin: Arc<BalancerPlugin>,
    /// Instances of this group alone, because they remember its targets. Shared by all snapshots of the group.
    warm: Arc<Warm<Bindings>>,
    /// What instances are told before they pick for this snapshot.
    told: Arc<Told>,
    next: AtomicUsize,
}

/// The available targets of one snapshot, in the order in which the guest sees them.
pub(crate) struct Told {
    pub(crate) targets: Box<[ToldTarget]>,
}

pub(crate) struct ToldTarget {
    pub(crate) index: TargetIndex,
    pub(crate) record: Arc<Target>,
    pub(crate) weight: u32,
}

impl BalancerPlugin {
    pub(crate) fn new(
        identity: Arc<Identity>,
        pre: BalancerPre<State>,
        config: String,
        fallback: Fallback,
    ) -> Result<Self, Failure> {
        Ok(Self { template: Template::new(identity, pre, config)?, fallback })
    }

    pub(crate) fn picker(self: &Arc<Self>, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(GroupPicker {
            plugin: Arc::clone(self),
            warm: Arc::new(Warm::new()),
            told: Told::new(snapshot),
            next: AtomicUsize::new(0),
        })
    }
}

impl Guest for Bindings {
    type Pre = BalancerPre<State>;

    fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self> {
        pre.instantiate(store)
    }

    fn configure(&self, store: &mut Store<State>, config: &str) -> wasmtime::Result<Result<(), String>> {
        self.equipoise_plugin_configuration().call_configure(store, config)
    }
}

impl Told {
    fn new(snapshot: &Snapshot) -> Arc<Self> {
        let target = |(index, member, weight): (TargetIndex, &equipoise_target::Member, u32)| ToldTarget {
            index,
            record: Arc::clone(&member.target),
            weight,
        };
        Arc::new(Self { targets: snapshot.available().map(target).collect() })
    }

    fn for_guest(&self) -> Vec<balancing::Target> {
        let target =
            |told: &ToldTarget| balancing::Target { address: told.record.address().to_string(), weight: told.weight };
        self.targets.iter().map(target).collect()
    }
}

impl GroupPicker {
    fn ask(&self, instance: &mut Instance<Bindings>, request: &mut PickRequest<'_>) -> Result<Option<u32>, Failure> {
        let limit = self.plugin.template.identity.limits.time;
        let guest = instance.guest.equipoise_plugin_balancing();
        let store = &mut instance.store;
        let news = store.data().told.as_ref().is_none_or(|told| !Arc::ptr_eq(told, &self.told));
        if news {
            store.data_mut().told = Some(Arc::clone(&self.told));
            guest
                .call_targets_changed(&mut *store, &self.told.for_guest())
                .map_err(|error| Failure::of(&error, store.data_mut(), limit))?;
        }
        let state = store.data_mut();
        state.swap_request(request.head);
        state.client = request.client;
        state.tried.clone_from(request.tried);
        let answer = guest.call_pick(&mut *store);
        store.data_mut().swap_request(request.head);
        answer.map_err(|error| Failure::of(&error, store.data_mut(), limit))
    }

    /// The picked target, if it is one of those that may take this request.
    fn resolve(&self, picked: u32, request: &PickRequest<'_>) -> Result<TargetIndex, Failure> {
        let count = self.told.targets.len();
        let Some(target) = self.told.targets.get(picked as usize) else {
            return Err(Failure::answer(format_args!("it picked position {picked} of {count} targets")));
        };
        if request.tried.contains(target.index) {
            return Err(Failure::answer(format_args!("it picked position {picked}, which this request has tried")));
        }
        Ok(target.index)
    }

    /// Round robin over those that were not tried.
    fn built_in(&self, request: &PickRequest<'_>) -> Option<TargetIndex> {
        let untried =
            || self.told.targets.iter().map(|told| told.index).filter(|index| !request.tried.contains(*index));
        let count = untried().count();
        untried().nth(self.next.fetch_add(1, Relaxed).checked_rem(count)?)
    }
}

impl Picker for GroupPicker {
    fn pick(&self, _: &Snapshot, request: &mut PickRequest<'_>) -> Option<TargetIndex> {
        // `told` is the snapshot that this picker was refreshed for, which is the one that the caller holds.
        self.told.targets.iter().find(|told| !request.tried.contains(told.index))?;
        let answer = self.warm.call(&self.plugin.template, |instance| {
            let picked = self.ask(instance, request)?;
            picked.map(|picked| self.resolve(picked, request)).transpose()
        });
        match (answer, self.plugin.fallback) {
            (Ok(Some(index)), _) => Some(index),
            (Ok(None), _) | (Err(_), Fallback::Continue) => self.built_in(request),
            (Err(_), Fallback::Refuse) => None,
        }
    }

    fn refresh(&self, snapshot: &Snapshot) -> Arc<dyn Picker> {
        Arc::new(Self {
            plugin: Arc::clone(&self.plugin),
            warm: Arc::clone(&self.warm),
            told: Told::new(snapshot),
            next: AtomicUsize::new(self.next.load(Relaxed)),
        })
    }
}

impl fmt::Debug for GroupPicker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.plugin.template.identity.name;
        f.debug_struct("GroupPicker").field("plugin", name).field("targets", &self.told.targets.len()).finish()
    }
}
