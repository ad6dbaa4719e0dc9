//! How an embedding program says what it wants.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use equipoise_balance::Picker;
use equipoise_config::Document;
use equipoise_health::Probe;
use equipoise_proxy::InheritedSocket;
use equipoise_rule::Router;
use equipoise_target::{PluginName, Snapshot};

use crate::error::BuildError;
use crate::handle::TargetHealth;
use crate::native::Natives;
use crate::run::Equipoise;
use crate::scaling::Settings;
use crate::source::Source;

/// Collects a configuration and native code; [`Builder::build`] checks both.
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    source: Option<Source>,
    routers: Vec<(String, Registered)>,
    sockets: Vec<InheritedSocket>,
    health: Vec<TargetHealth>,
    workers: Option<NonZeroUsize>,
    cache_folder: Option<PathBuf>,
    without_admin: bool,
    scaling: Settings,
    #[cfg(feature = "watch")]
    without_watch: bool,
}

enum Registered {
    Router(Arc<dyn Router>),
    Balancer(crate::native::MakePicker),
    HealthCheck(Arc<dyn Probe>),
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Router(_) => "Router",
            Self::Balancer(_) => "Balancer",
            Self::HealthCheck(_) => "HealthCheck",
        })
    }
}

impl Equipoise {
    /// Begins with nothing.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Reads the configuration from a TOML file, or from the `*.toml` files of a folder.
    pub fn config_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Some(Source::Path(path.into()));
        self
    }

    /// Takes the configuration from TOML text. Relative paths in it are relative to the working folder.
    pub fn config_text(mut self, text: impl Into<String>) -> Self {
        self.source = Some(Source::Text(text.into()));
        self
    }

    /// Takes a configuration that is built in code. It goes through the same checks as text.
    pub fn document(mut self, document: Document) -> Self {
        self.source = Some(Source::Document(Box::new(document)));
        self
    }

    /// Registers a router under the name by which rules refer to it: `then = { plugin = "name" }`. It runs on the
    /// data plane's workers, so it must not block. A native name wins over a plugin of the configuration.
    pub fn router(mut self, name: &str, router: impl Router + 'static) -> Self {
        self.routers.push((name.to_owned(), Registered::Router(Arc::new(router))));
        self
    }

    /// Registers a balancer under the name by which target groups refer to it: `[target-group.x.balance.plugin]`.
    /// `make` is called once for each group; later changes go through [`Picker::refresh`].
    pub fn balancer(mut self, name: &str, make: impl Fn(&Snapshot) -> Arc<dyn Picker> + Send + Sync + 'static) -> Self {
        self.routers.push((name.to_owned(), Registered::Balancer(Arc::new(make))));
        self
    }

    /// Registers a health check under the name by which target groups refer to it:
    /// `[target-group.x.health-check.plugin]`.
    pub fn health_check(mut self, name: &str, probe: impl Probe + 'static) -> Self {
        self.routers.push((name.to_owned(), Registered::HealthCheck(Arc::new(probe))));
        self
    }

    /// Serves on sockets that are there already, instead of binding the same addresses: a service manager's, or those of a
    /// process whose place this one takes ([`crate::Handle::sockets`]). They go to listeners by name or by address; one
    /// that is called `admin`, or has its address, is for the admin address. What nothing wants is closed.
    pub fn sockets(mut self, sockets: Vec<InheritedSocket>) -> Self {
        self.sockets = sockets;
        self
    }

    /// Begins with what another process knows of the targets' health ([`crate::Handle::health`]), so that none of them
    /// has to prove itself again. Groups and targets that the configuration does not have are passed over.
    pub fn health(mut self, health: Vec<TargetHealth>) -> Self {
        self.health = health;
        self
    }

    /// Threads that serve requests; overrides the configuration. Default: one for each processor.
    pub fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Folder for compiled plugins, so that the next start does not compile again. Whoever can write there can run code
    /// in this program. Default: nothing is kept.
    pub fn cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache_folder = Some(folder.into());
        self
    }

    /// Folder for what scaling groups remember over restarts, unless the configuration names a file. Default: they remember
    /// nothing.
    pub fn state_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.scaling.state_folder = Some(folder.into());
        self
    }

    /// Leaves the scaling groups alone until [`crate::Handle::steer`]: another process steers them, of which
    /// [`Builder::health`] brought their instances.
    pub fn steer_later(mut self) -> Self {
        self.scaling.waits = true;
        self
    }

    /// Serves no admin address, whatever the configuration says.
    pub fn without_admin(mut self) -> Self {
        self.without_admin = true;
        self
    }

    #[cfg(feature = "watch")]
    /// Does not watch the configuration and plugin files; [`crate::Handle::reload`] still reads them again.
    pub fn without_watch(mut self) -> Self {
        self.without_watch = true;
        self
    }

    /// Reads and checks everything. Starts nothing.
    ///
    /// # Errors
    /// [`BuildError`], with every problem of the configuration at once.
    pub fn build(self) -> Result<Equipoise, BuildError> {
        let source = self.source.ok_or(BuildError::NoConfiguration)?;
        let mut natives = Natives::default();
        for (name, registered) in self.routers {
            let name = PluginName::new(&name)?;
            match registered {
                Registered::Router(router) => drop(natives.routers.insert(name, router)),
                Registered::Balancer(make) => drop(natives.balancers.insert(name, make)),
                Registered::HealthCheck(probe) => drop(natives.health_checks.insert(name, probe)),
            }
        }
        let loaded = source.read(&natives).map_err(BuildError::Refused)?;
        Ok(Equipoise {
            source,
            natives,
            loaded,
            sockets: self.sockets,
            health: self.health,
            workers: self.workers,
            cache_folder: self.cache_folder,
            with_admin: !self.without_admin,
            scaling: self.scaling,
            #[cfg(feature = "watch")]
            with_watch: !self.without_watch,
        })
    }
}
