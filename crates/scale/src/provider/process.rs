//! Instances that are processes of this machine.
//!
//! Each runs in a process group of its own, with no tie to this program: its output goes to a file, and it goes on when this
//! program ends, until a later one adopts it. Linux only: processes are known by pidfds and found in /proc.

mod adopt;
mod census;
mod cgroup;
mod entry;
mod keeper;
mod launch;
mod leader;
mod log;
mod meter;
mod ports;
mod record;
mod roll;
mod user;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use self::census::Census;
use self::entry::Entry;
use super::limits::Limits;
use super::{Ended, Found, Handle, Launched, Pending, Provider, ProviderError, Setting, Usage};
use crate::{InstanceId, ProcessTemplate};

/// How long a new process is looked at: one that ends at once is a launch that failed.
const SETTLE: Duration = Duration::from_millis(100);

/// What instances are launched from.
#[derive(Debug)]
struct Plan {
    setting: Setting,
    template: ProcessTemplate,
    limits: Limits,
    stop_signal: Signal,
}

/// Starts and stops processes.
#[derive(Debug)]
pub(super) struct Processes(Arc<Plan>);

impl Processes {
    pub(super) fn new(setting: &Setting, template: &ProcessTemplate) -> Result<Self, ProviderError> {
        let stop_signal = leader::signal(&template.stop_signal).ok_or_else(|| ProviderError::Launch {
            attempt: "reading `stop-signal`".to_owned(),
            reason: format!("there is no signal `{}`; write for example TERM", template.stop_signal),
        })?;
        let limits = Limits::read(&template.limits)?;
        Ok(Self(Arc::new(Plan { setting: setting.clone(), template: template.clone(), limits, stop_signal })))
    }

    /// The instance of a handle, adopted if need be.
    async fn find(&self, handle: &Handle) -> Option<Arc<Entry>> {
        if let Some(entry) = roll::find(handle) {
            return Some(entry);
        }
        let identity: leader::Identity = handle.0.parse().ok()?;
        if !identity.lives() {
            return None;
        }
        self.adopt().await;
        roll::find(handle)
    }

    async fn adopt(&self) {
        let plan = Arc::clone(&self.0);
        // Fails with the runtime only, and then nobody asks any more.
        let _ = tokio::task::spawn_blocking(move || adopt::adopt(&plan)).await;
    }

    async fn launch_one(&self, instance: &InstanceId) -> Result<Launched, ProviderError> {
        let (plan, name) = (Arc::clone(&self.0), instance.clone());
        let attempt = format!("starting `{}`", plan.template.command.first().map_or("", String::as_str));
        let fail = |reason: String| ProviderError::Launch { attempt: attempt.clone(), reason };
        // Who drops this future drops what the task comes to, and that ends the instance.
        let started = tokio::task::spawn_blocking(move || launch::start(&plan, &name)).await;
        let started = started.map_err(|error| fail(error.to_string()))??;
        let Some(entry) = started.instance.entry().cloned() else { return Err(fail("it is gone".to_owned())) };
        if let Some(refused) = started.refused {
            drop(started.instance);
            entry.gone().await;
            return Err(refused);
        }
        match tokio::time::timeout(SETTLE, entry.gone()).await {
            Ok(gone) => Err(fail(gone.map_or_else(|| "it is gone".to_owned(), |gone| gone.reason.clone()))),
            Err(_) => {
                started.instance.claim();
                Ok(entry.launched())
            }
        }
    }
}

impl Provider for Processes {
    fn launch<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, Result<Launched, ProviderError>> {
        Box::pin(self.launch_one(instance))
    }

    fn list(&self) -> Pending<'_, Result<Vec<Found>, ProviderError>> {
        Box::pin(async move {
            self.adopt().await;
            let ours = roll::of_group(self.0.setting.group.as_str(), &self.0.setting.owner);
            Ok(ours.iter().map(|entry| entry.found()).collect())
        })
    }

    fn ended<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Ended> {
        Box::pin(async move {
            let gone = match self.find(handle).await {
                Some(entry) => entry.gone().await,
                None => roll::remembered(handle),
            };
            Ended { reason: gone.map_or_else(|| "it is not running".to_owned(), |gone| gone.reason.clone()) }
        })
    }

    fn stop<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let Some(entry) = self.find(handle).await else { return Ok(()) };
            let stopped = entry.stop(self.0.stop_signal, self.0.template.stop_timeout).await;
            stopped.map_err(|entry::Withstood| ProviderError::Engine {
                attempt: format!("stopping process {}", entry.identity.pid.as_raw_nonzero()),
                reason: "it, or a process that it started, does not end when killed".to_owned(),
            })
        })
    }

    fn usage<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<Usage, ProviderError>> {
        Box::pin(async move {
            let Some(entry) = self.find(handle).await else {
                let (attempt, reason) = (format!("measuring process {handle}"), "it is not running".to_owned());
                return Err(ProviderError::Engine { attempt, reason });
            };
            let mut census = Census::recent().await;
            // One that is younger than the census is not in it.
            if !census.has(entry.identity) {
                census = Census::now().await;
            }
            Ok(used(&entry, &census, &self.0.limits))
        })
    }

    fn log<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            let lines = self.0.template.log_lines as usize;
            let Some(entry) = self.find(handle).await else {
                let gone = roll::remembered(handle).map(|gone| gone.lines.clone()).unwrap_or_default();
                return gone[gone.len().saturating_sub(lines)..].to_vec();
            };
            // Fails with the runtime only.
            tokio::task::spawn_blocking(move || log::tail(&entry.log, lines)).await.unwrap_or_default()
        })
    }
}

/// What an instance has used, by its cgroup where it has one, and by its processes otherwise.
fn used(entry: &Entry, census: &Census, limits: &Limits) -> Usage {
    let members = entry.members(census);
    let ticks: u64 = members.iter().map(|member| member.stat.ticks).sum();
    let pages: u64 = members.iter().map(|member| member.stat.resident).sum();
    let ticks = entry.meter.lock().unwrap_or_else(PoisonError::into_inner).read(ticks);
    let by_cgroup = entry.cgroup.as_ref().and_then(cgroup::Cgroup::processor_time).map(Duration::from_micros);
    let by_process = || Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second());
    Usage {
        cpu: Some(by_cgroup.unwrap_or_else(by_process)),
        processors: limits.processors(),
        memory: Some(pages * rustix::param::page_size() as u64),
        memory_limit: limits.memory,
        received: None,
        sent: None,
    }
}
