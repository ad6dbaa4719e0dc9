//! From bytes to a plugin.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::{balancer, health_check, router};
use crate::capability::{InState, wasi};
use crate::failure::Failure;
use crate::inspect::{InspectError, Inspection, PACKAGE, inspect, spoken};
use crate::kind::Resolved;
use crate::plugin::{Identity, Plugin};
use crate::state::State;
use crate::stats::Stats;
use crate::{Capability, PluginHost, PluginSpec, World, text};
use equipoise_target::PluginName;

/// Why a plugin could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no component.
    #[error("reading plugin `{plugin}`")]
    Component {
        /// The plugin.
        plugin: PluginName,
        /// What they are.
        source: InspectError,
    },
    /// The component answers another question, or none of ours.
    #[error("plugin `{plugin}`: the configuration says world `{wanted}`, but the component {found}")]
    World {
        /// The plugin.
        plugin: PluginName,
        /// What was asked for.
        wanted: World,
        /// What it is, as the end of a sentence.
        found: String,
    },
    /// It imports what it may not have.
    #[error("plugin `{plugin}`: it imports `{import}`, which {reason}")]
    Import {
        /// The plugin.
        plugin: PluginName,
        /// The import.
        import: String,
        /// Why not, as the end of a sentence.
        reason: String,
    },
    /// The compiler refuses it, or its types are not those of the contract.
    #[error("plugin `{plugin}`: {attempt}: {reason}")]
    Compile {
        /// The plugin.
        plugin: PluginName,
        /// What was attempted.
        attempt: &'static str,
        /// What the engine says.
        reason: String,
    },
    /// The first instance failed.
    #[error("starting the first instance of plugin `{plugin}`")]
    Start {
        /// The plugin.
        plugin: PluginName,
        /// How.
        source: Failure,
    },
}

impl PluginHost {
    /// Compiles a component, makes one instance and has it accept its configuration. Takes from a millisecond (cached)
    /// to seconds (a component of many megabytes) of processor time: never call it on a thread that serves requests.
    ///
    /// # Errors
    /// [`LoadError`] when the component is broken, of another world, asks for what it was not granted, or fails to start.
    pub fn load(&self, spec: PluginSpec) -> Result<Arc<Plugin>, LoadError> {
        let plugin = &spec.name;
        let inspection =
            inspect(&spec.component).map_err(|source| LoadError::Component { plugin: plugin.clone(), source })?;
        check_world(&spec, &inspection)?;
        for import in &inspection.imports {
            check_import(&spec, import)?;
        }
        let pre = Resolved::new(spec.world, self.compile(&spec)?).map_err(|error| LoadError::Compile {
            plugin: plugin.clone(),
            attempt: "using its exports",
            reason: text::one_line(&format!("{error:#}"), 500),
        })?;
        let identity = Arc::new(Identity {
            name: spec.name.clone(),
            limits: spec.limits,
            stats: Stats::new(&self.registry, &spec),
            grants: spec.grants,
            host: Arc::clone(&self.engine),
        });
        match pre.start(&identity, spec.config, spec.fallback) {
            Ok(kind) => Ok(Arc::new(Plugin { identity, kind })),
            Err(source) => Err(LoadError::Start { plugin: spec.name, source }),
        }
    }

    fn compile(&self, spec: &PluginSpec) -> Result<InstancePre<State>, LoadError> {
        let failed = |attempt| {
            move |error: wasmtime::Error| LoadError::Compile {
                plugin: spec.name.clone(),
                attempt,
                reason: text::one_line(&format!("{error:#}"), 500),
            }
        };
        let component = Component::new(&self.engine.wasm, &spec.component).map_err(failed("compiling it"))?;
        let linker = self.linker(spec, &component).map_err(failed("linking it"))?;
        linker.instantiate_pre(&component).map_err(failed("linking it"))
    }

    /// Everything that `spec` may import, and nothing else.
    fn linker(&self, spec: &PluginSpec, component: &Component) -> wasmtime::Result<Linker<State>> {
        use router::equipoise::plugin::{clock, log, random, request};
        let mut linker = Linker::new(&self.engine.wasm);
        match spec.world {
            World::Router => request::add_to_linker::<_, InState>(&mut linker, |state| state)?,
            World::Balancer => {
                request::add_to_linker::<_, InState>(&mut linker, |state| state)?;
                balancer::equipoise::plugin::targets::add_to_linker::<_, InState>(&mut linker, |state| state)?;
            }
            World::HealthCheck => {
                health_check::equipoise::plugin::http::add_to_linker::<_, InState>(&mut linker, |state| state)?;
                health_check::equipoise::plugin::tcp::add_to_linker::<_, InState>(&mut linker, |state| state)?;
            }
        }
        for capability in &spec.grants {
            match capability {
                Capability::Log => log::add_to_linker::<_, InState>(&mut linker, |state| state)?,
                Capability::Clock => clock::add_to_linker::<_, InState>(&mut linker, |state| state)?,
                Capability::Random => random::add_to_linker::<_, InState>(&mut linker, |state| state)?,
            }
        }
        wasi::link(&mut linker, component)?;
        Ok(linker)
    }
}

fn check_world(spec: &PluginSpec, inspection: &Inspection) -> Result<(), LoadError> {
    let found = match inspection.world {
        Some(world) if world == spec.world => return Ok(()),
        Some(world) => format!("is of world `{world}`"),
        None => match inspection.exports.iter().find(|export| export.starts_with(PACKAGE)) {
            Some(export) => format!("exports `{}`, and this version speaks `0.1`", text::one_line(export, 100)),
            None => format!("does not export `{PACKAGE}{}@0.1.0`", spec.world.export()),
        },
    };
    Err(LoadError::World { plugin: spec.name.clone(), wanted: spec.world, found })
}

fn check_import(spec: &PluginSpec, import: &str) -> Result<(), LoadError> {
    let reason = match spoken(import) {
        Some(interface) if spec.world.own_imports().contains(&interface) => return Ok(()),
        Some(interface) => match Capability::named(interface) {
            Some(capability) if spec.grants.contains(&capability) => return Ok(()),
            Some(capability) => format!("the configuration does not grant: add `{capability}` to the plugin's grants"),
            None => format!("world `{}` does not have", spec.world),
        },
        None if wasi::is_offered(import) => return Ok(()),
        None if import.starts_with(PACKAGE) => {
            "is of a version of the contract that this program does not speak".into()
        }
        None => "this program does not offer".into(),
    };
    Err(LoadError::Import { plugin: spec.name.clone(), import: text::one_line(import, 200), reason })
}
