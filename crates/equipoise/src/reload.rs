//! The transaction that puts a configuration to work: read, check, load, assemble, bind, swap. Anything that fails
//! leaves what serves as it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::status::{Reload, ReloadResult};
use equipoise_config::{Config, Loaded, Report};
use equipoise_proxy::{AccessLog, Generation, LogDestination, LogFormat};

use crate::admin::{AdminChange, Token};
use crate::assemble::{Assembly, Context, assemble};
use crate::core::{Core, Serving, Stage};
use crate::departures::Departure;
use crate::error::{ApplyError, ReloadError, chain};
use crate::keyring::Keyring;
use crate::lookup::Lookup;
use crate::metrics::lock;
use crate::shelf::Shelf;
use crate::source::Source;

/// Who asked for a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The program starts.
    Start,
    /// A caller of the handle or the admin address.
    Call,
    /// A file changed.
    #[cfg_attr(not(feature = "watch"), expect(dead_code, reason = "nothing watches in a build without it"))]
    Watch,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Call => "asked for",
            Self::Watch => "a file changed",
        })
    }
}

/// A generation that is ready to serve.
struct Prepared {
    config: Arc<Config>,
    warnings: Report,
    files: Vec<PathBuf>,
    shelf: Shelf,
    keyring: Keyring,
    assembly: Assembly,
    access_log: Option<AccessLog>,
    token: Option<Token>,
}

impl Core {
    /// Reads the source, or `replacement` in its place, and puts it to work. It runs to its end on the runtime that
    /// started the balancer even when the caller goes away: half a reload must not be.
    pub(crate) async fn reload(
        self: &Arc<Self>,
        cause: Cause,
        replacement: Option<Source>,
    ) -> Result<Reload, ReloadError> {
        let core = Arc::clone(self);
        let task = self.runtime.spawn(async move { core.reload_in_turn(cause, replacement.map(Arc::new)).await });
        task.await.unwrap_or_else(|died| Err(self.failed(died.into())))
    }

    async fn reload_in_turn(
        self: &Arc<Self>,
        cause: Cause,
        replacement: Option<Arc<Source>>,
    ) -> Result<Reload, ReloadError> {
        let _turn = self.turn.lock().await;
        if self.stage() >= Stage::Draining {
            return Err(ReloadError::Draining);
        }
        let (start, core) = (Instant::now(), Arc::clone(self));
        let source = replacement.unwrap_or_else(|| self.source.load_full());
        let reading = Arc::clone(&source);
        let read = tokio::task::spawn_blocking(move || reading.read(&core.natives)).await;
        let outcome = match read {
            Ok(Ok(read)) => {
                *lock(&self.attempted) = names(&read);
                match self.put_to_work(read).await {
                    Err(ApplyError::Draining) => return Err(ReloadError::Draining),
                    done => done.map_err(|source| self.failed(source)),
                }
            }
            Ok(Err(report)) => Err(self.refused(report)),
            Err(died) => Err(self.failed(died.into())),
        };
        if outcome.is_ok() {
            self.source.store(source);
        }
        let concluded = self.conclude(cause, start.elapsed(), outcome);
        self.concluded.notify_one();
        concluded
    }

    fn failed(&self, source: ApplyError) -> ReloadError {
        ReloadError::Failed { generation: self.serving.load().number, source }
    }

    fn refused(&self, report: Box<Report>) -> ReloadError {
        ReloadError::Refused { generation: self.serving.load().number, report }
    }

    /// Puts a checked configuration to work. `None` when everything is as it was; else what changed.
    pub(crate) async fn put_to_work(self: &Arc<Self>, read: Loaded) -> Result<Option<Vec<String>>, ApplyError> {
        // What runs of scaling groups takes requests from the first one on.
        let found = self.find_scaling(&read.config).await?;
        let early = self.join_early(&read.config);
        let changes = self.exchange(read).await;
        if changes.is_err() {
            self.joined.forget_early(&early);
        }
        match &changes {
            Ok(Some(_)) => self.scale(found),
            // Nobody is there who could let them go later.
            Ok(None) | Err(_) if found.is_some() => self.joined.forget(),
            Ok(None) | Err(_) => {}
        }
        changes
    }

