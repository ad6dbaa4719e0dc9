//! The running balancer: what serves now, and who may change it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::status::{Phase, Reload};
use ahash::AHashMap;
use arc_swap::ArcSwap;
use equipoise_config::Config;
use equipoise_health::{GroupPlan, Monitor};
use equipoise_metrics::Registry;
use equipoise_proxy::{AccessLog, DataPlane, Group};
use equipoise_target::{Condition, Endpoint, GroupName, Target, TargetIndex};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::admin::Token;
use crate::departures::Departures;
use crate::keyring::Keyring;
use crate::members::Joined;
use crate::metrics::Metrics;
use crate::native::Natives;
use crate::ramps::Ramps;
use crate::scaling::{Settings, Slot};
use crate::shelf::{Host, Shelf};
use crate::source::Source;

/// One generation with what the control side keeps of it.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// 1 for the first generation; 0 before it.
    pub(crate) number: u64,
    pub(crate) config: Arc<Config>,
    /// Files that the configuration was read from.
    #[cfg_attr(not(feature = "watch"), expect(dead_code, reason = "only the watch looks at them"))]
    pub(crate) files: Vec<PathBuf>,
    /// In the order of `config.target_groups`.
    pub(crate) groups: Vec<Arc<Group>>,
    /// What is to be watched of the configured targets.
    pub(crate) plans: BTreeMap<GroupName, GroupPlan>,
    pub(crate) shelf: Shelf,
    pub(crate) keyring: Keyring,
    pub(crate) access_log: Option<AccessLog>,
    /// What callers of the admin address present.
    pub(crate) token: Option<Token>,
}

impl Serving {
    pub(crate) fn group(&self, name: &GroupName) -> Option<(&Arc<Group>, &equipoise_config::TargetGroup)> {
        let position = self.config.target_groups.binary_search_by(|group| group.name.cmp(name)).ok()?;
        Some((self.groups.get(position)?, &self.config.target_groups[position]))
    }

    /// Every target by group and address.
    pub(crate) fn targets(&self) -> AHashMap<(GroupName, Endpoint), Arc<Target>> {
        let of_group = |group: &Arc<Group>| {
            let membership = group.snapshot().membership().clone();
            let key = |target: &Arc<Target>| (membership.group().clone(), target.address());
            let pairs: Vec<_> =
                membership.members().iter().map(|member| (key(&member.target), member.target.clone())).collect();
            pairs
        };
        self.groups.iter().flat_map(of_group).collect()
    }
}

/// An admin address that is being served.
#[derive(Debug)]
pub(crate) struct AdminServer {
    pub(crate) address: std::net::SocketAddr,
    /// The same socket once more, for a server with another token on the same address.
    pub(crate) socket: std::net::TcpListener,
    pub(crate) stop: CancellationToken,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

/// The running balancer. Everything that reads it reads without waiting; everything that changes it holds `turn`.
pub(crate) struct Core {
    pub(crate) source: ArcSwap<Source>,
    pub(crate) natives: Natives,
    pub(crate) with_admin: bool,
    pub(crate) host: Host,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) plane: DataPlane,
    pub(crate) monitor: Monitor,
    /// Targets beside the configured ones.
    pub(crate) joined: Joined,
    pub(crate) departures: Departures,
    pub(crate) ramps: Ramps,
    #[cfg_attr(not(feature = "scaling"), expect(dead_code, reason = "it is empty in a build without it"))]
    pub(crate) scaling: Slot,
    pub(crate) serving: ArcSwap<Serving>,
    /// One change at a time, from reading the configuration to the last step.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Held while an availability is computed and published, so that an older one cannot overtake a newer one.
    publishing: Mutex<()>,
    pub(crate) last_reload: Mutex<Option<Reload>>,
    /// Told when a reload has come to its end, whichever.
    pub(crate) concluded: tokio::sync::Notify,
    /// What the configuration that was read last names, also when it does not serve: a file that it lacked may come.
    pub(crate) attempted: Mutex<Vec<PathBuf>>,
    pub(crate) admin: Mutex<Option<AdminServer>>,
    pub(crate) phase: watch::Sender<Stage>,
    /// When a drain that is under way cuts what is left.
    pub(crate) drain_ends: Mutex<Option<tokio::time::Instant>>,
    pub(crate) started: Instant,
    /// Cancelled at the end of everything: ends the admin server, the watch and the departures.
    pub(crate) ended: CancellationToken,
    /// The runtime that started the balancer: handles may be used from anywhere.
    pub(crate) runtime: tokio::runtime::Handle,
    /// For tasks that must not keep the balancer alive.
    pub(crate) me: Weak<Core>,
}

