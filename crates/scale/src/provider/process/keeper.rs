//! One task for each instance: it waits for the instance's end, stops it when asked to, and sees to it that nothing of it is
//! left. Nobody else signals or reaps, so a process id is never used after it became somebody else's.
//!
//! ```text
//! kept ──order──▶ signalled ──all ended, or deadline──▶ swept ──▶ gone
//!   └──────────────────────leader ended──────────────────▶┘
//! ```

use std::sync::{Arc, Mutex};
use std::time::Duration;

use equipoise_target::{Endpoint, ScalingGroupName};
use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::census::{Census, Member};
use super::cgroup::Cgroup;
use super::entry::{Entry, Gone, Order, Stage};
use super::leader::{Leader, reap};
use super::ports::Reservation;
use super::record::Files;
use super::{log, roll};
use crate::InstanceId;
use crate::provider::Handle;

/// How often a log is looked at for its length.
const TRIM: Duration = Duration::from_secs(1);
/// How long to wait between looks at processes that are to end.
const LOOK: Duration = Duration::from_millis(20);
/// How long a killed process may take to be gone: beyond it, it hangs in the kernel.
const KILL: Duration = Duration::from_secs(10);
/// How many of the last lines are told with the reason.
const TOLD: usize = 5;
/// How many are remembered of an instance that is gone.
const REMEMBERED: usize = 100;

/// What is to be kept.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) instance: InstanceId,
    pub(super) owner: Arc<str>,
    pub(super) group: ScalingGroupName,
    pub(super) leader: Leader,
    pub(super) address: Endpoint,
    pub(super) files: Files,
    /// Given back when nothing is left that could listen on it.
    pub(super) port: Reservation,
    pub(super) cgroup: Option<Cgroup>,
}

/// Keeps an instance from now on. In a runtime only.
pub(super) fn keep(charge: Charge) -> Arc<Entry> {
    let (orders, received) = mpsc::unbounded_channel();
    let (stage, watched) = watch::channel(Stage::Here(0));
    let identity = charge.leader.identity();
    let entry = Arc::new(Entry {
        log: charge.files.log(&charge.instance),
        instance: charge.instance,
        owner: charge.owner,
        group: charge.group,
        handle: Handle(identity.to_string().into()),
        identity,
        address: charge.address,
        cgroup: charge.cgroup,
        meter: Mutex::default(),
        known: Mutex::default(),
        orders,
        stage: watched,
    });
    let (leader, files, port) = (charge.leader, charge.files, charge.port);
    let keeper = Keeper { entry: Arc::clone(&entry), leader, files, port, orders: received, stage };
    tokio::spawn(keeper.run());
    entry
}

struct Keeper {
    entry: Arc<Entry>,
    leader: Leader,
    files: Files,
    port: Reservation,
    orders: mpsc::UnboundedReceiver<Order>,
    stage: watch::Sender<Stage>,
}

impl Keeper {
    async fn run(mut self) {
        let mut asked = false;
        let mut withstood = 0;
        let mut cut = 0;
        let mut tick = interval(TRIM);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.leader.ended() => break,
                Some(order) = self.orders.recv() => {
                    asked = true;
                    if self.stop(order).await {
                        break;
                    }
                    withstood += 1;
                    self.stage.send_replace(Stage::Here(withstood));
                }
                _ = tick.tick() => log::trim(&self.entry.log, &mut cut),
            }
        }
        self.finish(asked).await;
    }

    /// Whether nothing is left.
    async fn stop(&mut self, order: Order) -> bool {
        // While the leader is there, it is known whose children its children are.
        others(&self.entry).await;
        if order.signal != Signal::KILL {
            self.leader.signal_group(order.signal);
            if self.leaves_by(order.deadline).await {
                return true;
            }
        }
        sweep(&self.leader, &self.entry).await
    }

    /// Whether everything ends in time by itself. What the leader leaves behind may still be at work, as behind a shell.
    /// Another order can bring the deadline forward.
    async fn leaves_by(&mut self, mut deadline: Instant) -> bool {
        loop {
            tokio::select! {
                () = left(&self.leader, &self.entry) => return true,
                Some(order) = self.orders.recv() => {
                    deadline = deadline.min(order.deadline);
                    if order.signal == Signal::KILL {
                        return false;
                    }
                }
                () = sleep_until(deadline) => return false,
            }
        }
    }

    async fn finish(self, asked: bool) {
        let outcome = self.leader.outcome();
        let behind = others(&self.entry).await.len();
        let swept = behind == 0 || sweep(&self.leader, &self.entry).await;
        self.leader.reap();
        let lines = log::tail(&self.entry.log, REMEMBERED);
        let mut reason = outcome.unwrap_or_else(|| "ended; how is known to the program that started it".to_owned());
        if behind > 0 && !asked {
            reason.push_str(&left_behind(behind, swept));
        }
        if !asked && !lines.is_empty() {
            reason.push_str("; last lines: ");
            reason.push_str(&lines[lines.len().saturating_sub(TOLD)..].join(" | "));
        }
        self.files.remove(&self.entry.instance);
        if let Some(cgroup) = &self.entry.cgroup {
            cgroup.remove();
        }
        drop(self.port);
        let gone = Arc::new(Gone { reason, lines });
        roll::leave(&self.entry, &gone);
        self.stage.send_replace(Stage::Gone(gone));
    }
}

fn left_behind(processes: usize, swept: bool) -> String {
    let what = if processes == 1 { "1 process".to_owned() } else { format!("{processes} processes") };
    let done = if swept { "killed" } else { "impossible to kill" };
    format!("; it left {what} behind, now {done}: an instance stays in the foreground")
}

/// Completes when neither the leader nor anything that it started is there.
async fn left(leader: &Leader, entry: &Entry) {
    leader.ended().await;
    while !others(entry).await.is_empty() {
        sleep(LOOK).await;
    }
}

/// Kills until nothing is left: what is killed may have forked a moment before.
async fn sweep(leader: &Leader, entry: &Entry) -> bool {
    let until = Instant::now() + KILL;
    loop {
        if let Some(cgroup) = &entry.cgroup {
            cgroup.kill();
        }
        leader.signal_group(Signal::KILL);
        for member in others(entry).await {
            member.identity.signal(Signal::KILL);
        }
        let ended = timeout(LOOK, leader.ended()).await.is_ok();
        if ended && others(entry).await.is_empty() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
    }
}

/// What there is of an instance beside its leader. What ended and fell to this program, as it does to the first process of
/// a container, is let go of.
async fn others(entry: &Entry) -> Vec<Member> {
    let census = Census::now().await;
    let mut members = entry.members(&census);
    let us = rustix::process::getpid().as_raw_nonzero().get();
    members.retain(|member| {
        let other = member.identity.pid != entry.identity.pid;
        if other && member.stat.zombie && member.stat.parent == us {
            reap(member.identity.pid);
        }
        other && !member.stat.zombie
    });
    members
}
