//! The data plane: connections come in, requests go out, responses come back.
//!
//! A [`DataPlane`] is a number of workers, each a thread with everything that serving takes to itself. It is given whole
//! [`Generation`]s: [`Listener`]s with their rules, and [`Group`]s with their targets. A request keeps the generation
//! that it started with; connections outlive it.
//!
//! A request is a straight line, to be read in `serve.rs`: decode, route, pick a target (a lease on it), send, report,
//! retry or reply, record. The lease and the record belong to the response's body, so a request ends with its last byte,
//! whoever ends it.
//!
//! The rooms: `listen` is where clients come in, `downstream` what faces them, `upstream` what faces targets, `limit` what
//! bounds both; `l4` passes on what is not HTTP, `policy` says what a message may look like, `worker` holds the threads.
//! What lies beside `serve.rs` are the steps of a request.
//!
//! This crate knows HTTP, sockets and time. It refuses to know configuration files, plugins beyond the traits that they
//! implement, and who decides which target is healthy.
//!
//! ```no_run
//! use std::net::SocketAddr;
//! use std::num::NonZeroUsize;
//! use std::sync::Arc;
//! use equipoise_balance::{PickRequest, Picker};
//! use equipoise_metrics::Registry;
//! use equipoise_proxy::{DataPlane, Generation, Group, GroupSettings, Listener};
//! use equipoise_rule::RuleSet;
//! use equipoise_target::{GroupName, ListenerName, Snapshot};
//!
//! # async fn run(rules: RuleSet, snapshot: Snapshot, picker: Arc<dyn Picker>) -> Result<(), Box<dyn std::error::Error>> {
//! let plane = DataPlane::start(NonZeroUsize::MIN, &Registry::new())?;
//! let listener = Listener::new(ListenerName::new("web")?, "127.0.0.1:8080".parse::<SocketAddr>()?, rules);
//! let group = Arc::new(Group::new(GroupName::new("todo")?, GroupSettings::default(), snapshot, picker));
//! plane.apply(Generation::new(vec![listener], [group])).await?;
//! # Ok(())
//! # }
//! ```

#[doc(hidden)]
pub mod bench;
mod body;
mod decode;
mod door;
mod downstream;
mod error;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod generation;
mod group;
mod grpc;
mod hedge;
mod l4;
mod limit;
mod listen;
mod listener;
mod log;
mod names;
mod outgoing;
mod pick;
mod plane;
mod policy;
mod queue;
mod record;
mod reply;
mod report;
mod retry;
mod send;
mod serve;
mod stats;
mod tunnel;
mod upgrades;
mod upstream;
mod worker;

pub use generation::Generation;
pub use group::{Group, GroupSettings, GroupTimeouts, PoolSettings, Retry, RetryOn};
pub use hedge::Hedge;
pub use l4::{TcpSettings, UdpSettings};
pub use limit::breaker::Breaker;
pub use limit::rate::{RateKey, RateLimit};
pub use limit::{GroupLimits, Queue};
pub use listen::access::{AccessList, Networks};
pub use listen::bind::BindError;
pub use listen::greeting::Announcers;
pub use listen::inherited::{InheritedSocket, SocketOrigin};
pub use listen::socket::ListenOptions;
pub use listener::{Listener, ListenerLimits, ListenerProtocol, ListenerTimeouts};
pub use log::{AccessLog, LogDestination, LogFormat};
pub use plane::{DataPlane, ListenerStatus};
pub use policy::PathForm;
pub use upgrades::Upgrades;
pub use upstream::transport::{TargetVersion, Transport};