    async fn exchange(self: &Arc<Self>, read: Loaded) -> Result<Option<Vec<String>>, ApplyError> {
        let core = Arc::clone(self);
        let prepared = tokio::task::spawn_blocking(move || core.prepare(read)).await??;
        let Some(prepared) = prepared else { return Ok(None) };
        let before = self.serving.load_full();
        let mut changes = Vec::new();
        if before.number > 0 {
            let changed = equipoise_config::diff(&before.config, &prepared.config);
            changes.extend(changed.iter().map(ToString::to_string));
            changes.extend(prepared.shelf.changes_since(&before.shelf));
            changes.extend(prepared.keyring.changes_since(&before.keyring));
            changes.extend(unseen_changes(&before, &prepared));
        }
        if prepared.warnings.warnings() > 0 {
            tracing::warn!("{}", prepared.warnings);
        }
        for ending in prepared.keyring.ending() {
            tracing::warn!("{ending}");
        }
        let admin = self.prepare_admin(&prepared.config, prepared.token.as_ref())?;
        self.swap(prepared, &before, admin).await?;
        Ok(Some(changes))
    }

    /// Everything that can be done without touching what serves. Blocks: it compiles.
    fn prepare(&self, read: Loaded) -> Result<Option<Prepared>, ApplyError> {
        let Loaded { config, warnings, files } = read;
        let before = self.serving.load();
        let token = self.read_token(&config)?;
        let shelf = Shelf::load(&self.host, &config.plugins, &before.shelf)?;
        let keyring = Keyring::load(&config, &before.keyring)?;
        let files_are_same = shelf.is_same(&before.shelf) && keyring.is_same(&before.keyring) && token == before.token;
        let is_same = *before.config == config && files_are_same;
        if before.number > 0 && is_same {
            return Ok(None);
        }
        let lookup = Lookup { natives: &self.natives, shelf: &shelf };
        let mut known = before.targets();
        for departure in self.departures.all() {
            known.entry((departure.group, departure.target.address())).or_insert(departure.target);
        }
        let context = Context {
            routers: &lookup,
            pickers: &lookup,
            probes: &lookup,
            known: &known,
            joined: &self.joined,
            predecessor: &|described| {
                let (group, earlier) = before.group(&described.name)?;
                // A balancer plugin may be another component under the same name.
                let kept = earlier.balance == described.balance && described.balance.plugin().is_none();
                kept.then(|| Arc::clone(group))
            },
            keyring: &keyring,
            belief: &|group, address| self.monitor.belief(group, address),
            condition: &|group, address| self.monitor.condition(group, address),
        };
        let assembly = assemble(&config, &context)?;
        let access_log = access_log(&config, &before)?;
        Ok(Some(Prepared { config: Arc::new(config), warnings, files, shelf, keyring, assembly, access_log, token }))
    }

    /// Only the first steps can still fail: when the balancer is ending, and binding new listeners.
    async fn swap(
        self: &Arc<Self>,
        prepared: Prepared,
        before: &Serving,
        admin: AdminChange,
    ) -> Result<(), ApplyError> {
        let Prepared { config, files, shelf, keyring, assembly, access_log, token, warnings: _ } = prepared;
        let Assembly { listeners, groups, plans } = assembly;
        let mut generation = Generation::new(listeners, groups.iter().cloned());
        generation.access_log.clone_from(&access_log);
        generation.drain_timeout = config.drain_timeout;
        generation.shed_lag = config.shed.lag;
        if self.stage() >= Stage::Draining {
            return Err(ApplyError::Draining);
        }
        self.plane.apply(generation).await?;
        if self.stage() == Stage::Ended {
            // It ended just now: nobody would ever end what began to listen.
            self.plane.stop_now();
            return Err(ApplyError::Draining);
        }
        let number = before.number + 1;
        self.take_over(Serving { number, config, files, groups, plans, shelf, keyring, access_log, token });
        let serving = self.serving.load_full();
        self.ramps.retain(|name| serving.group(name).is_some_and(|(_, described)| !described.slow_start.is_zero()));
        for group in &serving.groups {
            self.publish(group.name());
        }
        self.depart(before, &serving);
        self.finish_admin(admin);
        Ok(())
    }

