//! What an embedding program holds while the balancer runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::status::{Phase, Reload, Status};
use equipoise_admin::scaling;
use equipoise_config::Document;
use equipoise_health::Initial;
use equipoise_proxy::{InheritedSocket, SocketOrigin};
use equipoise_target::{Condition, Endpoint, GroupName};

use crate::admin::ADMIN;
use crate::core::{Core, Stage};
use crate::error::ReloadError;
use crate::metrics::lock;
use crate::reload::Cause;
use crate::source::Source;

/// For what is still to be written of the access log at the end. A file takes it at once, a pipe that nobody reads never.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What health checks found out about one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// Its group.
    pub group: GroupName,
    /// Where it is.
    pub target: Endpoint,
    /// Whether it may take requests.
    pub healthy: bool,
    /// Whether a scaling group made it a target, rather than the configuration.
    pub scaled: bool,
}

impl TargetHealth {
    pub(crate) fn belief(self) -> ((GroupName, Endpoint), Initial) {
        ((self.group, self.target), if self.healthy { Initial::Healthy } else { Initial::Unhealthy })
    }
}

/// Steers a running balancer. Cheap to clone; does not keep the balancer running.
#[derive(Clone)]
pub struct Handle {
    pub(crate) core: Arc<Core>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

impl Handle {
    /// Reads the configuration and its plugins again and puts them to work as one transaction. Reloads take turns.
    ///
    /// # Errors
    /// [`ReloadError`] says why the old generation serves on.
    pub async fn reload(&self) -> Result<Reload, ReloadError> {
        self.core.reload(Cause::Call, None).await
    }

    /// Replaces the configuration by this text, and reads it from there from now on.
    ///
    /// # Errors
    /// As [`Handle::reload`]; the old text stays.
    pub async fn apply_text(&self, text: impl Into<String>) -> Result<Reload, ReloadError> {
        self.apply(Source::Text(text.into())).await
    }

    /// Replaces the configuration by one that is built in code.
    ///
    /// # Errors
    /// As [`Handle::reload`]; the old document stays.
    pub async fn apply_document(&self, document: Document) -> Result<Reload, ReloadError> {
        self.apply(Source::Document(Box::new(document))).await
    }

    async fn apply(&self, source: Source) -> Result<Reload, ReloadError> {
        self.core.reload(Cause::Call, Some(source)).await
    }

    /// Begins to drain: readiness fails, listeners close, and the balancer ends when its last request has, or after
    /// `deadline` (the configured `drain-timeout` when `None`). Returns at once; [`crate::Running::ended`] waits.
    pub fn drain(&self, deadline: Option<Duration>) {
        let deadline = deadline.unwrap_or(self.core.serving.load().config.drain_timeout);
        self.core.begin_drain(deadline);
    }

    /// Ends now; requests in flight are cut. Instances of scaling groups that are not to be kept are asked to end, and have
    /// a second for it.
    pub fn stop_now(&self) {
        self.core.stop_now();
    }

    /// Everything that can be seen: listeners, targets with health and counts, plugins, the last reload.
    #[must_use]
    pub fn status(&self) -> Status {
        self.core.status()
    }

    /// All metrics as OpenMetrics text.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.core.registry.encode()
    }

