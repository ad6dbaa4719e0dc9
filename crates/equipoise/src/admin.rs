//! The admin address: its life, and the balancer as it is seen from there.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use equipoise_admin as admin;
use equipoise_admin::scaling::{
    Activity, Alarm, AlarmTransition, Datum, MetricQuery, MetricSeries, Order, ScalingError, ScalingGroup, Taken,
};
use equipoise_admin::status::{Drain, DrainRequest, Phase, Reload, Status};
use equipoise_config::Config;

use crate::core::{AdminServer, Core};
use crate::error::{ApplyError, ReloadError, chain};
use crate::metrics::lock;
use crate::reload::Cause;

/// What an inherited socket for the admin address is called.
pub(crate) const ADMIN: &str = "admin";

/// What becomes of the admin address when a generation takes over.
pub(crate) enum AdminChange {
    Keep,
    Replace { socket: std::net::TcpListener, options: admin::Options },
}

/// What callers of the admin address present; not for the eyes of a log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Core {
    /// The token that `config` names, as its file says now. Blocks.
    pub(crate) fn read_token(&self, config: &Config) -> Result<Option<Token>, ApplyError> {
        config.admin.token_file.as_deref().filter(|_| self.with_admin).map(read_token).transpose()
    }

    /// Binds a new admin address before anything is swapped, so that a taken port refuses the whole change.
    pub(crate) fn prepare_admin(&self, config: &Config, token: Option<&Token>) -> Result<AdminChange, ApplyError> {
        let before = self.serving.load();
        let is_same = before.config.admin == config.admin && before.token.as_ref() == token;
        if !self.with_admin || (before.number > 0 && is_same) {
            return Ok(AdminChange::Keep);
        }
        let options = admin::Options { token: token.map(|token| token.0.clone()), ..admin::Options::default() };
        let address = config.admin.bind;
        let kept = (before.number > 0 && before.config.admin.bind == address)
            .then(|| lock(&self.admin).as_ref().map(|server| server.socket.try_clone()))
            .flatten();
        let socket = kept.unwrap_or_else(|| self.open_admin(address));
        let socket = socket.map_err(|source| ApplyError::Admin { address, source })?;
        Ok(AdminChange::Replace { socket, options })
    }

    /// A socket for the admin address: an inherited one, or a new one.
    fn open_admin(&self, address: SocketAddr) -> io::Result<std::net::TcpListener> {
        match self.plane.claim(ADMIN, address.into())? {
            Some(inherited) => Ok(OwnedFd::from(inherited).into()),
            None => std::net::TcpListener::bind(address),
        }
    }

    /// Serves on the new address and lets the old server finish.
    pub(crate) fn finish_admin(self: &Arc<Self>, change: AdminChange) {
        let AdminChange::Replace { socket, options } = change else { return };
        match self.serve_admin(socket, options) {
            Ok(server) => {
                if let Some(old) = lock(&self.admin).replace(server) {
                    old.stop.cancel();
                }
            }
            Err(error) => tracing::error!(%error, "the admin address cannot be served"),
        }
    }

    fn serve_admin(
        self: &Arc<Self>,
        socket: std::net::TcpListener,
        options: admin::Options,
    ) -> io::Result<AdminServer> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(socket.try_clone()?)?;
        let stop = self.ended.child_token();
        let control: Arc<dyn admin::Control> = Arc::new(View(Arc::clone(self)));
        let stopped = stop.clone().cancelled_owned();
        let task = self.runtime.spawn(async move {
            if let Err(error) = admin::serve(listener, control, options, stopped).await {
                tracing::error!(%error, "the admin address ended");
            }
        });
        Ok(AdminServer { address, socket, stop, task })
    }
}

/// What the token file says now.
fn read_token(path: &Path) -> Result<Token, ApplyError> {
    let failed = |source| ApplyError::Token { path: path.to_owned(), source };
    admin::token::read(path).map(Token).map_err(failed)
}

/// The core as its admin address sees it.
struct View(Arc<Core>);

impl admin::Control for View {
    fn status(&self) -> Status {
        self.0.status()
    }

    fn phase(&self) -> Phase {
        self.0.stage().into()
    }

    fn metrics(&self) -> String {
        self.0.registry.encode()
    }

    fn effective_config(&self) -> String {
        equipoise_config::effective(&self.0.serving.load().config)
    }

    fn reload(&self) -> admin::Pending<'_, Result<Reload, admin::ReloadError>> {
        let core = Arc::clone(&self.0);
        Box::pin(async move { core.reload(Cause::Call, None).await.map_err(mirrored) })
    }

    fn scaling_groups(&self) -> Vec<ScalingGroup> {
        self.0.scaling_groups()
    }

    fn order(&self, group: String, order: Order) -> admin::Pending<'_, Result<ScalingGroup, ScalingError>> {
        Box::pin(async move { self.0.scaling_order(&group, order) })
    }

    fn activities(&self, group: String, limit: usize) -> admin::Pending<'_, Result<Vec<Activity>, ScalingError>> {
        Box::pin(async move { self.0.activities(&group, limit).await })
    }

    fn alarms(&self) -> Vec<Alarm> {
        self.0.alarms()
    }

    fn alarm_history(
        &self,
        alarm: String,
        limit: usize,
    ) -> admin::Pending<'_, Result<Vec<AlarmTransition>, ScalingError>> {
        Box::pin(async move { self.0.alarm_history(&alarm, limit).await })
    }

    fn metric(&self, query: &MetricQuery) -> Result<MetricSeries, ScalingError> {
        self.0.metric(query)
    }

    fn push(&self, data: &[Datum]) -> Result<Taken, ScalingError> {
        self.0.push_metrics(data)
    }

    fn drain(&self, request: DrainRequest) -> Drain {
        let deadline = request.deadline.unwrap_or(self.0.serving.load().config.drain_timeout);
        let in_flight = self.0.in_flight();
        Drain { in_flight, deadline: self.0.begin_drain(deadline) }
    }
}

fn mirrored(error: ReloadError) -> admin::ReloadError {
    match error {
        ReloadError::Refused { generation, report } => admin::ReloadError::Refused {
            generation,
            rendered: report.render(false),
            diagnostics: report.diagnostics().iter().map(diagnostic).collect(),
        },
        ReloadError::Failed { generation, source } => admin::ReloadError::Failed { generation, reason: chain(&source) },
        ReloadError::Draining => admin::ReloadError::Draining,
    }
}

fn diagnostic(diagnostic: &equipoise_config::Diagnostic) -> admin::problem::Diagnostic {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (file, line, column) = diagnostic.location.as_ref().map_or((String::new(), 0, 0), |location| {
        (location.path.display().to_string(), number(location.line), number(location.column))
    });
    admin::problem::Diagnostic {
        code: diagnostic.code.to_string(),
        severity: diagnostic.severity.as_str().to_owned(),
        file,
        line,
        column,
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone().unwrap_or_default(),
    }
}