    /// Lets targets that are members no more finish what they have.
    fn depart(self: &Arc<Self>, before: &Serving, now: &Serving) {
        let members = now.targets();
        let left = before.targets().into_iter().filter(|(key, _)| !members.contains_key(key));
        let left: Vec<_> = left
            .map(|((group, _), target)| {
                let delay =
                    before.group(&group).map_or(Duration::ZERO, |(_, described)| described.deregistration_delay);
                Departure { group, target, deadline: tokio::time::Instant::now() + delay }
            })
            .collect();
        self.departures.update(left.clone(), |group, address| members.contains_key(&(group.clone(), address)));
        for departure in left {
            self.runtime.spawn(Arc::clone(self).finish(departure));
        }
    }

    /// Notes, counts and logs how a reload ended.
    fn conclude(
        &self,
        cause: Cause,
        took: Duration,
        outcome: Result<Option<Vec<String>>, ReloadError>,
    ) -> Result<Reload, ReloadError> {
        let generation = self.serving.load().number;
        match outcome {
            Ok(Some(changes)) => Ok(self.applied(cause, took, changes)),
            Ok(None) => {
                let message = format!("{cause}: nothing changed, generation {generation} serves on");
                let reload = report(generation, ReloadResult::Unchanged, message, Vec::new(), took);
                // An event of the file watcher that came to nothing must not hide what the last reload said, unless that
                // was that the files are wrong, which they are no longer.
                let was_refused =
                    lock(&self.last_reload).as_ref().is_some_and(|last| last.result == ReloadResult::Refused);
                if cause == Cause::Call || was_refused {
                    tracing::info!("{}", reload.message);
                    self.metrics.last_successful(true);
                    *lock(&self.last_reload) = Some(reload.clone());
                }
                Ok(reload)
            }
            Err(error) => {
                let message = format!("{cause}: {}; generation {generation} serves on", chain(&error));
                match &error {
                    ReloadError::Refused { report, .. } => tracing::error!("{message}\n{report}"),
                    _ => tracing::error!("{message}"),
                }
                self.metrics.refused();
                *lock(&self.last_reload) = Some(report(generation, ReloadResult::Refused, message, Vec::new(), took));
                Err(error)
            }
        }
    }

    /// Notes, counts and logs that a new generation serves.
    pub(crate) fn applied(&self, cause: Cause, took: Duration, changes: Vec<String>) -> Reload {
        let generation = self.serving.load().number;
        let message = format!("{cause}: generation {generation} serves");
        tracing::info!(took = ?took, "{message}");
        for change in &changes {
            tracing::info!("{change}");
        }
        let reload = report(generation, ReloadResult::Applied, message, changes, took);
        self.metrics.applied();
        *lock(&self.last_reload) = Some(reload.clone());
        reload
    }
}

fn report(generation: u64, result: ReloadResult, message: String, changes: Vec<String>, took: Duration) -> Reload {
    #[expect(clippy::disallowed_methods, reason = "shown to people; nothing is decided by it")]
    let at = SystemTime::now();
    Reload { at, generation, result, message, changes, took }
}

/// What a comparison of configurations cannot see, or would promise too much of.
fn unseen_changes(before: &Serving, now: &Prepared) -> Vec<String> {
    let mut changes = Vec::new();
    if before.token != now.token {
        changes.push("admin: another token".to_owned());
    }
    if before.config.workers != now.config.workers {
        changes.push("workers: as many as before until the program starts again".to_owned());
    }
    changes
}

/// Every file that a configuration consists of or names.
fn names(read: &Loaded) -> Vec<PathBuf> {
    read.config.named_files().into_iter().chain(read.files.iter().cloned()).collect()
}

/// The access log of `config`; the open one when it asks for the same.
fn access_log(config: &Config, before: &Serving) -> Result<Option<AccessLog>, ApplyError> {
    if before.number > 0 && before.config.access_log == config.access_log {
        return Ok(before.access_log.clone());
    }
    let format = match config.access_log.format {
        equipoise_config::AccessLogFormat::Off => return Ok(None),
        equipoise_config::AccessLogFormat::Json => LogFormat::Json,
        equipoise_config::AccessLogFormat::Combined => LogFormat::Combined,
    };
    let path = config.access_log.path.clone();
    let destination = if path.as_os_str() == "-" { LogDestination::Stdout } else { LogDestination::File(path.clone()) };
    AccessLog::open(destination, format).map(Some).map_err(|source| ApplyError::AccessLog { path, source })
}

#[cfg(test)]
mod tests;
