//! Who goes first when the group shrinks.

use super::Group;
use super::member::Member;
use crate::Termination;
use crate::fleet::InFlight;

impl Group {
    /// Who goes first: those who serve nobody, and then as the settings say. `None` when everybody left is protected.
    pub(super) fn first_to_go(&self, in_flight: &dyn InFlight) -> Option<usize> {
        let refresh_may = self.refresh_may_take_one();
        let candidates =
            self.members.iter().enumerate().filter(|(_, member)| member.is_active() && !member.instance.protected);
        let ranked = candidates.map(|(at, member)| {
            let requests = || u64::from(in_flight.in_flight(&self.name, &member.instance.id));
            let order = match self.settings.termination {
                Termination::OldestTemplate => (u64::from(member.instance.template), at),
                Termination::Oldest => (0, at),
                Termination::Newest => (0, usize::MAX - at),
                Termination::LeastConnections => (requests(), at),
            };
            (self.class(member, refresh_may), order, at)
        });
        ranked.min().map(|(_, _, at)| at)
    }

    /// While instances are replaced, shrinking goes on with that: the old ones go, as long as enough stay in service.
    fn class(&self, member: &Member, refresh_may: bool) -> u8 {
        let is_old = self.refresh.as_ref().is_none_or(|refresh| refresh.old.contains(&member.instance.id));
        match (member.serves(), is_old) {
            (false, true) => 0,
            (true, true) if self.refresh.is_some() && refresh_may => 1,
            (false, false) => 2,
            (true, _) => 3,
        }
    }
}
