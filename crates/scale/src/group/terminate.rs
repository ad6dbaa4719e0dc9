//! From service to nothing: out of the target group first, so that no request is lost.

use std::time::Duration;

use equipoise_target::HookName;

use super::Group;
use super::member::{Member, Step};
use crate::fleet::Turn;
use crate::{ActivityStatus, Effect, HealthSource, HookMoment, Process};

/// How long after an attempt to stop an instance the next one is.
const STOP_AGAIN: Duration = Duration::from_secs(5);

impl Group {
    /// It ended without having been asked to.
    pub(super) fn ended(&mut self, at: usize, reason: &str, turn: &mut Turn<'_>) {
        match self.members[at].step() {
            // What is left of it is stopped at the end of these anyway.
            Step::Leaving | Step::EndHooks(_) | Step::Stopping => {
                self.members[at].instance.unhealthy = Some(reason.to_owned());
            }
            Step::Serving | Step::Waiting => self.lose(at, reason, turn),
            _ => self.fail(at, reason, turn),
        }
    }

    /// Its target's checks changed their mind. While it is looked at for the first time, this is why it does not pass.
    pub(super) fn health(&mut self, at: usize, unhealthy: Option<String>) {
        let counts = self.settings.health == HealthSource::TargetGroup;
        let member = &mut self.members[at];
        if *member.step() == Step::Checking || (*member.step() == Step::Serving && counts) {
            member.instance.unhealthy = unhealthy;
        }
    }

    /// Whoever is unhealthy in service goes. The last target only does when another one serves: until then it takes what
    /// nobody else can take (a balancer that knows no healthy target tries unhealthy ones), and one is launched as if
    /// it had gone.
    pub(super) fn replace_unhealthy(&mut self, turn: &mut Turn<'_>) {
        let replaces = self.allows(Process::ReplaceUnhealthy) && self.allows(Process::Terminate);
        for at in 0..self.members.len() {
            let member = &self.members[at];
            let reason = member.instance.unhealthy.clone().filter(|_| replaces && *member.step() == Step::Serving);
            let Some(reason) = reason else {
                self.members[at].condemned = false;
                continue;
            };
            let targets = self.members.iter().filter(|member| *member.step() == Step::Serving).count();
            self.members[at].condemned = targets == 1 && self.desired > 0;
            if !self.members[at].condemned {
                self.lose(at, &format!("its health checks failed: {reason}"), turn);
            }
        }
    }

    /// One that was of use is lost.
    fn lose(&mut self, at: usize, reason: &str, turn: &mut Turn<'_>) {
        let mut outlook = String::new();
        if self.served_too_short(at, turn.now) {
            self.count_failure(at, reason, turn.now);
            outlook = self.back_off.outlook();
        }
        self.members[at].instance.unhealthy = Some(reason.to_owned());
        let cause = format!("At {} an instance was taken out of service because {reason}{outlook}.", turn.now);
        self.terminate(at, cause, turn);
    }

    /// One that was never of use is given up.
    pub(super) fn fail(&mut self, at: usize, reason: &str, turn: &mut Turn<'_>) {
        self.count_failure(at, reason, turn.now);
        let id = self.members[at].instance.id.clone();
        let message = format!("{reason}{}", self.back_off.outlook());
        self.close(&id, ActivityStatus::Failed, Some(message), turn);
        self.members[at].instance.unhealthy = Some(reason.to_owned());
        let cause = format!("At {} an instance was given up because {reason}.", turn.now);
        self.terminate(at, cause, turn);
    }

