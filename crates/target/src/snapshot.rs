//! What one pick sees.

use std::sync::Arc;

use crate::{Availability, Member, Membership, Standing, TargetIndex};

/// A group at one moment: its members and who of them is available. Cheap to clone, never changes.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Health flips do not touch this.
    membership: Arc<Membership>,
    /// In the order of `membership`.
    availability: Arc<Availability>,
}

impl Snapshot {
    /// Ties an availability to the membership that it was computed from.
    #[must_use]
    pub fn new(membership: Arc<Membership>, availability: Arc<Availability>) -> Self {
        Self { membership, availability }
    }

    /// The members.
    #[must_use]
    pub fn membership(&self) -> &Arc<Membership> {
        &self.membership
    }

    /// Who of them is available.
    #[must_use]
    pub fn availability(&self) -> &Arc<Availability> {
        &self.availability
    }

    /// Available members with their effective weight, in membership order.
    pub fn available(&self) -> impl Iterator<Item = (TargetIndex, &Member, u32)> {
        self.membership.iter().filter_map(|(index, member)| match self.availability.standing(index) {
            Standing::Available { weight } => Some((index, member, weight)),
            Standing::Unavailable => None,
        })
    }
}
