//! From a checked configuration to a running balancer, and to its end.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use equipoise_config::{Config, Loaded};
use equipoise_metrics::Registry;
use equipoise_proxy::{DataPlane, InheritedSocket};

use crate::core::{Core, Parts, Stage};
use crate::error::StartError;
use crate::handle::{Handle, TargetHealth};
use crate::metrics::lock;
use crate::native::Natives;
use crate::scaling::Settings;
use crate::shelf::Host;
use crate::source::Source;

/// A balancer that is built and does not run yet: nothing is bound, no thread or task exists.
#[derive(Debug)]
pub struct Equipoise {
    pub(crate) source: Source,
    pub(crate) natives: Natives,
    pub(crate) loaded: Loaded,
    pub(crate) sockets: Vec<InheritedSocket>,
    pub(crate) health: Vec<TargetHealth>,
    pub(crate) workers: Option<NonZeroUsize>,
    pub(crate) cache_folder: Option<PathBuf>,
    pub(crate) with_admin: bool,
    pub(crate) scaling: Settings,
    #[cfg(feature = "watch")]
    pub(crate) with_watch: bool,
}

impl Equipoise {
    /// The configuration that will serve, with every default filled in.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Compiles plugins, binds listeners and begins to serve. Returns when the first request is welcome.
    ///
    /// # Errors
    /// [`StartError`] when threads, an address or a plugin cannot be had; nothing runs then.
    pub async fn start(self) -> Result<Running, StartError> {
        let registry = Registry::new();
        let workers = self.workers.or(self.loaded.config.workers).unwrap_or_else(processors);
        let core = Core::new(Parts {
            host: Host::new(self.cache_folder, registry.clone()),
            plane: DataPlane::start(workers, &registry).map_err(StartError::DataPlane)?,
            registry,
            source: self.source,
            natives: self.natives,
            with_admin: self.with_admin,
            scaling: self.scaling,
        });
        core.plane.inherit(self.sockets);
        let scaled = self.health.iter().filter(|known| known.scaled);
        core.joined.begin_with(scaled.map(|known| (known.group.clone(), known.target)));
        core.monitor.believe(self.health.into_iter().map(TargetHealth::belief).collect());
        let running = Running { core: Arc::clone(&core) };
        core.begin(self.loaded).await?;
        #[cfg(feature = "watch")]
        if self.with_watch {
            core.watch();
        }
        Ok(running)
    }

    /// Runs until `shutdown` completes, then drains for the configured time.
    ///
    /// # Errors
    /// As [`Equipoise::start`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let running = self.start().await?;
        tokio::select! {
            () = shutdown => running.handle().drain(None),
            // Somebody else, such as the admin address, ended it.
            () = running.ended() => {}
        }
        running.ended().await;
        Ok(())
    }
}

/// A running balancer. Dropping it ends the balancer at once; call [`Handle::drain`] and wait for [`Running::ended`] to
/// end it gracefully.
pub struct Running {
    core: Arc<Core>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("stage", &self.core.stage()).finish_non_exhaustive()
    }
}

impl Running {
    /// Steers the balancer.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { core: Arc::clone(&self.core) }
    }

    /// Completes when the balancer has ended: after a drain, or at [`Handle::stop_now`]. The admin address has given its
    /// last answer by then.
    pub async fn ended(&self) {
        // The sender lives in the core, which `self` holds, so waiting cannot fail.
        let _ = self.core.phase.subscribe().wait_for(|stage| *stage == Stage::Ended).await;
        let admin = lock(&self.core.admin).take();
        if let Some(admin) = admin {
            // It ends by itself within two seconds; an error means that it panicked, which it has logged.
            let _ = admin.task.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.core.stage() != Stage::Ended {
            // There may be no time and no runtime left for anything but the end.
            self.core.cut_off();
        }
    }
}

fn processors() -> NonZeroUsize {
    // Knows the limits of a container's cgroup.
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
