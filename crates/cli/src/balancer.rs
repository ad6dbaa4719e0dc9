//! From a configuration file to a running balancer, with failures as the command line tells them.

use std::path::{Path, PathBuf};

use equipoise::{BuildError, Equipoise, Running, StartError};

use crate::environment::{cache_folder, state_folder};
use crate::failure::{Code, Failure};
use crate::handover::Estate;
use crate::output::{Style, to_stderr};

/// The control side (health checks, reloads, admin) needs little; requests have threads of their own.
const CONTROL_THREADS: usize = 2;

/// The runtime for everything but requests.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(CONTROL_THREADS).thread_name("control").enable_all().build()
}

/// Folders of the program's own, where they were named.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    /// For compiled plugins.
    pub(crate) cache: Option<PathBuf>,
    /// For what scaling groups remember.
    pub(crate) state: Option<PathBuf>,
}

/// Reads and checks the configuration; `estate` is what others left for it. Where another process still steers the
/// scaling groups, this one waits for its word.
pub(crate) fn build(config: &Path, folders: Folders, estate: Estate) -> Result<Equipoise, Failure> {
    let waits = estate.is_from_predecessor;
    let mut builder = Equipoise::builder().config_path(config).sockets(estate.sockets).health(estate.health);
    if let Some(folder) = folders.cache.or_else(cache_folder) {
        builder = builder.cache_folder(folder);
    }
    if let Some(folder) = folders.state.or_else(state_folder) {
        builder = builder.state_folder(folder);
    }
    if waits {
        builder = builder.steer_later();
    }
    builder.build().map_err(|error| match error {
        BuildError::Refused(report) => {
            to_stderr(&report.render(Style::of_stderr().is_coloured()));
            let error = anyhow::anyhow!("{} is refused", config.display());
            Failure::new(Code::Refused, error).hint("correct it, and see with `equipoise check -c` whether all is well")
        }
        error => Failure::new(Code::Refused, error),
    })
}

/// Binds, compiles and serves.
pub(crate) async fn start(balancer: Equipoise) -> Result<Running, Failure> {
    balancer.start().await.map_err(|error| match &error {
        StartError::Apply(apply) if apply.is_configuration() => Failure::new(Code::Refused, error),
        _ => Failure::new(Code::Failed, error),
    })
}
