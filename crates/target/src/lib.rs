//! The vocabulary that every other crate speaks: names, [`Target`] records, [`Membership`], [`Availability`] and the
//! [`Snapshot`] that ties them together.
//!
//! This crate knows what a target *is* and how busy it is. It refuses to know how one is chosen, probed or configured.
//!
//! Membership (who belongs to the group, with which weight) and availability (who may take a new request right now)
//! are kept apart: a target that turns unhealthy replaces the availability only, so that hash tables, which depend on
//! membership alone, are rebuilt only when targets join or leave.
//!
//! ```
//! use std::sync::Arc;
//! use equipoise_target::{Availability, Condition, Endpoint, GroupName, Member, Membership, Snapshot, Target};
//!
//! let target = Arc::new(Target::new("127.0.0.1:8081".parse::<Endpoint>()?));
//! let membership = Arc::new(Membership::new(GroupName::new("todo")?, vec![Member::new(target.clone())]));
//! let availability = Availability::compute(&membership, |_| Condition::Ready, true);
//! let snapshot = Snapshot::new(membership, Arc::new(availability));
//! assert_eq!(snapshot.available().count(), 1);
//!
//! let lease = target.lease(); // one request in flight …
//! assert_eq!(target.in_flight(), 1);
//! drop(lease); // … until its last byte
//! assert_eq!(target.in_flight(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod availability;
mod circuit;
mod endpoint;
mod membership;
mod name;
mod record;
mod snapshot;

pub use availability::{Availability, Condition, Standing};
pub use circuit::{Admission, Circuit, CircuitTerms, State as CircuitState, Turn};
pub use endpoint::{Endpoint, EndpointError, UnixPath};
pub use membership::{Member, Membership, TargetIndex};
pub use name::{AlarmName, GroupName, HookName, ListenerName, NameError, PluginName, PolicyName, ScalingGroupName};
pub use record::{Lease, Target};
pub use snapshot::Snapshot;
