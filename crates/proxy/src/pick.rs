//! pick: which target takes the request, as a lease.

use std::net::IpAddr;

use equipoise_balance::{PickRequest, Tried};
use equipoise_target::{Endpoint, Lease, Target};
use http::request::Parts;

use crate::Group;
use crate::error::ForwardError;

/// Leases a target of `group` that is not among `tried`: `only` if it is given, else the group's choice.
pub(crate) fn pick(
    group: &Group,
    head: &mut Parts,
    client: IpAddr,
    only: Option<Endpoint>,
    tried: &[Endpoint],
) -> Result<Lease, ForwardError> {
    let balance = group.balance();
    let picked = match only {
        Some(address) if tried.contains(&address) => None,
        Some(address) => {
            let not_available = || ForwardError::NotAvailable { group: group.name().clone(), address };
            Some(balance.available(address).ok_or_else(not_available)?)
        }
        None => {
            // Positions belong to a membership, and that may have changed since the last attempt.
            let mut positions = Tried::default();
            tried.iter().filter_map(|address| balance.index(*address)).for_each(|index| positions.add(index));
            balance.pick(&mut PickRequest { head, client, tried: &positions })
        }
    };
    picked.map(Target::lease).ok_or_else(|| ForwardError::NoTarget { group: group.name().clone() })
}