    /// Begins the end of an instance, wherever it is in its life.
    pub(super) fn terminate(&mut self, at: usize, cause: String, turn: &mut Turn<'_>) {
        let member = &mut self.members[at];
        let returned = std::mem::take(&mut member.instance.pooled);
        let id = member.instance.id.clone();
        let step = member.step().clone();
        if !member.is_ending() || returned {
            self.close(&id, ActivityStatus::Cancelled, Some("it is terminated".to_owned()), turn);
            self.open(Some(&id), format!("Terminating instance {id}"), cause, turn);
        }
        if let Some(refresh) = &mut self.refresh {
            refresh.old.remove(&id);
        }
        match step {
            Step::Serving => self.leave_target_group(at, turn),
            Step::Checking | Step::Held | Step::Waiting => {
                let hooks = self.hooks(HookMoment::Terminating);
                self.run_end_hooks(at, hooks, turn);
            }
            // Its hooks at launch are not through, so there is nothing for those at termination to undo.
            Step::Launching | Step::LaunchHooks(_) => self.stop(at, turn),
            Step::Leaving | Step::EndHooks(_) | Step::Stopping => {}
        }
        self.changed = true;
    }

    pub(super) fn leave_target_group(&mut self, at: usize, turn: &mut Turn<'_>) {
        self.members[at].enter(Step::Leaving, None, turn.now);
        let instance = self.members[at].instance.id.clone();
        turn.effects.push(Effect::Leave { group: self.name.clone(), instance });
    }

    /// Its last request has ended.
    pub(super) fn drained(&mut self, at: usize, turn: &mut Turn<'_>) {
        let member = &mut self.members[at];
        if *member.step() != Step::Leaving {
            return;
        }
        let is_present = member.instance.template == self.versions.present();
        if member.instance.pooled && member.instance.unhealthy.is_none() && is_present {
            member.enter(Step::Waiting, None, turn.now);
            let id = member.instance.id.clone();
            self.close(&id, ActivityStatus::Successful, None, turn);
            return;
        }
        member.instance.pooled = false;
        let hooks = self.hooks(HookMoment::Terminating);
        self.run_end_hooks(at, hooks, turn);
    }

    pub(super) fn run_end_hooks(&mut self, at: usize, hooks: Vec<HookName>, turn: &mut Turn<'_>) {
        match hooks.first() {
            Some(hook) => {
                self.run_hook(at, hook.clone(), turn);
                self.members[at].enter(Step::EndHooks(hooks), None, turn.now);
            }
            None => self.stop(at, turn),
        }
    }

    pub(super) fn stop(&mut self, at: usize, turn: &mut Turn<'_>) {
        self.members[at].enter(Step::Stopping, None, turn.now);
        let instance = self.members[at].instance.id.clone();
        turn.effects.push(Effect::Stop { group: self.name.clone(), instance });
    }

    /// It is gone.
    pub(super) fn stopped(&mut self, at: usize, turn: &mut Turn<'_>) {
        if *self.members[at].step() == Step::Stopping {
            let member = self.remove(at);
            self.close(&member.instance.id, ActivityStatus::Successful, None, turn);
        }
    }

    /// It could not be stopped.
    pub(super) fn stop_failed(&mut self, at: usize, reason: &str, turn: &mut Turn<'_>) {
        if *self.members[at].step() == Step::Stopping {
            let again = turn.now.after(STOP_AGAIN);
            self.members[at].enter(Step::Stopping, Some(again), turn.now);
            let id = self.members[at].instance.id.clone();
            self.remark(&id, format!("it could not be stopped, which is tried again at {again}: {reason}"), turn);
        }
    }

    pub(super) fn remove(&mut self, at: usize) -> Member {
        let member = self.members.remove(at);
        if let Some(refresh) = &mut self.refresh {
            refresh.old.remove(&member.instance.id);
        }
        member
    }

    /// Counts an instance that came to nothing: launches wait, and a refresh may be given up.
    pub(super) fn count_failure(&mut self, at: usize, reason: &str, now: crate::Moment) {
        let instance = &self.members[at].instance;
        self.back_off.failed(instance.launched, reason, now);
        if let Some(refresh) = &mut self.refresh
            && refresh.to == instance.template
            && !refresh.old.contains(&instance.id)
        {
            refresh.failures += 1;
        }
    }
}
