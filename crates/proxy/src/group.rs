//! A target group as the data plane sees it: how it balances, and what holds for requests to it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use equipoise_balance::{PickRequest, Picker};
use equipoise_target::{Endpoint, GroupName, Snapshot, Target, TargetIndex};

use crate::limit::tally::Tally;
use crate::{Breaker, GroupLimits, Hedge, Transport};

/// What holds for requests to a target group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSettings {
    /// How long to wait for targets.
    pub timeouts: GroupTimeouts,
    /// What is tried again.
    pub retry: Retry,
    /// Connections that are kept open to targets.
    pub pool: PoolSettings,
    /// How connections to targets are made.
    pub transport: Transport,
    /// How much the group takes at a time.
    pub limits: GroupLimits,
    /// When targets are left alone because their requests fail; `None` for never.
    pub breaker: Option<Breaker>,
    /// When a request that is not answered is sent to another target too; `None` for never.
    pub hedge: Option<Hedge>,
}

/// How long to wait for targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupTimeouts {
    /// Until a connection is established.
    pub connect: Duration,
    /// From the end of the request to the end of the response's head.
    pub first_byte: Duration,
    /// From the beginning of an attempt to the end of the response's head, but not while the client owes a part of its
    /// body; `None` for no limit. What takes longer is tried elsewhere, if it may be.
    pub per_try: Option<Duration>,
    /// Without progress in the response's body.
    pub idle: Duration,
    /// From the first byte of the request to the last of the response, over all attempts; `None` for no limit.
    pub total: Option<Duration>,
    /// Without progress in a tunnel or in a stream of events.
    pub stream_idle: Duration,
    /// From the response's head to its last byte, or the life of a tunnel; `None` for no limit.
    pub stream: Option<Duration>,
}

impl Default for GroupTimeouts {
    /// 5 s to connect, 60 s to the head, 60 s without progress, 5 min in tunnels and streams of events, no limit in all.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            per_try: None,
            idle: Duration::from_secs(60),
            total: None,
            stream_idle: Duration::from_secs(5 * 60),
            stream: None,
        }
    }
}

/// What is tried again on another target.
///
/// A request that never reached a target is always eligible; one that may have reached it only when its method is
/// idempotent (RFC 9110 section 9.2.2) and it has no body. A retry of what a target has seen is paid from the budget, so
/// that a failing group is not buried under its own retries; a retry of what nobody has seen is free.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Attempts after the first one.
    pub attempts: u8,
    /// Retries that requests earn, in percent of their number.
    pub budget_percent: u8,
    /// Retries per second that are always allowed, over all workers.
    pub budget_minimum: u32,
    /// Statuses of a response that count as a failed attempt, such as 503. None by default.
    pub statuses: Vec<u16>,
    /// Failures without a response that are tried again. An attempt that took longer than `per_try` always is.
    pub on: Vec<RetryOn>,
    /// Also tries again what is not idempotent. It must still have no body, since that can be sent only once.
    pub non_idempotent: bool,
    /// How long to wait at most before the first retry that the budget pays for: a random part of this, of twice as much
    /// before the second, and so on. Zero for not at all.
    pub backoff: Duration,
    /// Longest wait before a retry.
    pub max_backoff: Duration,
}

/// A failure without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection could be made.
    ConnectFailure,
    /// The connection ended before the response's head.
    Reset,
    /// The response's head did not come in time.
    Timeout,
    /// What came is not HTTP, or must not be passed on.
    BadResponse,
}

impl Default for Retry {
    /// Two more attempts; 20 % of the requests and 10 a second; connections that cannot be made or end early, no statuses;
    /// up to 25 ms before the first, 250 ms before a later one.
    fn default() -> Self {
        Self {
            attempts: 2,
            budget_percent: 20,
            budget_minimum: 10,
            statuses: Vec::new(),
            on: vec![RetryOn::ConnectFailure, RetryOn::Reset],
            non_idempotent: false,
            backoff: Duration::from_millis(25),
            max_backoff: Duration::from_millis(250),
        }
    }
}

/// Connections that are kept open to each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// How long a connection waits for its next request. Keep it below the keep-alive time-out of the targets.
    pub idle_timeout: Duration,
    /// How many wait, for each target and worker.
    pub max_idle: usize,
}

