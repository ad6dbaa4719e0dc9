//! How many instances run, and why: scaling groups, alarms, policies, the history of activities, and the providers that
//! start and stop what a group asks for.
//!
//! The core is pure. [`Fleet`] takes the time, what metrics say and what happened as arguments and gives
//! [`Effect`]s back; a shell carries them out. So a thousand random histories can be replayed bit for bit. Providers are
//! the one part that touches the machine.
//!
//! This crate refuses to know requests, listeners and configuration files.

mod activity;
mod adjustment;
mod alarm;
mod fleet;
mod group;
mod instance;
mod metric;
mod moment;
mod policy;
mod problem;
pub mod provider;
mod settings;
mod template;

pub use activity::{Activity, ActivityId, ActivityStatus};
pub use adjustment::{Adjustment, AdjustmentKind};
pub use alarm::{
    Action, Alarm, AlarmBook, AlarmState, AlarmView, Comparison, Datapoint, Maker, MissingData, Transition,
};
pub use fleet::{Effect, Event, Fleet, InFlight, Order, OrderError, Plan};
pub use group::{BackOff, BackOffView, Bounds, GroupState, GroupView, PoolView, RefreshState, RefreshView};
pub use instance::{Instance, InstanceId, Lifecycle};
pub use metric::{Metric, Readings, SeriesKey, Subject};
pub use moment::Moment;
pub use policy::{
    Forecast, ForecastPoint, GroupFacts, Policy, PolicyBook, PolicyMemory, Predictive, Scheduled, Simple, Step,
    StepRange, TargetTracking, Wish, made_alarm_names,
};
pub use problem::Problem;
pub use settings::{HealthSource, Hook, HookMoment, Process, Refresh, ScalingGroup, Scrape, Termination, WarmPool};
pub use template::{CommandTemplate, DockerTemplate, LaunchTemplate, PortRange, ProcessTemplate, ResourceLimits};
