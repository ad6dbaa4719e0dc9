//! A build without scaling groups: a configuration that has one is refused.

use std::path::PathBuf;
use std::sync::Arc;

use equipoise_admin::scaling as admin;
use equipoise_admin::scaling::ScalingError;
use equipoise_config::Config;
use equipoise_health::HealthEvent;
use equipoise_target::{Endpoint, GroupName};

use crate::core::Core;
use crate::error::ApplyError;

/// There is nothing to show.
pub(crate) fn collect(_: &Core, _: &mut equipoise_metrics::Sample) {}

/// Nothing is found, since nothing can be there.
pub(crate) struct Found;

#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) state_folder: Option<PathBuf>,
    pub(crate) waits: bool,
}

#[derive(Default)]
pub(crate) struct Slot;

impl Slot {
    pub(crate) fn new(_: Settings) -> Self {
        Self
    }
}

impl Core {
    pub(crate) async fn find_scaling(self: &Arc<Self>, config: &Config) -> Result<Option<Found>, ApplyError> {
        let group = config.scaling_groups.keys().next().map(|name| format!("scaling group `{name}`"));
        let alarm = config.alarms.keys().next().map(|name| format!("alarm `{name}`"));
        group.or(alarm).map_or(Ok(None), |what| Err(ApplyError::NoScaling { what }))
    }

    pub(crate) fn scaling_groups(&self) -> Vec<admin::ScalingGroup> {
        Vec::new()
    }

    pub(crate) fn alarms(&self) -> Vec<admin::Alarm> {
        Vec::new()
    }

    pub(crate) fn scaling_order(&self, _: &str, _: admin::Order) -> Result<admin::ScalingGroup, ScalingError> {
        Err(ScalingError::NotHere)
    }

    pub(crate) async fn activities(&self, _: &str, _: usize) -> Result<Vec<admin::Activity>, ScalingError> {
        Err(ScalingError::NotHere)
    }

    pub(crate) async fn alarm_history(&self, _: &str, _: usize) -> Result<Vec<admin::AlarmTransition>, ScalingError> {
        Err(ScalingError::NotHere)
    }

    pub(crate) fn metric(&self, _: &admin::MetricQuery) -> Result<admin::MetricSeries, ScalingError> {
        Err(ScalingError::NotHere)
    }

    pub(crate) fn push_metrics(&self, _: &[admin::Datum]) -> Result<admin::Taken, ScalingError> {
        Err(ScalingError::NotHere)
    }

    pub(crate) fn join_early(&self, _: &Config) -> Vec<(GroupName, Endpoint)> {
        Vec::new()
    }

    pub(crate) fn scale(self: &Arc<Self>, _: Option<Found>) {}

    pub(crate) async fn steer(self: &Arc<Self>) -> Result<(), ApplyError> {
        Ok(())
    }

    pub(crate) async fn hand_scaling_over(&self) {}

    pub(crate) fn tell_scaling(&self, _: &HealthEvent) {}

    pub(crate) async fn end_scaling(&self) {}

    pub(crate) fn has_instances(&self) -> bool {
        false
    }

    pub(crate) async fn stop_scaling_now(&self) {}
}
