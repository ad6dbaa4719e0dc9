//! WebAssembly components as routers, balancers and health checks.
//!
//! A [`PluginHost`] compiles a component, checks what it is and what it asks for, and gives a [`Plugin`]: an adapter to
//! [`Router`](equipoise_rule::Router), [`Picker`](equipoise_balance::Picker) or [`Probe`](equipoise_health::Probe). The
//! contract is `wit/`, package `equipoise:plugin`.
//!
//! Whatever a guest does stays inside: a trap, a loop, a deep recursion, memory without end or a nonsensical answer costs
//! the instance and gives the declared [`Fallback`]; after failures it rests for a while. What it returns is checked before
//! anybody sees it.
//!
//! This crate refuses to know rules, listeners and files. Hot swap is not here either: a changed file makes another
//! [`Plugin`] in another generation, and the old one ends with its last request.
//!
//! ```no_run
//! use equipoise_plugin::{HostOptions, PluginHost, PluginSpec, World};
//! use equipoise_target::PluginName;
//!
//! let host = PluginHost::new(HostOptions::default())?;
//! let component = std::fs::read("geo-router.wasm")?;
//! let plugin = host.load(PluginSpec::new(PluginName::new("geo")?, World::Router, component))?;
//! let router = plugin.router().expect("its world was checked");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod bindings;
mod block_on;
mod breaker;
mod capability;
mod failure;
mod host;
mod inspect;
mod kind;
mod limiter;
mod load;
mod nursery;
mod plugin;
mod spec;
mod state;
mod stats;
mod template;
mod text;
mod ticker;
mod warm;

pub use failure::Failure;
pub use host::{HostError, HostOptions, PluginHost};
pub use inspect::{InspectError, Inspection, LARGEST_COMPONENT, inspect};
pub use load::LoadError;
pub use plugin::Plugin;
pub use spec::{Capability, Fallback, Limits, PluginSpec, UnknownWorld, World};
pub use stats::PluginStats;
