//! An instance with what its group must remember of it.

use equipoise_target::HookName;

use crate::{Instance, Lifecycle, Moment};

/// What is being done with an instance. What people see of it is its [`Lifecycle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The provider starts it.
    Launching,
    /// Hooks at launch are to run; the first one runs.
    LaunchHooks(Vec<HookName>),
    /// It is looked at until it passes.
    Checking,
    /// It passed, and joining is suspended.
    Held,
    /// It waits in the warm pool.
    Waiting,
    /// It is a target.
    Serving,
    /// It leaves the target group.
    Leaving,
    /// Hooks at termination are to run; the first one runs.
    EndHooks(Vec<HookName>),
    /// The provider stops it.
    Stopping,
}

impl Step {
    fn lifecycle(&self) -> Lifecycle {
        match self {
            Self::Launching | Self::LaunchHooks(_) => Lifecycle::Pending,
            Self::Checking | Self::Held => Lifecycle::Warming,
            Self::Waiting => Lifecycle::Pooled,
            Self::Serving => Lifecycle::InService,
            Self::Leaving | Self::EndHooks(_) => Lifecycle::Draining,
            Self::Stopping => Lifecycle::Stopping,
        }
    }
}

/// An instance with what its group must remember of it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its `lifecycle` and `since` follow `step`.
    pub(super) instance: Instance,
    step: Step,
    /// When patience with the present step ends.
    pub(super) due: Option<Moment>,
    /// Whether it ends because the group shrinks: nothing takes its place.
    pub(super) shrinks: bool,
    /// Whether it is to go for its health as soon as another one serves.
    pub(super) condemned: bool,
}

impl Member {
    /// A new one.
    pub(super) fn new(instance: Instance, step: Step) -> Self {
        let lifecycle = step.lifecycle();
        Self { instance: Instance { lifecycle, ..instance }, step, due: None, shrinks: false, condemned: false }
    }

    /// One that another program wrote down: what it was doing is to be begun again.
    pub(super) fn restored(instance: Instance) -> Self {
        let step = match instance.lifecycle {
            Lifecycle::Pending => Step::Launching,
            Lifecycle::Warming => Step::Checking,
            Lifecycle::Pooled => Step::Waiting,
            Lifecycle::InService => Step::Serving,
            Lifecycle::Draining => Step::Leaving,
            Lifecycle::Stopping => Step::Stopping,
        };
        Self { instance, step, due: None, shrinks: false, condemned: false }
    }

    pub(super) fn step(&self) -> &Step {
        &self.step
    }

    /// Goes on to `step`; patience with it ends at `due`.
    pub(super) fn enter(&mut self, step: Step, due: Option<Moment>, now: Moment) {
        let lifecycle = step.lifecycle();
        if self.instance.lifecycle != lifecycle {
            self.instance.since = now;
        }
        self.instance.lifecycle = lifecycle;
        self.step = step;
        self.due = due;
    }

    /// Whether it counts as capacity: it is in service or on its way there.
    pub(super) fn is_active(&self) -> bool {
        !self.instance.pooled && !self.is_ending() && !self.condemned
    }

    /// Whether it is a target that passes its checks.
    pub(super) fn serves(&self) -> bool {
        self.step == Step::Serving && self.instance.unhealthy.is_none()
    }

    /// Whether it leaves, for whatever reason.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.step, Step::Leaving | Step::EndHooks(_) | Step::Stopping)
    }

    /// Whether it belongs to the warm pool, or is on its way into it.
    pub(super) fn is_of_pool(&self) -> bool {
        self.instance.pooled && (!self.is_ending() || self.step == Step::Leaving)
    }
}
