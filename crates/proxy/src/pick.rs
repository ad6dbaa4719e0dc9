//! pick: which target takes the request, as a berth.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use equipoise_balance::{PickRequest, Tried};
use equipoise_target::{Endpoint, Target, TargetIndex};
use http::request::Parts;

use crate::Group;
use crate::error::ForwardError;
use crate::group::Balance;
use crate::limit::berth::Berth;
use crate::limit::gate;

/// What a request wants of its group.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) head: &'a mut Parts,
    pub(crate) client: IpAddr,
    /// The only target that will do, if there is one.
    pub(crate) only: Option<Endpoint>,
    /// Targets that will not do.
    pub(crate) tried: &'a [Endpoint],
    pub(crate) now: Instant,
}

impl Wanted<'_> {
    /// Positions of the targets that will not do: they belong to a membership, and that may have changed since the last
    /// attempt.
    pub(crate) fn barred(&self, balance: &Balance) -> Tried {
        let mut barred = Tried::default();
        self.tried.iter().filter_map(|address| balance.index(*address)).for_each(|index| barred.add(index));
        barred
    }
}

/// Why there is no berth.
#[derive(Debug)]
pub(crate) enum NoBerth {
    /// There will be one when another request ends.
    Full,
    Error(ForwardError),
}

impl From<ForwardError> for NoBerth {
    fn from(error: ForwardError) -> Self {
        Self::Error(error)
    }
}

/// A berth at a target of `group` that was not tried: at `only` if it is given, else at the group's choice.
pub(crate) fn pick(group: &Group, wanted: &mut Wanted<'_>) -> Result<Berth, NoBerth> {
    let balance = group.balance();
    let barred = wanted.barred(&balance);
    if group.is_gated() {
        return gate::pass(group, &balance, wanted, barred, None);
    }
    let (_, target) = choose(group, &balance, wanted, &barred)?;
    Ok(Berth::plain(target.lease()))
}

/// The target that `wanted` goes to when those that are `barred` do not take it.
pub(crate) fn choose<'a>(
    group: &Group,
    balance: &'a Balance,
    wanted: &mut Wanted<'_>,
    barred: &Tried,
) -> Result<(TargetIndex, &'a Arc<Target>), ForwardError> {
    let picked = match wanted.only {
        Some(address) => {
            let not_available = || ForwardError::NotAvailable { group: group.name().clone(), address };
            Some(balance.available(address).ok_or_else(not_available)?).filter(|(index, _)| !barred.contains(*index))
        }
        None => balance.pick(&mut PickRequest { head: wanted.head, client: wanted.client, tried: barred }),
    };
    picked.ok_or_else(|| ForwardError::NoTarget { group: group.name().clone() })
}
