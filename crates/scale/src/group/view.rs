//! What there is to see of a group, for people.

use std::collections::BTreeSet;

use equipoise_target::{GroupName, ScalingGroupName};

use super::capacity::count;
use super::member::Step;
use super::{Group, Mode, RefreshState};
use crate::{Bounds, Instance, Moment, Process};

/// What there is to see of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupView {
    /// Its name.
    pub name: ScalingGroupName,
    /// The target group that its instances join.
    pub target_group: GroupName,
    /// The desired capacity.
    pub desired: u32,
    /// What the capacity may be now: as configured, or as a schedule has set it.
    pub bounds: Bounds,
    /// Version of the launch template that new instances are started from.
    pub template: u32,
    /// Digest of that template.
    pub template_digest: String,
    /// Every instance, in the order of their launches; also those of the warm pool and those that end.
    pub instances: Vec<Instance>,
    /// When simple policies may change the group again, if that is still to come.
    pub cooldown_until: Option<Moment>,
    /// What is suspended, by order or as configured.
    pub suspended: Vec<Process>,
    /// The refresh that is under way.
    pub refresh: Option<RefreshView>,
    /// The warm pool, if one is configured.
    pub warm_pool: Option<PoolView>,
    /// Launches that failed lately.
    pub back_off: Option<BackOffView>,
    /// Whether it knows what ran before: until [`crate::Fleet::adopt`] was called it launches nothing.
    pub adopted: bool,
    /// Whether it is no longer configured, and forgotten when its last instance is gone.
    pub leaving: bool,
}

/// How far a refresh is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshView {
    /// Version of the launch template from before.
    pub from: u32,
    /// Version that instances are replaced with.
    pub to: u32,
    /// When it began.
    pub started: Moment,
    /// How many instances there were to replace.
    pub total: u32,
    /// How many of them are replaced.
    pub replaced: u32,
    /// How many of the new ones failed.
    pub failures: u32,
    /// When it goes on after a checkpoint.
    pub paused_until: Option<Moment>,
    /// Whether it goes back after one that failed, or by order.
    pub rolling_back: bool,
}

/// How full a warm pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolView {
    /// How many instances it is to hold.
    pub size: u32,
    /// How many wait in it.
    pub ready: u32,
    /// How many are on their way into it.
    pub on_the_way: u32,
}

/// Launches that failed lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackOffView {
    /// How many in a row.
    pub failures: u32,
    /// When the next one may be.
    pub until: Moment,
    /// Why the last one failed.
    pub reason: String,
}

impl Group {
    /// What there is to see.
    pub(crate) fn view(&self) -> GroupView {
        let suspended: BTreeSet<_> = self.suspended.iter().chain(&self.settings.suspend).copied().collect();
        GroupView {
            name: self.name.clone(),
            target_group: self.settings.target_group.clone(),
            desired: self.desired,
            bounds: self.bounds(),
            template: self.versions.present(),
            template_digest: self.versions.digest().to_owned(),
            instances: self.instances().cloned().collect(),
            cooldown_until: self.cooldown.until,
            suspended: suspended.into_iter().collect(),
            refresh: self.refresh.as_ref().map(|refresh| self.refresh_view(refresh)),
            warm_pool: self.settings.warm_pool.map(|pool| self.pool_view(pool.size)),
            back_off: self.back_off.until.map(|until| BackOffView {
                failures: self.back_off.failures,
                until,
                reason: self.back_off.reason.clone(),
            }),
            adopted: self.adopted,
            leaving: self.mode == Mode::Leaving,
        }
    }

    fn refresh_view(&self, refresh: &RefreshState) -> RefreshView {
        RefreshView {
            from: refresh.from,
            to: refresh.to,
            started: refresh.started,
            total: refresh.total,
            replaced: refresh.total.saturating_sub(self.remaining()),
            failures: refresh.failures,
            paused_until: refresh.paused_until,
            rolling_back: refresh.rolling_back,
        }
    }

    fn pool_view(&self, size: u32) -> PoolView {
        let of_pool = self.members.iter().filter(|member| member.is_of_pool());
        let (ready, others): (Vec<_>, Vec<_>) = of_pool.partition(|member| *member.step() == Step::Waiting);
        PoolView { size, ready: count(ready.len()), on_the_way: count(others.len()) }
    }
}