impl Default for PoolSettings {
    /// 4 s (common targets give up after 5 s), 256 connections.
    fn default() -> Self {
        Self { idle_timeout: Duration::from_secs(4), max_idle: 256 }
    }
}

/// Members and the picker that was built for them, replaced together.
#[derive(Debug)]
pub(crate) struct Balance {
    pub(crate) snapshot: Snapshot,
    picker: Arc<dyn Picker>,
}

impl Balance {
    pub(crate) fn pick(&self, request: &mut PickRequest<'_>) -> Option<(TargetIndex, &Arc<Target>)> {
        let index = self.picker.pick(&self.snapshot, request)?;
        Some((index, self.target(index)?))
    }

    /// The target at `address`, if it is an available member.
    pub(crate) fn available(&self, address: Endpoint) -> Option<(TargetIndex, &Arc<Target>)> {
        let found = self.snapshot.available().find(|(_, member, _)| member.target.address() == address);
        found.map(|(index, member, _)| (index, &member.target))
    }

    /// The position of the member at `address`.
    pub(crate) fn index(&self, address: Endpoint) -> Option<TargetIndex> {
        let found = self.snapshot.membership().iter().find(|(_, member)| member.target.address() == address);
        found.map(|(index, _)| index)
    }

    fn target(&self, index: TargetIndex) -> Option<&Arc<Target>> {
        self.snapshot.membership().member(index).map(|member| &member.target)
    }
}

/// A target group: its settings, and who of its members takes requests now.
#[derive(Debug)]
pub struct Group {
    name: GroupName,
    settings: GroupSettings,
    balance: ArcSwap<Balance>,
    /// Taken over from the group of the same name in the generation before.
    tally: OnceLock<Arc<Tally>>,
    /// Held while a new picker is made, so that two publishers cannot overtake each other. Never on the request path.
    publishing: Mutex<()>,
}

impl Group {
    /// A group whose `picker` was built for `snapshot`.
    #[must_use]
    pub fn new(name: GroupName, settings: GroupSettings, snapshot: Snapshot, picker: Arc<dyn Picker>) -> Self {
        let balance = ArcSwap::from_pointee(Balance { snapshot, picker });
        Self { name, settings, balance, tally: OnceLock::new(), publishing: Mutex::new(()) }
    }

    /// The same group in the next generation, balanced by the same algorithm: its picker is refreshed rather than built
    /// anew, so that round robin goes on where it was and a hash table that still fits is kept.
    #[must_use]
    pub fn successor(&self, settings: GroupSettings, snapshot: Snapshot) -> Self {
        let picker = self.balance.load().picker.refresh(&snapshot);
        Self::new(self.name.clone(), settings, snapshot, picker)
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &GroupName {
        &self.name
    }

    /// What holds for requests to the group.
    #[must_use]
    pub fn settings(&self) -> &GroupSettings {
        &self.settings
    }

    /// Members and their availability as the next pick sees them.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.balance.load().snapshot.clone()
    }

    /// Requests that wait for a place at a target.
    #[must_use]
    pub fn queue_length(&self) -> usize {
        self.tally().line.len()
    }

    /// Makes `snapshot` what the next pick sees, with a picker refreshed for it. Requests that already have their
    /// target keep it.
    pub fn publish(&self, snapshot: Snapshot) {
        // The guarded value is empty: nothing can be half changed by a panic.
        let _turn = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let picker = self.balance.load().picker.refresh(&snapshot);
        self.balance.store(Arc::new(Balance { snapshot, picker }));
    }

    /// Goes on with the counts of the group that had this name before.
    pub(crate) fn follows(&self, earlier: Option<&Self>) {
        if let Some(earlier) = earlier {
            // A group that serves already has its counts, which are these.
            let _ = self.tally.set(Arc::clone(earlier.tally()));
        }
    }

    /// What all workers count of the group together.
    pub(crate) fn tally(&self) -> &Arc<Tally> {
        self.tally.get_or_init(Arc::default)
    }

    /// Whether a target may be unable to take a request although it is available.
    pub(crate) fn is_gated(&self) -> bool {
        self.settings.breaker.is_some() || self.settings.limits.is_limited()
    }

    pub(crate) fn balance(&self) -> arc_swap::Guard<Arc<Balance>> {
        self.balance.load()
    }
}