    /// Where the balancer is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.core.stage().into()
    }

    /// Requests in flight over all targets.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.core.in_flight()
    }

    /// The admin address that is served, with the real port when the configuration asked for any; `None` without one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        lock(&self.core.admin).as_ref().map(|server| server.address)
    }

    /// Completes when the next reload has come to its end, whoever asked for it and however it ended; at once, when one
    /// has since the last call. For one caller at a time.
    pub async fn reloaded(&self) {
        self.core.concluded.notified().await;
    }

    /// Whether every thread that serves requests takes orders within `limit`: what a watchdog wants to know.
    pub async fn responds(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.core.plane.responds()).await.unwrap_or(false)
    }

    /// Every listening socket once more, that of the admin address among them, for a process that takes this one's place:
    /// see [`crate::Builder::sockets`].
    ///
    /// # Errors
    /// The operating system's.
    pub fn sockets(&self) -> io::Result<Vec<InheritedSocket>> {
        let mut sockets = self.core.plane.hand_over()?;
        if let Some(admin) = lock(&self.core.admin).as_ref() {
            let name = self.core.serving.load().config.admin.bind.port() == 0;
            let origin = SocketOrigin::Predecessor { with_file: false };
            sockets.push(InheritedSocket::new(admin.socket.try_clone()?, name.then(|| ADMIN.to_owned()), origin)?);
        }
        Ok(sockets)
    }

    /// What the health checks say of every target, for a process that takes this one's place: see
    /// [`crate::Builder::health`].
    #[must_use]
    pub fn health(&self) -> Vec<TargetHealth> {
        let targets = self.core.serving.load().targets();
        let health = |(group, target): (GroupName, Endpoint)| {
            let healthy = self.core.monitor.condition(&group, target) != Condition::Unhealthy;
            let scaled = self.core.joined.holds(&group, target);
            TargetHealth { group, target, healthy, scaled }
        };
        targets.into_keys().map(health).collect()
    }

    /// Every scaling group by name, with its instances; empty when nothing is scaled.
    #[must_use]
    pub fn scaling_groups(&self) -> Vec<scaling::ScalingGroup> {
        self.core.scaling_groups()
    }

    /// Follows an order for a scaling group, or says why not. Gives the group as it is then: what the order starts is under
    /// way.
    ///
    /// # Errors
    /// See [`scaling::ScalingError`].
    pub fn order(&self, group: &str, order: scaling::Order) -> Result<scaling::ScalingGroup, scaling::ScalingError> {
        self.core.scaling_order(group, order)
    }

    /// The latest activities of a scaling group, the newest first, at most `limit`.
    ///
    /// # Errors
    /// See [`scaling::ScalingError`].
    pub async fn activities(&self, group: &str, limit: usize) -> Result<Vec<scaling::Activity>, scaling::ScalingError> {
        self.core.activities(group, limit).await
    }

    /// Every alarm by name, those that policies made among them.
    #[must_use]
    pub fn alarms(&self) -> Vec<scaling::Alarm> {
        self.core.alarms()
    }

    /// The latest changes of an alarm's state, the newest first, at most `limit`.
    ///
    /// # Errors
    /// See [`scaling::ScalingError`].
    pub async fn alarm_history(
        &self,
        alarm: &str,
        limit: usize,
    ) -> Result<Vec<scaling::AlarmTransition>, scaling::ScalingError> {
        self.core.alarm_history(alarm, limit).await
    }

    /// A metric's last whole periods, the oldest first.
    ///
    /// # Errors
    /// See [`scaling::ScalingError`].
    pub fn metric(&self, query: &scaling::MetricQuery) -> Result<scaling::MetricSeries, scaling::ScalingError> {
        self.core.metric(query)
    }

    /// Takes numbers that the embedding program measured, for alarms and policies on `custom.` metrics: all of them, or none.
    ///
    /// # Errors
    /// See [`scaling::ScalingError`].
    pub fn push_metrics(&self, data: &[scaling::Datum]) -> Result<scaling::Taken, scaling::ScalingError> {
        self.core.push_metrics(data)
    }

    /// Steers the scaling groups from now on, when they were to wait for this ([`crate::Builder::steer_later`]): takes over
    /// what runs of them.
    ///
    /// # Errors
    /// [`crate::ApplyError::Scaling`] when what is remembered of them cannot be had, as long as another process has it.
    pub async fn steer(&self) -> Result<(), crate::ApplyError> {
        self.core.steer().await
    }

    /// Another process is to steer the scaling groups: nothing is launched or stopped here any more, their instances go on,
    /// and what is remembered of them is closed when this completes.
    pub async fn hand_scaling_over(&self) {
        self.core.hand_scaling_over().await;
    }

    /// Another process serves on this one's sockets: gives up the admin address and the files of Unix sockets. What is
    /// left to do here is to [drain](Handle::drain).
    pub fn handed_over(&self) {
        if let Some(admin) = lock(&self.core.admin).as_ref() {
            admin.stop.cancel();
        }
        self.core.plane.handed_over();
    }

    /// Closes and opens the access log's file again, for log rotation.
    pub fn reopen_logs(&self) {
        if let Some(log) = &self.core.serving.load().access_log {
            log.reopen();
        }
    }
}

impl Core {
    /// Begins to drain, unless that is under way; gives the longest wait from now.
    pub(crate) fn begin_drain(&self, limit: Duration) -> Duration {
        let now = tokio::time::Instant::now();
        let ends = *lock(&self.drain_ends).get_or_insert(now + limit);
        let began = self.phase.send_if_modified(|stage| {
            let begins = *stage < Stage::Draining;
            if begins {
                *stage = Stage::Draining;
            }
            begins
        });
        if let Some(core) = self.me.upgrade().filter(|_| began) {
            tracing::info!(?limit, in_flight = core.in_flight(), "draining: no new connections");
            let runtime = core.runtime.clone();
            runtime.spawn(async move { core.finish_drain(limit).await });
        }
        ends - now
    }

    async fn finish_drain(&self, limit: Duration) {
        match self.ended.run_until_cancelled(self.plane.drain(limit)).await {
            Some(true) => tracing::info!("drained"),
            Some(false) => tracing::warn!("the drain timeout is over: what was left is cut"),
            None => {}
        }
        self.ended.run_until_cancelled(self.end_scaling()).await;
        self.end();
    }

    pub(crate) fn stop_now(&self) {
        let stopping = self.me.upgrade().filter(|core| core.has_instances());
        let Some(core) = stopping else { return self.cut_off() };
        self.plane.stop_now();
        self.phase.send_if_modified(|stage| {
            let begins = *stage < Stage::Draining;
            *stage = (*stage).max(Stage::Draining);
            begins
        });
        self.runtime.spawn(async move {
            core.stop_scaling_now().await;
            core.end();
        });
    }

    /// Ends with nobody asked and nothing waited for.
    pub(crate) fn cut_off(&self) {
        self.plane.stop_now();
        self.end();
    }

    fn end(&self) {
        self.monitor.stop();
        let unwritten = |log: &equipoise_proxy::AccessLog| !log.flush(LAST_LINES);
        if self.serving.load().access_log.as_ref().is_some_and(unwritten) {
            tracing::warn!("the last lines of the access log could not be written");
        }
        self.phase.send_replace(Stage::Ended);
        self.ended.cancel();
    }
}
