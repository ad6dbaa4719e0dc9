//! An instance as everybody sees it: its task's other end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use equipoise_target::{Endpoint, ScalingGroupName};
use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::census::{Census, Member};
use super::cgroup::Cgroup;
use super::leader::Identity;
use super::meter::Meter;
use crate::InstanceId;
use crate::provider::{Found, Handle, Launched};

/// An instance that runs, or ran a moment ago.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) instance: InstanceId,
    pub(super) owner: Arc<str>,
    pub(super) group: ScalingGroupName,
    pub(super) handle: Handle,
    pub(super) identity: Identity,
    pub(super) address: Endpoint,
    pub(super) log: PathBuf,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) meter: Mutex<Meter>,
    /// Its processes when somebody last looked.
    pub(super) known: Mutex<HashSet<Identity>>,
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) stage: watch::Receiver<Stage>,
}

/// How an instance ended.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) reason: String,
    /// Its last lines.
    pub(super) lines: Vec<String>,
}

/// Where an instance is on its way out.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// It runs; how often it withstood being killed.
    Here(u32),
    /// Nothing of it is left.
    Gone(Arc<Gone>),
}

impl Stage {
    fn withstood(&self) -> u32 {
        match self {
            Self::Here(times) => *times,
            Self::Gone(_) => 0,
        }
    }
}

/// Asks an instance to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) signal: Signal,
    pub(super) deadline: Instant,
}

/// It hangs in the kernel, or may not be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Withstood;

impl Entry {
    /// Its processes in a census, zombies included.
    pub(super) fn members(&self, census: &Census) -> Vec<Member> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let members = census.members(self.instance.as_str(), &self.owner, self.identity.pid, &known);
        *known = members.iter().map(|member| member.identity).collect();
        members
    }

    /// Whether its task still runs.
    pub(super) fn is_kept(&self) -> bool {
        !self.orders.is_closed()
    }

    pub(super) fn belongs_to(&self, group: &str, owner: &str) -> bool {
        self.group.as_str() == group && &*self.owner == owner
    }

    pub(super) fn launched(&self) -> Launched {
        Launched { handle: self.handle.clone(), address: self.address }
    }

    pub(super) fn found(&self) -> Found {
        Found { instance: self.instance.clone(), launched: self.launched() }
    }

    /// Asks it to end, without waiting.
    pub(super) fn order(&self, signal: Signal, within: Duration) {
        // A day is beyond every setting, and no deadline overflows.
        let deadline = Instant::now() + within.min(Duration::from_secs(86_400));
        let _ = self.orders.send(Order { signal, deadline });
    }

    /// Completes when nothing of it is left. `None` when its task ended first, with the runtime that it ran on.
    pub(super) async fn gone(&self) -> Option<Arc<Gone>> {
        let mut stage = self.stage.clone();
        let stage = stage.wait_for(|stage| matches!(stage, Stage::Gone(_))).await.ok()?;
        match &*stage {
            Stage::Gone(gone) => Some(Arc::clone(gone)),
            Stage::Here(_) => None,
        }
    }

    /// Asks it to end and waits until it is gone. Who drops this does not take the order back.
    pub(super) async fn stop(&self, signal: Signal, within: Duration) -> Result<(), Withstood> {
        let mut stage = self.stage.clone();
        let before = stage.borrow_and_update().withstood();
        self.order(signal, within);
        let over = stage.wait_for(|stage| matches!(stage, Stage::Gone(_)) || stage.withstood() > before);
        match over.await.as_deref() {
            Ok(Stage::Here(_)) => Err(Withstood),
            Ok(Stage::Gone(_)) | Err(_) => Ok(()),
        }
    }
}
