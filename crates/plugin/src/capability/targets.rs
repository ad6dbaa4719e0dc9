//! `equipoise:plugin/targets`: how the group's targets are doing right now.

use crate::bindings::balancer::equipoise::plugin::targets;
use crate::kind::balancer::ToldTarget;
use crate::state::State;

impl State {
    fn target(&self, index: u32) -> Option<&ToldTarget> {
        self.told.as_ref()?.targets.get(index as usize)
    }
}

impl targets::Host for State {
    fn in_flight(&mut self, index: u32) -> u32 {
        self.target(index).map_or(0, |target| target.record.in_flight())
    }

    fn latency(&mut self, index: u32) -> Option<u64> {
        let latency = self.target(index)?.record.latency()?;
        Some(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX))
    }

    fn weight(&mut self, index: u32) -> u32 {
        self.target(index).map_or(0, |target| target.weight)
    }

    fn tried(&mut self, index: u32) -> bool {
        self.target(index).is_some_and(|target| self.tried.contains(target.index))
    }
}
