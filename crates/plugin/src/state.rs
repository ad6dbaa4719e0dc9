//! What the host keeps beside each instance.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise_balance::Tried;
use http::Request;
use http::request::Parts;

use crate::capability::check::CheckIo;
use crate::capability::log::LogBudget;
use crate::capability::wasi::Output;
use crate::kind::balancer::Told;
use crate::limiter::Limiter;
use crate::plugin::Identity;

/// The store's data: one for each instance, reached by host functions and by nothing else.
pub(crate) struct State {
    pub(crate) plugin: Arc<Identity>,
    pub(crate) limiter: Limiter,
    /// The request of the current call, lent by moving it in and out; `GET /` between calls.
    pub(crate) request: Parts,
    pub(crate) client: IpAddr,
    /// Balancer: the targets that the guest was told of last.
    pub(crate) told: Option<Arc<Told>>,
    /// Balancer: where the request of the current call went already.
    pub(crate) tried: Tried,
    /// Health check: the target of the current call and the way to it.
    pub(crate) check: Option<CheckIo>,
    /// Processor time when the current call reached its limit.
    pub(crate) overrun: Option<Duration>,
    pub(crate) output: Output,
    pub(crate) log: LogBudget,
    pub(crate) born: Instant,
}

impl State {
    pub(crate) fn new(plugin: Arc<Identity>) -> Self {
        plugin.stats.born();
        Self {
            limiter: Limiter::new(plugin.limits.memory),
            request: no_request(),
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            told: None,
            tried: Tried::default(),
            check: None,
            overrun: None,
            output: Output::default(),
            log: LogBudget::default(),
            born: Instant::now(),
            plugin,
        }
    }

    /// Forgets what belongs to the call before.
    pub(crate) fn begin_call(&mut self) {
        self.overrun = None;
        self.output.clear();
    }

    /// Moves the request in, or out again: no header field is copied.
    pub(crate) fn swap_request(&mut self, head: &mut Parts) {
        std::mem::swap(&mut self.request, head);
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.plugin.stats.died(self.limiter.held());
    }
}

fn no_request() -> Parts {
    Request::new(()).into_parts().0
}