/// Where the balancer is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Starting,
    Ready,
    Draining,
    /// Every request has ended or was cut.
    Ended,
}

impl From<Stage> for Phase {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Starting => Self::Starting,
            Stage::Ready => Self::Ready,
            Stage::Draining | Stage::Ended => Self::Draining,
        }
    }
}

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) source: Source,
    pub(crate) natives: Natives,
    pub(crate) with_admin: bool,
    pub(crate) host: Host,
    pub(crate) registry: Registry,
    pub(crate) plane: DataPlane,
    pub(crate) scaling: Settings,
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { source, natives, with_admin, host, registry, plane, scaling } = parts;
        let serving = Serving { number: 0, ..Serving::default() };
        Arc::new_cyclic(|me| Self {
            source: ArcSwap::from_pointee(source),
            natives,
            with_admin,
            host,
            metrics: Metrics::register(&registry, me.clone()),
            registry,
            plane,
            monitor: Monitor::new(Arc::new(crate::observer::ToCore(me.clone()))),
            joined: Joined::default(),
            departures: Departures::default(),
            ramps: Ramps::default(),
            scaling: Slot::new(scaling),
            serving: ArcSwap::from_pointee(serving),
            turn: tokio::sync::Mutex::default(),
            publishing: Mutex::default(),
            last_reload: Mutex::default(),
            concluded: tokio::sync::Notify::new(),
            attempted: Mutex::default(),
            admin: Mutex::default(),
            phase: watch::Sender::new(Stage::Starting),
            drain_ends: Mutex::default(),
            started: Instant::now(),
            ended: CancellationToken::new(),
            runtime: tokio::runtime::Handle::current(),
            me: me.clone(),
        })
    }

    pub(crate) fn stage(&self) -> Stage {
        *self.phase.borrow()
    }

    /// Makes who belongs to `name` by now, and what the health checks say of them, what its next pick sees.
    pub(crate) fn publish(&self, name: &GroupName) {
        use equipoise_target::{Availability, Snapshot};
        // The guarded value is empty: a panic cannot leave it half changed.
        let _turn = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let serving = self.serving.load();
        let Some((group, described)) = serving.group(name) else { return };
        let snapshot = group.snapshot();
        let membership = &self.membership(described, snapshot.membership());
        let addresses = membership.members().iter().map(|member| member.target.address());
        let checked = addresses.map(|address| (address, self.monitor.condition(name, address)));
        let conditions = if described.slow_start.is_zero() {
            checked.map(|(_, condition)| condition).collect()
        } else {
            self.ramp(name, described.slow_start, checked)
        };
        let condition = |index: TargetIndex| conditions.get(index.get()).copied().unwrap_or(Condition::Out);
        let availability = Availability::compute(membership, condition, described.fail_open);
        let before = snapshot.availability();
        if Arc::ptr_eq(membership, snapshot.membership()) && availability == **before {
            return;
        }
        match (before.failed_open(), availability.failed_open()) {
            (false, true) => tracing::warn!(target_group = %name, "no healthy target: the group fails open"),
            (true, false) => tracing::info!(target_group = %name, "a target is healthy again: no longer failed open"),
            _ => {}
        }
        group.publish(Snapshot::new(membership.clone(), Arc::new(availability)));
    }

    /// What is left of the targets' conditions while some of them start slowly; and somebody looks again after a while.
    fn ramp(
        &self,
        name: &GroupName,
        window: Duration,
        checked: impl Iterator<Item = (Endpoint, Condition)>,
    ) -> Vec<Condition> {
        let (conditions, wait) = self.ramps.apply(name, window, checked, Instant::now());
        if let Some(wait) = wait {
            let (core, name) = (self.me.clone(), name.clone());
            self.runtime.spawn(async move {
                tokio::time::sleep(wait).await;
                if let Some(core) = core.upgrade() {
                    core.ramps.looked(&name);
                    core.publish(&name);
                }
            });
        }
        conditions
    }

    /// Target groups with their algorithms, for lookups by name.
    pub(crate) fn in_flight(&self) -> u64 {
        let targets = self.serving.load().targets();
        let departed = self.departures.all();
        let all = targets.values().chain(departed.iter().map(|departure| &departure.target));
        let by_record: BTreeMap<_, _> = all.map(|target| (Arc::as_ptr(target), target.in_flight())).collect();
        by_record.values().map(|count| u64::from(*count)).sum()
    }
}
