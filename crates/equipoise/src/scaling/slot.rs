//! The place of scaling groups in the running balancer: empty while nothing is scaled.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use equipoise_config::Config;
use equipoise_health::{HealthEvent, Initial};
use equipoise_target::{Endpoint, GroupName};

use super::Scaling;
pub(crate) use super::adopt::Found;
use crate::core::{Core, Stage};
use crate::error::ApplyError;
use crate::metrics::lock;

/// What an embedding program says about scaling beside the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Where state is kept unless the configuration says otherwise.
    pub(crate) state_folder: Option<PathBuf>,
    /// Whether another process steers the scaling groups until [`crate::Handle::steer`].
    pub(crate) waits: bool,
}

/// Holds the scaling groups, once there are any.
#[derive(Default)]
pub(crate) struct Slot {
    running: Mutex<Option<Arc<Scaling>>>,
    pub(super) state_folder: Option<PathBuf>,
    waits: AtomicBool,
}

impl Slot {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { state_folder, waits } = settings;
        Self { running: Mutex::default(), state_folder, waits: AtomicBool::new(waits) }
    }

    pub(crate) fn get(&self) -> Option<Arc<Scaling>> {
        lock(&self.running).clone()
    }
}

impl Core {
    /// What scaling groups need before their configuration can serve: what is remembered of them, and what runs of them. Only
    /// when they begin: `None` when they are at work already, or when there are none.
    pub(crate) async fn find_scaling(self: &Arc<Self>, config: &Config) -> Result<Option<Found>, ApplyError> {
        let waits = self.scaling.waits.load(Ordering::SeqCst);
        if waits || self.scaling.get().is_some() {
            return Ok(None);
        }
        if config.scaling_groups.is_empty() && config.alarms.is_empty() {
            return Ok(Found::left_behind(self, config).await);
        }
        Found::look(self, config).await.map(Some)
    }

    /// Instances whose scaling groups will feed another target group are members of that before it serves.
    pub(crate) fn join_early(&self, config: &Config) -> Vec<(GroupName, Endpoint)> {
        let moves = self.scaling.get().map(|scaling| scaling.moves(config)).unwrap_or_default();
        self.monitor.believe(moves.iter().map(|member| (member.clone(), Initial::Healthy)).collect());
        self.joined.begin_with(moves.iter().cloned());
        moves
    }

    /// A generation serves: from now on, its scaling groups are what is scaled.
    pub(crate) fn scale(self: &Arc<Self>, found: Option<Found>) {
        let serving = self.serving.load_full();
        match (self.scaling.get(), found) {
            (Some(scaling), _) => scaling.configure(&serving.config),
            (None, Some(found)) => {
                let scaling = found.begin(self, &serving.config);
                *lock(&self.scaling.running) = Some(scaling);
            }
            (None, None) => {}
        }
    }

    /// The process before this one steers no longer: begins to. Does nothing when it was not waited for.
    pub(crate) async fn steer(self: &Arc<Self>) -> Result<(), ApplyError> {
        let _turn = self.turn.lock().await;
        self.scaling.waits.store(false, Ordering::SeqCst);
        if self.stage() >= Stage::Draining {
            return Ok(());
        }
        let serving = self.serving.load_full();
        let found = self.find_scaling(&serving.config).await?;
        self.scale(found);
        Ok(())
    }

    /// Another process steers from now on: nothing is launched or stopped any more, and what is remembered is closed.
    pub(crate) async fn hand_scaling_over(&self) {
        self.scaling.waits.store(true, Ordering::SeqCst);
        if let Some(scaling) = self.scaling.get() {
            scaling.hand_over().await;
        }
    }

    /// The health checks told something.
    pub(crate) fn tell_scaling(&self, event: &HealthEvent) {
        if let Some(scaling) = self.scaling.get() {
            scaling.health_told(event);
        }
    }

    /// Stops every instance that is not to be kept, in order. When requests have been drained.
    pub(crate) async fn end_scaling(&self) {
        if let Some(scaling) = self.scaling.get() {
            scaling.shut_down().await;
        }
    }

    /// Whether instances have to be stopped before the balancer can end.
    pub(crate) fn has_instances(&self) -> bool {
        self.scaling.get().is_some_and(|scaling| scaling.has_instances())
    }

    /// Asks every instance that is not to be kept to stop, and waits for a moment only.
    pub(crate) async fn stop_scaling_now(&self) {
        if let Some(scaling) = self.scaling.get() {
            scaling.stop_now().await;
        }
    }
}
