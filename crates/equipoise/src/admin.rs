//! The admin address: its life, and the balancer as it is seen from there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use equipoise_admin as admin;
use equipoise_admin::status::{Drain, DrainRequest, Phase, Reload, Status};
use equipoise_config::Config;

use crate::core::{AdminServer, Core};
use crate::error::{ApplyError, ReloadError, chain};
use crate::metrics::lock;
use crate::reload::Cause;

/// What becomes of the admin address when a generation takes over.
pub(crate) enum AdminChange {
    Keep,
    Replace { listener: tokio::net::TcpListener, options: admin::Options },
}

impl Core {
    /// Binds a new admin address before anything is swapped, so that a taken port refuses the whole change.
    pub(crate) fn prepare_admin(&self, config: &Config) -> Result<AdminChange, ApplyError> {
        let before = self.serving.load();
        if !self.with_admin || (before.number > 0 && before.config.admin == config.admin) {
            return Ok(AdminChange::Keep);
        }
        let address = config.admin.bind;
        let token = config.admin.token_file.as_deref().map(read_token).transpose()?;
        let failed = |source| ApplyError::Admin { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
        let options = admin::Options { token, ..admin::Options::default() };
        Ok(AdminChange::Replace { listener, options })
    }

    /// Serves on the new address and lets the old one finish.
    pub(crate) fn finish_admin(self: &Arc<Self>, change: AdminChange) {
        let AdminChange::Replace { listener, options } = change else { return };
        let Ok(address) = listener.local_addr() else { return };
        let stop = self.ended.child_token();
        let server = AdminServer { address, stop: stop.clone() };
        if let Some(old) = lock(&self.admin).replace(server) {
            old.stop.cancel();
        }
        let control: Arc<dyn admin::Control> = Arc::new(View(Arc::clone(self)));
        tokio::spawn(async move {
            if let Err(error) = admin::serve(listener, control, options, stop.cancelled_owned()).await {
                tracing::error!(%error, "the admin address ended");
            }
        });
    }
}

/// The first line of a token file. An empty token would let everybody in.
fn read_token(path: &Path) -> Result<String, ApplyError> {
    let failed = |source| ApplyError::Token { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    match text.lines().next().map(str::trim) {
        Some(token) if token.len() >= 16 => Ok(token.to_owned()),
        _ => Err(failed(std::io::Error::other("its first line must hold a token of at least 16 characters"))),
    }
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
        Box::pin(async move { core.reload(Cause::Call).await.map_err(mirrored) })
    }

    fn drain(&self, request: DrainRequest) -> Drain {
        let deadline = request.deadline.unwrap_or(self.0.serving.load().config.drain_timeout);
        let in_flight = self.0.in_flight();
        let deadline = self.0.begin_drain(deadline);
        Drain { in_flight, deadline: deadline.unwrap_or(Duration::ZERO) }
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
