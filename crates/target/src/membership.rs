//! Who belongs to a target group.

use std::sync::Arc;

use crate::{GroupName, Target};

/// Position of a target in its group's [`Membership`]. Meaningful only beside the membership that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetIndex(u32);

impl TargetIndex {
    /// The index as a position in a slice.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }

    /// The index of a position; `None` above `u32::MAX`.
    #[must_use]
    pub fn from_position(position: usize) -> Option<Self> {
        u32::try_from(position).ok().map(Self)
    }
}

/// A target's place in its group.
#[derive(Debug, Clone)]
pub struct Member {
    /// The shared record.
    pub target: Arc<Target>,
    /// Share of requests relative to the group's other members; 0 keeps a member without new requests.
    pub weight: u32,
    /// Fail-over tier: targets of the lowest number that has an available one take all requests.
    pub priority: u32,
}

impl Member {
    /// A member with weight 1 in tier 0.
    #[must_use]
    pub fn new(target: Arc<Target>) -> Self {
        Self { target, weight: 1, priority: 0 }
    }
}

/// The members of one group, in configuration order; replaced as a whole when one joins, leaves or changes weight.
#[derive(Debug)]
pub struct Membership {
    group: GroupName,
    members: Box<[Member]>,
}

impl Membership {
    /// Membership of `group`. Members beyond `u32::MAX` are not addressable and are left out.
    #[must_use]
    pub fn new(group: GroupName, mut members: Vec<Member>) -> Self {
        members.truncate(u32::MAX as usize);
        Self { group, members: members.into() }
    }

    /// The group's name.
    #[must_use]
    pub fn group(&self) -> &GroupName {
        &self.group
    }

    /// All members in configuration order.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member at `index`, if the index came from a membership of at least this size.
    #[must_use]
    pub fn member(&self, index: TargetIndex) -> Option<&Member> {
        self.members.get(index.get())
    }

    /// Every index with its member.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TargetIndex, &Member)> {
        self.members.iter().enumerate().map(|(position, member)| {
            // `new` truncated to what an index can address.
            (TargetIndex(position as u32), member)
        })
    }
}
