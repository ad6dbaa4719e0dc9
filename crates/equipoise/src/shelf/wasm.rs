//! Components, compiled off the data path and carried over between generations when nothing about them changed.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use equipoise_admin::status;
use equipoise_balance::Picker;
use equipoise_config as config;
use equipoise_health::Probe;
use equipoise_metrics::Registry;
use equipoise_plugin::{
    Capability, Fallback, HostError, HostOptions, LARGEST_COMPONENT, Limits, Plugin, PluginHost, PluginSpec, World,
    inspect,
};
use equipoise_rule::Router;
use equipoise_target::{PluginName, Snapshot};

use crate::error::ApplyError;

/// The engine, started when the first plugin asks for it: a program without plugins pays nothing.
#[derive(Debug)]
pub(crate) struct Host {
    cache_folder: Option<PathBuf>,
    registry: Registry,
    host: OnceLock<PluginHost>,
}

impl Host {
    pub(crate) fn new(cache_folder: Option<PathBuf>, registry: Registry) -> Self {
        Self { cache_folder, registry, host: OnceLock::new() }
    }

    fn get(&self) -> Result<&PluginHost, HostError> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let mut options = HostOptions::default();
        options.cache_dir.clone_from(&self.cache_folder);
        options.registry = Some(self.registry.clone());
        let host = PluginHost::new(options)?;
        Ok(self.host.get_or_init(|| host))
    }
}

/// One loaded plugin with what it was loaded from.
#[derive(Debug)]
struct Loaded {
    described: config::Plugin,
    digest: String,
    plugin: Arc<Plugin>,
}

/// The plugins of one generation, in the order of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Vec<Arc<Loaded>>);

impl Shelf {
    /// Loads what `wanted` says. A plugin of `previous` whose description and bytes are the same is taken over with its
    /// warm instances. Blocks while components are compiled. Reports everything that does not load at once.
    pub(crate) fn load(host: &Host, wanted: &[config::Plugin], previous: &Self) -> Result<Self, ApplyError> {
        let (mut loaded, mut errors) = (Vec::new(), Vec::new());
        for described in wanted {
            match load(host, described, previous) {
                Ok(plugin) => loaded.push(plugin),
                Err(error) => errors.push(error),
            }
        }
        match ApplyError::from_list(errors) {
            Some(error) => Err(error),
            None => Ok(Self(loaded)),
        }
    }

    /// Whether both hold the very same plugins.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(one, two)| Arc::ptr_eq(one, two))
    }

    pub(crate) fn router(&self, name: &PluginName) -> Option<Arc<dyn Router>> {
        self.find(name)?.plugin.router()
    }

    pub(crate) fn picker(&self, name: &PluginName, snapshot: &Snapshot) -> Option<Arc<dyn Picker>> {
        self.find(name)?.plugin.picker(snapshot)
    }

    pub(crate) fn probe(&self, name: &PluginName) -> Option<Arc<dyn Probe>> {
        self.find(name)?.plugin.probe()
    }

    fn find(&self, name: &PluginName) -> Option<&Arc<Loaded>> {
        self.0.iter().find(|loaded| loaded.described.name == *name)
    }

    pub(crate) fn status(&self) -> Vec<status::Plugin> {
        let row = |loaded: &Arc<Loaded>| {
            let stats = loaded.plugin.stats();
            status::Plugin {
                name: loaded.described.name.to_string(),
                world: loaded.plugin.world().to_string(),
                digest: format!("sha256:{}", loaded.digest),
                calls: stats.calls,
                failures: stats.failures,
                resting: stats.resting,
            }
        };
        self.0.iter().map(row).collect()
    }

    /// Components whose bytes changed under the same name, which a comparison of configurations cannot see.
    pub(crate) fn changes_since(&self, previous: &Self) -> Vec<String> {
        let changed = |loaded: &&Arc<Loaded>| {
            previous.find(&loaded.described.name).is_some_and(|before| before.digest != loaded.digest)
        };
        let line = |loaded: &Arc<Loaded>| {
            let digest = loaded.digest.get(..12).unwrap_or_default();
            format!("plugin {}: another component, sha256:{digest}…", loaded.described.name)
        };
        self.0.iter().filter(changed).map(line).collect()
    }
}

fn load(host: &Host, described: &config::Plugin, previous: &Shelf) -> Result<Arc<Loaded>, ApplyError> {
    let (plugin, path) = (described.name.clone(), described.component.clone());
    let component = match read(&path) {
        Ok(component) => component,
        Err(source) => return Err(ApplyError::ReadPlugin { plugin, path, source }),
    };
    let digest = match inspect(&component) {
        Ok(inspection) => inspection.digest,
        Err(error) => return Err(ApplyError::LoadPlugin { plugin, path, source: error.into() }),
    };
    if described.digest.is_some_and(|pinned| hex(&pinned) != digest) {
        return Err(ApplyError::Digest { plugin, path, found: digest });
    }
    let unchanged = previous.find(&plugin).filter(|old| old.described == *described && old.digest == digest);
    if let Some(old) = unchanged {
        return Ok(Arc::clone(old));
    }
    let host = match host.get() {
        Ok(host) => host,
        Err(error) => return Err(ApplyError::NoPlugins { plugin, source: error.into() }),
    };
    match host.load(spec(described, component)) {
        Ok(plugin) => Ok(Arc::new(Loaded { described: described.clone(), digest, plugin })),
        Err(error) => Err(ApplyError::LoadPlugin { plugin, path, source: error.into() }),
    }
}

/// Reads a component, and not a byte more than one may have. A pipe would be waited for, and a reload with it, for ever.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("this is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST_COMPONENT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn spec(described: &config::Plugin, component: Vec<u8>) -> PluginSpec {
    let world = match described.world {
        config::World::Router => World::Router,
        config::World::Balancer => World::Balancer,
        config::World::HealthCheck => World::HealthCheck,
    };
    let grant = |grant: &config::Grant| match grant {
        config::Grant::Log => Capability::Log,
        config::Grant::Clock => Capability::Clock,
        config::Grant::Random => Capability::Random,
    };
    let mut spec = PluginSpec::new(described.name.clone(), world, component);
    spec.limits = Limits { time: described.time, memory: described.memory.bytes() };
    spec.fallback = match described.fallback {
        config::Fallback::Continue => Fallback::Continue,
        config::Fallback::Refuse => Fallback::Refuse,
    };
    spec.config = described.config_json();
    spec.grants = described.grants.iter().map(grant).collect();
    spec
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
