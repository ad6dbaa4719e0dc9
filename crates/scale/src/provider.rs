//! Who starts and stops instances. The one part of this crate that touches the machine.
//!
//! A new kind is one file under `provider/` and a variant of [`crate::LaunchTemplate`]. The tests in `provider/tests.rs` run
//! over every kind.

mod command;
#[cfg(feature = "docker")]
mod docker;
mod environment;
mod limits;
mod output;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
mod unclaimed;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use equipoise_target::{Endpoint, ScalingGroupName};
use serde::{Deserialize, Serialize};

pub use self::environment::kept as kept_environment;
use crate::{InstanceId, LaunchTemplate};

/// An answer that takes a while.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a provider knows an instance by, also after a restart of this program: a process id with its start time, a
/// container's id, whatever a program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub Arc<str>);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An instance that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// What the provider knows it by.
    pub handle: Handle,
    /// Where it will answer.
    pub address: Endpoint,
}

/// An instance that a provider found running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub instance: InstanceId,
    /// The rest.
    pub launched: Launched,
}

/// What an instance has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Processor time since its start, of everything it started; `None` where it cannot be read.
    pub cpu: Option<Duration>,
    /// How many processors 100 percent are.
    pub processors: f64,
    /// Resident memory in bytes.
    pub memory: Option<u64>,
    /// What memory is limited to, in bytes.
    pub memory_limit: Option<u64>,
    /// Bytes received since its start.
    pub received: Option<u64>,
    /// Bytes sent since its start.
    pub sent: Option<u64>,
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// In one line, such as "exited with code 1" or "killed by signal 9 (KILL)"; with its last lines, if it has a log.
    pub reason: String,
}

/// Why a provider could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// No port of the range is free.
    #[error("every port of {range} is taken: widen `ports` of the launch template, or lower `max`")]
    NoPort {
        /// The range.
        range: String,
    },
    /// A program, a file or a user that the launch template names cannot be had.
    #[error("{attempt}: {reason}")]
    Launch {
        /// What was attempted, with what.
        attempt: String,
        /// Why it failed, and the instance's last lines, if it wrote any.
        reason: String,
    },
    /// The engine behind the provider could not be asked, or answered something else.
    #[error("{attempt}: {reason}")]
    Engine {
        /// What was attempted.
        attempt: String,
        /// What came of it.
        reason: String,
    },
}

/// Starts and stops the instances of one scaling group, from one launch template. Cheap to make: a new template makes a
/// new provider, and each knows the instances of all templates of its group by their handles.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Starts an instance. When this returns, or is dropped half way, the instance runs and is listed, or nothing of it is left.
    fn launch<'a>(&'a self, instance: &'a InstanceId) -> Pending<'a, Result<Launched, ProviderError>>;

    /// Every instance of the group that runs, whoever launched it: this program, or one before it.
    fn list(&self) -> Pending<'_, Result<Vec<Found>, ProviderError>>;

    /// Completes when the instance has ended by itself or by anybody's hand; at once when it is not there.
    fn ended<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Ended>;

    /// Asks the instance to end, waits as long as its template says, and makes it end then. Returns when it is gone with
    /// everything that it started. What is gone already is success.
    fn stop<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<(), ProviderError>>;

    /// What the instance has used so far.
    fn usage<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Result<Usage, ProviderError>>;

    /// The last lines that the instance wrote, the oldest first; empty where they cannot be read.
    fn log<'a>(&'a self, handle: &'a Handle) -> Pending<'a, Vec<String>>;
}

/// What every provider is told when it is made.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whose instances they are.
    pub group: ScalingGroupName,
    /// Tells this program's instances from those of others on the same machine: the same after a restart.
    pub owner: Arc<str>,
    /// A folder for what is known of processes and for their logs, the same after a restart. It is made when it is needed;
    /// several groups and several owners may share it.
    pub folder: PathBuf,
    /// What relative paths of launch templates start from: the configuration file's folder.
    pub base: PathBuf,
}

/// The provider for a launch template. Touches nothing yet.
///
/// # Errors
/// [`ProviderError`] when this machine or this build cannot have such a provider.
pub fn provider(setting: &Setting, template: &LaunchTemplate) -> Result<Arc<dyn Provider>, ProviderError> {
    match template {
        #[cfg(target_os = "linux")]
        LaunchTemplate::Process(template) => Ok(Arc::new(process::Processes::new(setting, template)?)),
        #[cfg(not(target_os = "linux"))]
        LaunchTemplate::Process(_) => Err(cannot("starting processes")),
        #[cfg(feature = "docker")]
        LaunchTemplate::Docker(template) => Ok(Arc::new(docker::Docker::new(setting, template)?)),
        #[cfg(not(feature = "docker"))]
        LaunchTemplate::Docker(_) => Err(cannot("starting containers")),
        LaunchTemplate::Command(template) => Ok(Arc::new(command::Commands::new(setting, template)?)),
    }
}

#[cfg(not(all(target_os = "linux", feature = "docker")))]
fn cannot(attempt: &str) -> ProviderError {
    ProviderError::Launch { attempt: attempt.to_owned(), reason: "this build cannot do that".to_owned() }
}
