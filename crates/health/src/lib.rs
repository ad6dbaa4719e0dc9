//! Is a target healthy?

mod checks;
mod effect;
mod event;
mod fetch;
mod guard;
mod health;
mod ledger;
mod monitor;
mod percent;
mod probe;
mod report;
mod terms;
mod text;

pub use checks::HealthChecks;
pub use effect::{Effect, EffectKind, Layer, fold};
pub use event::{EventKind, HealthEvent, Release};
pub use fetch::{FetchError, Fetched, Limits, fetch};
pub use guard::{Change, Fall, Guard, GuardSettings, Subject, Testimony, Traffic};
pub use health::{Health, Initial, Thresholds};
pub use monitor::{GroupPlan, Monitor, Observer};
pub use percent::{Percent, PercentError};
pub use probe::{
    BuildProbeError, ExpectedStatus, HealthCheck, HttpCheck, JsonField, Outcome, PluginCheck, Probe, ProbeFuture,
    ProbeSource, Scalar, TcpCheck, look,
};
pub use report::{CheckReport, GroupReport, TargetReport, VerdictReport};
pub use terms::{Problem, Terms};
