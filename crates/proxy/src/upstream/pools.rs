//! Connections to all targets that are made in one way.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ahash::{AHashMap, AHashSet};
use equipoise_target::{Endpoint, GroupName};

use crate::upstream::pool::Pool;
use crate::{Group, Transport};

/// One worker's connections by one transport, for all groups whose targets are reached by it. A generation takes them
/// over from the one before; those of a transport that is in no group any more end with what is under way on them.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    transport: Rc<Transport>,
    by_address: RefCell<AHashMap<Endpoint, Rc<Pool>>>,
}

impl Pools {
    fn new(transport: Transport) -> Self {
        Self { transport: Rc::new(transport), by_address: RefCell::default() }
    }

    fn is_by(&self, transport: &Transport) -> bool {
        *self.transport == *transport
    }

    /// Connections to one target.
    pub(crate) fn pool(&self, address: Endpoint) -> Rc<Pool> {
        let mut pools = self.by_address.borrow_mut();
        let new = || Rc::new(Pool::new(address, Rc::clone(&self.transport)));
        Rc::clone(pools.entry(address).or_insert_with(new))
    }

    /// Lets connections go that lead to no target any more.
    fn keep(&self, targets: &AHashSet<Endpoint>) {
        self.by_address.borrow_mut().retain(|address, pool| pool.keep(targets.contains(address)));
    }

    /// Closes what has waited too long.
    pub(crate) fn sweep(&self, now: Instant) {
        self.by_address.borrow_mut().retain(|_, pool| pool.sweep(now));
    }
}

/// The pools of all `groups`, once each, and those of each group. What `earlier` ones have in common with them is taken
/// over; all else is let go.
pub(crate) fn of_groups(
    groups: &AHashMap<GroupName, Arc<Group>>,
    earlier: &[Rc<Pools>],
) -> (Vec<Rc<Pools>>, AHashMap<GroupName, Rc<Pools>>) {
    let mut all: Vec<(Rc<Pools>, AHashSet<Endpoint>)> = Vec::new();
    let mut by_group = AHashMap::new();
    for (name, group) in groups {
        let transport = &group.settings().transport;
        let position = all.iter().position(|(pools, _)| pools.is_by(transport)).unwrap_or_else(|| {
            let known = earlier.iter().find(|pools| pools.is_by(transport));
            all.push((known.map_or_else(|| Rc::new(Pools::new(transport.clone())), Rc::clone), AHashSet::new()));
            all.len() - 1
        });
        let (pools, targets) = &mut all[position];
        by_group.insert(name.clone(), Rc::clone(pools));
        targets.extend(group.snapshot().membership().members().iter().map(|member| member.target.address()));
    }
    for pools in earlier {
        match all.iter().find(|(kept, _)| Rc::ptr_eq(kept, pools)) {
            Some((_, targets)) => pools.keep(targets),
            None => pools.keep(&AHashSet::new()),
        }
    }
    (all.into_iter().map(|(pools, _)| pools).collect(), by_group)
}
