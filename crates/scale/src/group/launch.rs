//! From an instance's name to its service.

use std::time::Duration;

use equipoise_target::HookName;

use super::Group;
use super::member::{Member, Step};
use crate::fleet::Turn;
use crate::provider::Launched;
use crate::{ActivityStatus, Effect, HookMoment, Instance, Lifecycle, Process};

/// A provider that has not started an instance in this time never will.
const LAUNCH_LIMIT: Duration = Duration::from_secs(60 * 60);
/// How many launches the usual time from launch to service is taken of.
pub(super) const BOOTS: usize = 8;

impl Group {
    /// Asks for an instance.
    pub(super) fn launch(&mut self, pooled: bool, cause: String, turn: &mut Turn<'_>) {
        let (id, template) = (turn.instance(), self.versions.present());
        let instance = Instance {
            id: id.clone(),
            lifecycle: Lifecycle::Pending,
            since: turn.now,
            launched: turn.now,
            template,
            address: None,
            handle: None,
            protected: self.settings.protect_from_scale_in,
            pooled,
            unhealthy: None,
        };
        let mut member = Member::new(instance, Step::Launching);
        member.due = Some(turn.now.after(LAUNCH_LIMIT));
        self.members.push(member);
        let whereto = if pooled { " into the warm pool" } else { "" };
        self.open(Some(&id), format!("Launching instance {id}{whereto}"), cause, turn);
        turn.effects.push(Effect::Launch { group: self.name.clone(), instance: id, template });
    }

    /// It runs.
    pub(super) fn launched(&mut self, at: usize, launched: Launched, turn: &mut Turn<'_>) {
        let instance = &mut self.members[at].instance;
        instance.handle = Some(launched.handle);
        instance.address = Some(launched.address);
        if *self.members[at].step() == Step::Launching {
            let hooks = self.hooks(HookMoment::Launching);
            self.run_launch_hooks(at, hooks, turn);
        }
    }

    /// It could not be started: nothing of it is left.
    pub(super) fn launch_failed(&mut self, at: usize, reason: &str, turn: &mut Turn<'_>) {
        match self.members[at].step() {
            Step::Launching => {
                self.count_failure(at, reason, turn.now);
                let member = self.remove(at);
                let message = format!("{reason}{}", self.back_off.outlook());
                self.close(&member.instance.id, ActivityStatus::Failed, Some(message), turn);
            }
            // It was given up already, and the provider had nothing to stop.
            Step::Stopping => self.stopped(at, turn),
            _ => {}
        }
    }

    /// Names of the hooks of a moment, in their order.
    pub(super) fn hooks(&self, on: HookMoment) -> Vec<HookName> {
        self.settings.hook.iter().filter(|(_, hook)| hook.on == on).map(|(name, _)| name.clone()).collect()
    }

    fn run_launch_hooks(&mut self, at: usize, hooks: Vec<HookName>, turn: &mut Turn<'_>) {
        match hooks.first() {
            Some(hook) => {
                self.run_hook(at, hook.clone(), turn);
                self.members[at].enter(Step::LaunchHooks(hooks), None, turn.now);
            }
            None => self.check(at, turn),
        }
    }

    pub(super) fn run_hook(&mut self, at: usize, hook: HookName, turn: &mut Turn<'_>) {
        let instance = self.members[at].instance.id.clone();
        turn.effects.push(Effect::Hook { group: self.name.clone(), instance, hook });
    }

    /// A hook has ended.
    pub(super) fn hooked(&mut self, at: usize, hook: &HookName, failure: Option<String>, turn: &mut Turn<'_>) {
        let abandon = self.settings.hook.get(hook).is_some_and(|hook| hook.abandon);
        let failure = failure.map(|failure| format!("hook `{hook}` failed: {failure}"));
        let step = self.members[at].step().clone();
        match step {
            Step::LaunchHooks(hooks) if hooks.first() == Some(hook) => match failure {
                Some(failure) if abandon => self.fail(at, &failure, turn),
                failure => {
                    self.remark_hook(at, failure, turn);
                    self.run_launch_hooks(at, hooks[1..].to_vec(), turn);
                }
            },
            Step::EndHooks(hooks) if hooks.first() == Some(hook) => {
                self.remark_hook(at, failure, turn);
                self.run_end_hooks(at, hooks[1..].to_vec(), turn);
            }
            _ => {}
        }
    }

    fn remark_hook(&mut self, at: usize, failure: Option<String>, turn: &mut Turn<'_>) {
        let id = self.members[at].instance.id.clone();
        if let Some(failure) = failure {
            self.remark(&id, failure, turn);
        }
    }

    /// Has it looked at until it passes. The time that it has for that counts from now: hooks have time of their own.
    pub(super) fn check(&mut self, at: usize, turn: &mut Turn<'_>) {
        let due = turn.now.after(self.grace(at));
        self.members[at].enter(Step::Checking, Some(due), turn.now);
        let instance = self.members[at].instance.id.clone();
        turn.effects.push(Effect::Check { group: self.name.clone(), instance });
    }

    /// How long an instance has to pass its first check.
    pub(super) fn grace(&self, at: usize) -> Duration {
        self.versions.grace(self.members[at].instance.template)
    }

    /// It passed its first check.
    pub(super) fn passed(&mut self, at: usize, turn: &mut Turn<'_>) {
        let member = &mut self.members[at];
        if *member.step() != Step::Checking {
            return;
        }
        member.instance.unhealthy = None;
        if member.instance.pooled {
            member.enter(Step::Waiting, None, turn.now);
            let id = member.instance.id.clone();
            self.close(&id, ActivityStatus::Successful, None, turn);
        } else {
            self.join_or_hold(at, turn);
        }
    }

    /// Makes it a target, unless joining is suspended.
    pub(super) fn join_or_hold(&mut self, at: usize, turn: &mut Turn<'_>) {
        let id = self.members[at].instance.id.clone();
        if !self.allows(Process::AddToTargetGroup) {
            self.members[at].enter(Step::Held, None, turn.now);
            self.remark(&id, "it passed its checks; joining the target group is suspended".to_owned(), turn);
            return;
        }
        self.members[at].enter(Step::Serving, None, turn.now);
        self.boots.truncate(BOOTS - 1);
        self.boots.insert(0, turn.now.since(self.members[at].instance.launched));
        turn.effects.push(Effect::Join { group: self.name.clone(), instance: id.clone() });
        self.close(&id, ActivityStatus::Successful, None, turn);
    }

    /// Makes those targets that waited for that.
    pub(super) fn join_held(&mut self, turn: &mut Turn<'_>) {
        if self.allows(Process::AddToTargetGroup) {
            for at in 0..self.members.len() {
                if *self.members[at].step() == Step::Held {
                    self.join_or_hold(at, turn);
                }
            }
        }
    }
}
