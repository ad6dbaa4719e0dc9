//! What runs already when the program starts.

use super::Group;
use super::member::{Member, Step};
use crate::fleet::Turn;
use crate::provider::{Found, Launched};
use crate::{ActivityStatus, Effect, Instance, InstanceId, Lifecycle};

/// The version of instances of which nobody knows what they were started from.
const UNKNOWN: u32 = 0;

impl Group {
    /// What the provider found. The first time, everything is begun again that was under way; from then on, this program
    /// knows what it has begun itself, and only strangers and losses are news.
    pub(crate) fn adopt(&mut self, found: Vec<Found>, turn: &mut Turn<'_>) {
        let first = !std::mem::replace(&mut self.adopted, true);
        self.lose_missing(&found, first, turn);
        for Found { instance, launched } in found {
            match self.position(&instance) {
                Some(at) if first => self.resume(at, launched, turn),
                Some(_) => {}
                None => self.take_in(&instance, launched, turn),
            }
        }
        self.changed = true;
        self.settle(None, turn);
    }

    fn lose_missing(&mut self, found: &[Found], first: bool, turn: &mut Turn<'_>) {
        for at in (0..self.members.len()).rev() {
            let member = &self.members[at];
            let is_there = found.iter().any(|found| found.instance == member.instance.id);
            // Later, one whose launch or stop is under way may be in a list, or not.
            let is_news = first || !matches!(member.step(), Step::Launching | Step::Stopping);
            if !is_there && is_news {
                self.missing(at, first, turn);
            }
        }
    }

    /// One is gone, whoever made it go.
    fn missing(&mut self, at: usize, first: bool, turn: &mut Turn<'_>) {
        if !first {
            return self.ended(at, "it is gone", turn);
        }
        let member = self.remove(at);
        let id = &member.instance.id;
        match member.instance.lifecycle {
            Lifecycle::Draining | Lifecycle::Stopping => self.close(id, ActivityStatus::Successful, None, turn),
            Lifecycle::Pending | Lifecycle::Warming => {
                let message = "it was gone when the program started again".to_owned();
                self.close(id, ActivityStatus::Failed, Some(message), turn);
            }
            Lifecycle::Pooled | Lifecycle::InService => {
                let cause = format!("At {} an instance was found gone when the program started again.", turn.now);
                self.record(Some(id), format!("Terminating instance {id}"), cause, turn);
            }
        }
    }

    /// Goes on with one that another program has left.
    fn resume(&mut self, at: usize, launched: Launched, turn: &mut Turn<'_>) {
        let (group, instance) = (self.name.clone(), self.members[at].instance.id.clone());
        match self.members[at].step() {
            Step::Launching => return self.launched(at, launched, turn),
            Step::Checking => self.check(at, turn),
            Step::Serving => turn.effects.push(Effect::Join { group, instance }),
            Step::Leaving => turn.effects.push(Effect::Leave { group, instance }),
            Step::Stopping => turn.effects.push(Effect::Stop { group, instance }),
            Step::Waiting | Step::Held | Step::LaunchHooks(_) | Step::EndHooks(_) => {}
        }
        let instance = &mut self.members[at].instance;
        instance.handle = Some(launched.handle);
        instance.address = Some(launched.address);
    }

    /// Takes in one of this group that nobody remembers.
    fn take_in(&mut self, id: &InstanceId, launched: Launched, turn: &mut Turn<'_>) {
        let instance = Instance {
            id: id.clone(),
            lifecycle: Lifecycle::Pending,
            since: turn.now,
            launched: turn.now,
            template: UNKNOWN,
            address: None,
            handle: None,
            protected: self.settings.protect_from_scale_in,
            pooled: false,
            unhealthy: None,
        };
        self.members.push(Member::new(instance, Step::Launching));
        if let Some(refresh) = &mut self.refresh {
            refresh.old.insert(id.clone());
            refresh.total += 1;
        }
        let cause = format!("At {} an instance of this group was found that was not known.", turn.now);
        self.open(Some(id), format!("Adopting instance {id}"), cause, turn);
        self.launched(self.members.len() - 1, launched, turn);
    }
}
