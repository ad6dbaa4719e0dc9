//! Instances in reserve: started and healthy, outside of the target group.

use super::Group;
use super::capacity::count;
use super::member::Step;
use crate::fleet::Turn;
use crate::{Effect, InstanceId, Process};

impl Group {
    /// Takes one out of the warm pool into service: one that waits, or else one that is on its way. Whether there was one.
    pub(super) fn take_from_pool(&mut self, cause: &str, turn: &mut Turn<'_>) -> bool {
        if let Some(at) = self.members.iter().position(|member| *member.step() == Step::Waiting) {
            let id = self.claim(at);
            self.open(Some(&id), format!("Taking instance {id} from the warm pool"), cause.to_owned(), turn);
            self.join_or_hold(at, turn);
            return true;
        }
        let on_the_way = self.members.iter().position(|member| member.is_of_pool() && !member.is_ending());
        on_the_way.map(|at| self.claim(at)).is_some()
    }

    /// From now on it counts as capacity, also as one that a refresh is to replace.
    fn claim(&mut self, at: usize) -> InstanceId {
        let instance = &mut self.members[at].instance;
        instance.pooled = false;
        self.changed = true;
        if let Some(refresh) = self.refresh.as_mut().filter(|refresh| refresh.old.contains(&instance.id)) {
            refresh.total += 1;
        }
        instance.id.clone()
    }

    /// Returns one in service to the warm pool, where that is wanted and there is room.
    pub(super) fn return_to_pool(&mut self, at: usize, cause: &str, turn: &mut Turn<'_>) -> bool {
        let Some(pool) = self.settings.warm_pool.filter(|pool| pool.reuse) else { return false };
        let ready = |step: &Step| matches!(step, Step::Waiting | Step::Leaving);
        let there = self.members.iter().filter(|member| member.is_of_pool() && ready(member.step())).count();
        let member = &mut self.members[at];
        if !member.serves() || member.instance.template != self.versions.present() || count(there) >= pool.size {
            return false;
        }
        member.instance.pooled = true;
        member.enter(Step::Leaving, None, turn.now);
        let id = member.instance.id.clone();
        self.open(Some(&id), format!("Returning instance {id} to the warm pool"), cause.to_owned(), turn);
        turn.effects.push(Effect::Leave { group: self.name.clone(), instance: id });
        true
    }

    /// Brings the warm pool to its size.
    pub(super) fn fill_pool(&mut self, turn: &mut Turn<'_>) {
        let size = self.settings.warm_pool.map_or(0, |pool| pool.size);
        let there = count(self.members.iter().filter(|member| member.is_of_pool()).count());
        let cause = |how: &str| {
            format!("At {} {how} in response to a difference between size and instances of the warm pool.", turn.now)
        };
        let (more, less) = (cause("an instance was started"), cause("an instance was taken out"));
        for _ in there..size {
            if !self.allows(Process::Launch) || self.active() < self.target() || !self.may_launch(turn.now) {
                break;
            }
            self.launch(true, more.clone(), turn);
        }
        for _ in size..there {
            let Some(at) = self.surplus().filter(|_| self.allows(Process::Terminate)) else { break };
            self.terminate(at, less.clone(), turn);
        }
    }

    /// Who leaves the pool first: those who are not ready, and of these the oldest template's oldest.
    fn surplus(&self) -> Option<usize> {
        let pool = self.members.iter().enumerate().filter(|(_, member)| member.is_of_pool() && !member.is_ending());
        pool.min_by_key(|(_, member)| (*member.step() == Step::Waiting, member.instance.template)).map(|(at, _)| at)
    }
}
