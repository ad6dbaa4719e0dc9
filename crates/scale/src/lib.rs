//! How many instances run, and why: scaling groups, alarms, policies, the history of activities, and the providers that
//! start and stop what a group asks for.
//!
//! The core is pure. [`Fleet`] takes the time, what metrics say and what happened as arguments and gives
//! [`Effect`]s back; a shell carries them out. So a thousand random histories can be replayed bit for bit. Providers are
//! the one part that touches the machine.
//!
//! This crate refuses to know requests, listeners and configuration files.
//!
//! ```
//! use equipoise_scale::provider::{Handle, Launched};
//! use equipoise_scale::{Effect, Event, Fleet, Moment, Plan};
//! use equipoise_target::ScalingGroupName;
//!
//! let web = ScalingGroupName::new("web")?;
//! let settings = toml::from_str(
//!     r#"
//!     target-group = "todo"
//!     min = 1
//!     max = 4
//!     [launch-template.process]
//!     command = ["todo-service", "--port", "{port}"]
//!     ports = "6500-6599"
//!     "#,
//! )?;
//! let mut fleet = Fleet::new(1, 1);
//! let now = Moment::from_millis(0);
//! fleet.configure(&Plan { groups: [(web.clone(), settings)].into(), ..Plan::default() }, now);
//!
//! // Nothing is launched before it is known what runs already.
//! let effects = fleet.adopt(&web, Vec::new(), now);
//! let [Effect::Keep(activity), Effect::Launch { instance, template: 1, .. }] = &effects[..] else { panic!() };
//! assert!(activity.cause.ends_with("increasing the capacity from 0 to 1."));
//!
//! // The shell launches it and tells.
//! let launched = Launched { handle: Handle("4711".into()), address: "127.0.0.1:6500".parse()? };
//! let effects = fleet.happened(&web, instance, Event::Launched(launched), now);
//! assert!(matches!(&effects[..], [Effect::Check { .. }]));
//! let effects = fleet.happened(&web, instance, Event::Passed, now);
//! assert!(matches!(&effects[..], [Effect::Join { .. }, Effect::Keep(_)]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
