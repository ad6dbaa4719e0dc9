//! The engine that all plugins of a program share.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use equipoise_metrics::Registry;
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy};

use crate::nursery::Nursery;
use crate::ticker::Ticker;

/// Disk space that compiled components may take before old ones are removed.
const CACHE_BYTES: u64 = 512 << 20;

/// How a [`PluginHost`] works.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HostOptions {
    /// Folder for compiled components, so that the next start does not compile again. Created for this user alone.
    /// Its content is trusted as much as the program itself. `None` compiles at each start.
    pub cache_dir: Option<PathBuf>,
    /// Where calls, failures, times and memory are counted. `None` counts into nowhere.
    pub registry: Option<Registry>,
}

/// Compiles, instantiates and ends plugins. Cheap to clone; the last clone or plugin that is dropped ends its threads.
#[derive(Debug, Clone)]
pub struct PluginHost {
    pub(crate) engine: Arc<HostEngine>,
    pub(crate) registry: Registry,
}

#[derive(Debug)]
pub(crate) struct HostEngine {
    pub(crate) wasm: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) nursery: Nursery,
}

/// Why a host could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The cache folder cannot be used.
    #[error("using `{path}` as the folder for compiled plugins")]
    CacheFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cache folder is, or could be, written by somebody else, who could then run code in this program.
    #[error("the folder for compiled plugins `{path}` belongs to another user or can be written by others")]
    CacheFolderShared {
        /// The folder.
        path: PathBuf,
    },
    /// The machine cannot run compiled WebAssembly as configured.
    #[error("starting the WebAssembly engine: {reason}")]
    Engine {
        /// What the engine says.
        reason: String,
    },
    /// No thread could be had.
    #[error("starting the thread that bounds the time of plugins")]
    Thread {
        /// Why.
        source: io::Error,
    },
}

impl PluginHost {
    /// Starts the engine and its one thread.
    ///
    /// # Errors
    /// [`HostError`] when the cache folder, the engine or the thread cannot be had.
    pub fn new(options: HostOptions) -> Result<Self, HostError> {
        let cache = options.cache_dir.as_deref().map(cache).transpose()?;
        let wasm = Engine::new(&config(cache)).map_err(|error| engine_error(&error))?;
        let ticker = Ticker::start(wasm.clone()).map_err(|source| HostError::Thread { source })?;
        Ok(Self {
            engine: Arc::new(HostEngine { wasm, ticker, nursery: Nursery::default() }),
            registry: options.registry.unwrap_or_default(),
        })
    }
}

fn engine_error(error: &wasmtime::Error) -> HostError {
    HostError::Engine { reason: crate::text::one_line(&format!("{error:#}"), 300) }
}

fn config(cache: Option<Cache>) -> Config {
    let mut config = Config::new();
    // On demand: pooled slots would have to fit the biggest guest, and warm instances are rarely replaced.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // A plugin is compiled while requests run: on one thread, it leaves the other cores to them.
    config.parallel_compilation(false);
    config.epoch_interruption(true).wasm_component_model(true).cache(cache);
    config
}

fn cache(path: &Path) -> Result<Cache, HostError> {
    let failed = |source| HostError::CacheFolder { path: path.to_owned(), source };
    create_private(path).map_err(failed)?;
    let path = path.canonicalize().map_err(failed)?;
    if is_shared(&path).map_err(failed)? {
        return Err(HostError::CacheFolderShared { path });
    }
    let mut config = CacheConfig::new();
    config.with_directory(path).with_files_total_size_soft_limit(CACHE_BYTES);
    Cache::new(config).map_err(|error| engine_error(&error))
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

#[cfg(unix)]
fn is_shared(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = path.metadata()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    Ok(!ours || metadata.mode() & 0o022 != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &Path) -> io::Result<bool> {
    Ok(false)
}
