//! Ports of instances: on one machine no two can have the same, so each scaling group gets a range.

use super::{Context, LISTENER, TARGET_GROUP};
use crate::view::whole;

const WIDTH: u32 = 100;

/// Ranges and ports that are taken.
#[derive(Debug)]
pub(super) struct Ports {
    /// First and last.
    taken: Vec<(u32, u32)>,
}

impl Ports {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let listeners = context.world.of_kind(LISTENER).filter_map(|listener| context.peek(listener, "port"));
        let taken = listeners.filter_map(|port| whole(port.as_number()?)).map(|port| (port, port)).collect();
        Self { taken }
    }

    /// A range for so many instances, from `near` on where that is free.
    pub(super) fn range(&mut self, near: Option<u32>, instances: u32) -> String {
        // A refresh starts the new one before the old one ends, and a port rests after its use.
        let width = instances.saturating_mul(3).clamp(WIDTH, 20_000);
        let first = near.filter(|port| (1024..=60_000).contains(port)).unwrap_or(8000);
        let free = |first: &u32| self.taken.iter().all(|(from, to)| *to < *first || *from > first + width - 1);
        let wide = |first: &u32| first + width - 1 <= 65_535;
        let start = (first..=65_535).step_by(WIDTH as usize).chain((1024..first).step_by(WIDTH as usize));
        let first = start.into_iter().filter(wide).find(free).unwrap_or(1024);
        self.taken.push((first, first + width - 1));
        format!("{first}-{}", first + width - 1)
    }
}

/// The port of the target group that a scaling group fills.
pub(super) fn of_group(context: &Context<'_>, address: &str) -> Option<u32> {
    let group = context.fills.get(address).filter(|group| group.kind == TARGET_GROUP)?;
    whole(context.peek(group, "port")?.as_number()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_start_near_the_port_and_do_not_meet() {
        let mut ports = Ports { taken: vec![(6400, 6400)] };
        assert_eq!(ports.range(Some(6400), 4), "6500-6599");
        assert_eq!(ports.range(Some(6500), 4), "6600-6699");
        assert_eq!(ports.range(Some(80), 4), "8000-8099");
        assert_eq!(ports.range(None, 100), "8100-8399");
    }
}
