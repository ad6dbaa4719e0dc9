//! Which target takes a request.
//!
//! [`Algorithm`] is the list of ways to decide, and their configuration too. It makes a [`Picker`] for a
//! [`Snapshot`](equipoise_target::Snapshot) of a target group; the picker answers for one request at a time, without a
//! lock, a clock or an allocation.
//!
//! This crate refuses to know about sockets, probes and how a request is sent: health arrives as the snapshot's
//! availability, and load as the in-flight count of each target's own record.
//!
//! ```
//! use std::sync::Arc;
//! use equipoise_balance::{Algorithm, PickRequest, Tried};
//! use equipoise_target::{Availability, Condition, Endpoint, GroupName, Member, Membership, Snapshot, Target};
//!
//! let members = ["10.0.0.1:80", "10.0.0.2:80"]
//!     .map(|address| address.parse::<Endpoint>().map(|address| Member::new(Arc::new(Target::new(address)))));
//! let members = members.into_iter().collect::<Result<Vec<_>, _>>()?;
//! let membership = Arc::new(Membership::new(GroupName::new("todo")?, members));
//! let availability = Arc::new(Availability::compute(&membership, |_| Condition::Ready, true));
//! let snapshot = Snapshot::new(membership, availability);
//!
//! let picker = Algorithm::default().picker(&snapshot, &())?; // round robin, no plugins
//!
//! let (mut head, ()) = http::Request::new(()).into_parts();
//! let mut tried = Tried::default();
//! let mut pick = |tried: &Tried| {
//!     let client = [192, 0, 2, 7].into();
//!     picker.pick(&snapshot, &mut PickRequest { head: &mut head, client, tried })
//! };
//! let first = pick(&tried).ok_or("nobody is available")?;
//! tried.add(first); // it did not answer: the next attempt goes elsewhere
//! let second = pick(&tried).ok_or("nobody else is available")?;
//! assert_ne!(first, second);
//! tried.add(second);
//! assert_eq!(pick(&tried), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod picker;
mod slow_start;

pub use algorithm::{
    Algorithm, BuildPickerError, ConsistentHash, HashKey, LeastConnections, Plugin, RoundRobin, Table,
    WeightedLeastConnections,
};
pub use equipoise_ring::{LoadFactor, TableSize};
pub use picker::{PickRequest, Picker, PickerSource, Tried};
pub use slow_start::SlowStart;
