//! The admin address: health of the program itself, metrics, status, scaling groups, and the commands that change them.
//!
//! It answers questions about a running balancer and passes on orders to it through the [`Control`] trait. It refuses to
//! know what a listener or a target *is*: [`status`] holds mirrors made only to be read by people and programs, so the
//! inside may change while the API stays.
//!
//! | route | answer |
//! |---|---|
//! | `GET /livez` | 200 while the process answers at all |
//! | `GET /readyz` | 200 while new requests are welcome, 503 while starting or draining |
//! | `GET /startupz` | 200 once the first generation serves |
//! | `GET /metrics` | OpenMetrics text |
//! | `GET /v1/status` | [`Status`] as JSON |
//! | `GET /v1/config` | the effective configuration as TOML |
//! | `POST /v1/reload` | [`Reload`], or a problem that carries every diagnostic |
//! | `POST /v1/drain` | 202 and [`Drain`]; the program ends when it is done |
//! | `GET /v1/scaling-groups` | every [`scaling::ScalingGroup`] with its instances |
//! | `GET /v1/scaling-groups/{name}` | one of them |
//! | `GET …/{name}/activities?limit=` | [`scaling::Activity`], the newest first; 100 unless told, 1,000 at most |
//! | `POST …/{name}/desired` | [`scaling::DesiredRequest`]; this and all below answer with the group as it is then |
//! | `POST …/{name}/refresh`, `…/refresh/cancel`, `…/refresh/roll-back` | replace every instance, stop that, go back |
//! | `POST …/{name}/suspend`, `…/resume` | [`scaling::ProcessesRequest`]; all processes without a body |
//! | `POST …/{name}/instances/{id}/protect`, `…/unprotect` | scaling in leaves it alone, or not |
//! | `POST …/{name}/instances/{id}/terminate` | [`scaling::TerminateRequest`]; another takes its place without a body |
//! | `GET /v1/alarms` | every [`scaling::Alarm`] |
//! | `GET /v1/alarms/{name}/history?limit=` | [`scaling::AlarmTransition`], the newest first |
//! | `GET /v1/metrics?subject=&metric=&statistic=&period=&since=` | one [`scaling::MetricSeries`] |
//! | `POST /v1/metrics` | `{"data": [`[`scaling::Datum`]`, …]}`, at most 100; [`scaling::Taken`] |
//!
//! Errors are `application/problem+json` (RFC 9457). No `GET` changes state. A browser cannot be made to call it: the
//! `Host` must be an address or name of this machine (against DNS rebinding) and a foreign `Origin` is refused.
//!
//! ```no_run
//! # async fn example() -> Result<(), equipoise_admin::client::ClientError> {
//! let client = equipoise_admin::client::Client::new("127.0.0.1:9900", None);
//! for group in client.status().await?.target_groups {
//!     println!("{}: {} targets", group.name, group.targets.len());
//! }
//! # Ok(())
//! # }
//! ```

pub mod client;
mod control;
mod gate;
pub mod problem;
mod route;
pub mod scaling;
mod serve;
pub mod status;
pub mod token;

pub use control::{Control, Pending, ReloadError};
pub use serve::{Options, serve};
pub use status::{Drain, DrainRequest, Reload, ReloadResult, Status};
