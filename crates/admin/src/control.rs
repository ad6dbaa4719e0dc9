//! What the admin address asks of the program that it administers.

use std::future::Future;
use std::pin::Pin;

use crate::problem::Diagnostic;
use crate::scaling::{
    Activity, Alarm, AlarmTransition, Datum, MetricQuery, MetricSeries, Order, ScalingError, ScalingGroup, Taken,
};
use crate::status::{Drain, DrainRequest, Phase, Reload, Status};

/// An answer that takes a while.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The running balancer, as seen from its admin address.
///
/// The methods that are not async answer from memory and must not block.
pub trait Control: Send + Sync + 'static {
    /// Everything that `equipoise status` shows.
    fn status(&self) -> Status;

    /// Where the program is in its life; readiness follows from it.
    fn phase(&self) -> Phase;

    /// All metrics in OpenMetrics text.
    fn metrics(&self) -> String;

    /// The configuration that serves now, defaults filled in, as TOML.
    fn effective_config(&self) -> String;

    /// Reads the configuration again and puts it to work as one transaction.
    ///
    /// It is run to its end even when the caller goes away. Concurrent calls are the implementation's to order.
    ///
    /// # Errors
    /// Says why the old generation serves on.
    fn reload(&self) -> Pending<'_, Result<Reload, ReloadError>>;

    /// Begins to drain: readiness fails, listeners close, and the program ends when the last request has, or at the
    /// deadline. Returns at once. A second call changes nothing and reports the drain that is under way.
    fn drain(&self, request: DrainRequest) -> Drain;

    /// Every scaling group by name, with its instances; empty when nothing is scaled.
    fn scaling_groups(&self) -> Vec<ScalingGroup> {
        Vec::new()
    }

    /// One scaling group.
    ///
    /// # Errors
    /// [`ScalingError::NoGroup`].
    fn scaling_group(&self, name: &str) -> Result<ScalingGroup, ScalingError> {
        let groups = self.scaling_groups();
        let known = || groups.iter().map(|group| group.name.clone()).collect();
        let found = groups.iter().find(|group| group.name == name);
        found.cloned().ok_or_else(|| ScalingError::NoGroup { name: name.to_owned(), known: known() })
    }

    /// Follows an order, or says why not. Gives back the group as it is then: what the order starts is under way.
    ///
    /// It is run to its end even when the caller goes away.
    ///
    /// # Errors
    /// See [`ScalingError`].
    fn order(&self, group: String, order: Order) -> Pending<'_, Result<ScalingGroup, ScalingError>> {
        let _ = (group, order);
        Box::pin(async { Err(ScalingError::NotHere) })
    }

    /// The latest activities of a group, the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`ScalingError::NoGroup`], or the history cannot be read. A group that is gone has its history still.
    fn activities(&self, group: String, limit: usize) -> Pending<'_, Result<Vec<Activity>, ScalingError>> {
        let _ = (group, limit);
        Box::pin(async { Err(ScalingError::NotHere) })
    }

    /// Every alarm by name, those that policies made among them; empty when there are none.
    fn alarms(&self) -> Vec<Alarm> {
        Vec::new()
    }

    /// The latest changes of an alarm's state, the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`ScalingError::NoAlarm`], or the history cannot be read.
    fn alarm_history(&self, alarm: String, limit: usize) -> Pending<'_, Result<Vec<AlarmTransition>, ScalingError>> {
        let _ = (alarm, limit);
        Box::pin(async { Err(ScalingError::NotHere) })
    }

    /// A metric's last whole periods, the oldest first: `count` points, also where there are no samples.
    ///
    /// # Errors
    /// The subject, the metric or the statistic is not there.
    fn metric(&self, query: &MetricQuery) -> Result<MetricSeries, ScalingError> {
        let _ = query;
        Err(ScalingError::NotHere)
    }

    /// Takes numbers that somebody else measured: all of them, or none.
    ///
    /// # Errors
    /// A subject is not there, a metric is not a custom one, or there are too many of them.
    fn push(&self, data: &[Datum]) -> Result<Taken, ScalingError> {
        let _ = data;
        Err(ScalingError::NotHere)
    }
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The configuration does not pass its checks.
    #[error("the configuration was refused; generation {generation} serves on")]
    Refused {
        /// The generation that still serves.
        generation: u64,
        /// Every problem that was found.
        diagnostics: Vec<Diagnostic>,
        /// The same, drawn for a terminal without colour.
        rendered: String,
    },
    /// The configuration is sound but could not be put to work: an address in use, a plugin that does not load.
    #[error("the configuration could not be put to work, generation {generation} serves on: {reason}")]
    Failed {
        /// The generation that still serves.
        generation: u64,
        /// What was attempted and why it failed.
        reason: String,
    },
    /// The program is about to end.
    #[error("draining: no further configuration is taken")]
    Draining,
    /// The configuration was built in code: there is nothing to read again.
    #[error("the configuration does not come from a file, so there is nothing to read again")]
    NoSource,
}
