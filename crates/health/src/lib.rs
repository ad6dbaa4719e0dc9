//! Is a target healthy? And when most targets seem not to be: is it them, or the question?
//!
//! This crate knows how to look at a target ([`Probe`] and its kinds), when to believe what was seen ([`Health`]), when
//! to doubt the check itself ([`guard`]), and what follows for the target ([`fold`]). It refuses to know who balances on
//! the result: it gives a [`Condition`](equipoise_target::Condition) and tells an [`Observer`] when one changed.
//!
//! The core is pure: time and outcomes come in as arguments, verdicts come out. The [`Monitor`] is the thin shell that
//! owns tasks, timers and sockets.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::sync::Arc;
//! use std::time::Duration;
//! use equipoise_health::{GroupPlan, GuardSettings, HealthCheck, HealthEvent, Monitor, Observer, Reach};
//! use equipoise_target::{Condition, GroupName, Target};
//!
//! struct Log;
//! impl Observer for Log {
//!     fn changed(&self, _: &GroupName) { /* compute the group's availability again */ }
//!     fn event(&self, event: &HealthEvent) { println!("{event}") }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let check: HealthCheck = toml::from_str(r#"
//!     [http]
//!     path = "/api/v1/health"
//!     interval = "10s"
//!     timeout = "5s"
//! "#)?;
//! let (group, target) = (GroupName::new("todo")?, Target::new("127.0.0.1:6400".parse::<SocketAddr>()?));
//! let address = target.address();
//!
//! let monitor = Monitor::new(Arc::new(Log));
//! monitor.apply(vec![GroupPlan {
//!     group: group.clone(),
//!     checks: vec![(check.clone(), check.probe(&(), &Reach::default())?)], // `()`: there are no plugins
//!     targets: vec![Arc::new(target)],
//!     guard: GuardSettings::default(),
//! }]);
//! assert_eq!(monitor.condition(&group, address), Condition::Ready); // until a check says otherwise
//! # Ok(()) }
//! ```
//!
//! Read [`Health`] first, then [`guard`], then [`Monitor`].

mod checks;
mod effect;
mod event;
mod fetch;
pub mod guard;
mod health;
mod ledger;
mod monitor;
mod percent;
mod probe;
mod reach;
mod report;
mod terms;
mod text;

pub use checks::HealthChecks;
pub use effect::{Effect, EffectKind, Layer, fold};
pub use event::{EventKind, HealthEvent, Release};
pub use fetch::{FetchError, Fetched, Limits, fetch, fetch_by};
pub use guard::{Guard, GuardSettings};
pub use health::{Health, Initial, Thresholds};
pub use monitor::{Beliefs, GroupPlan, Monitor, Observer};
pub use percent::{Percent, PercentError};
pub use probe::{
    BuildProbeError, ExpectedStatus, GrpcCheck, HealthCheck, HttpCheck, JsonField, Outcome, PluginCheck, Probe,
    ProbeFuture, ProbeSource, Scalar, TcpCheck, look,
};
pub use reach::Reach;
pub use report::{CheckReport, GroupReport, TargetReport, VerdictReport};
pub use terms::{Problem, Terms};
