//! An edge balancer that lives inside other programs: listeners and rules, target groups, health checks, WebAssembly
//! plugins, and a configuration that is replaced without a lost request.
//!
//! ```no_run
//! use equipoise::Equipoise;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let balancer = Equipoise::builder()
//!     .config_text(r#"
//!         [listener.web]
//!         bind = "127.0.0.1:8080"
//!         default = { forward = "todo" }
//!
//!         [target-group.todo]
//!         port = 6400
//!         targets = ["10.0.0.11", "10.0.0.12"]
//!     "#)
//!     .build()?;
//! let running = balancer.start().await?;
//! let handle = running.handle();
//! println!("{} target groups", handle.status().target_groups.len());
//! handle.drain(None);
//! running.ended().await;
//! # Ok(())
//! # }
//! ```
//!
//! Native code takes the place of plugins by the same traits: [`Router`], [`Picker`], [`Probe`], registered with the
//! [`Builder`] under the names by which the configuration refers to them.
//!
//! The data plane runs on threads of its own, one for each worker; health checks, the admin address and reloads run on
//! the runtime that calls [`Equipoise::start`]. The library installs no signal handler, subscriber or allocator, prints
//! nothing, and never exits the process.

mod admin;
mod assemble;
mod begin;
mod builder;
mod core;
mod departures;
mod error;
#[cfg(feature = "watch")]
mod follow;
mod handle;
mod keyring;
mod lookup;
mod members;
mod metrics;
mod native;
mod observer;
mod ramps;
mod reload;
mod report;
mod run;
#[cfg(feature = "scaling")]
mod scaling;
#[cfg(not(feature = "scaling"))]
#[path = "scaling/without.rs"]
mod scaling;
mod shelf;
mod source;
#[cfg(feature = "watch")]
mod watch;
mod ways;

pub use builder::Builder;
pub use equipoise_admin::{scaling as scaled, status};

pub use equipoise_balance::{PickRequest, Picker, Tried};
pub use equipoise_config as config;
pub use equipoise_health::{Outcome, Probe, ProbeFuture};
pub use equipoise_proxy::{InheritedSocket, SocketOrigin};
pub use equipoise_rule::{Decision, HeaderEdit, Router, Verdict};
pub use equipoise_target::{
    Availability, Endpoint, GroupName, ListenerName, Member, Membership, PluginName, Snapshot, Target, TargetIndex,
};
pub use error::{ApplyError, BuildError, ReloadError, StartError};
pub use handle::{Handle, TargetHealth};
/// The types in which routers and pickers see requests.
pub use http;
pub use native::MakePicker;
pub use run::{Equipoise, Running};
