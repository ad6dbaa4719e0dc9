//! Limits, breakers, retries and rate limits: from words to settings.

use std::num::NonZeroU32;

use equipoise_config as config;
use equipoise_proxy::{Breaker, GroupLimits, Hedge, Queue, RateKey, RateLimit, Retry, RetryOn};
use equipoise_target::CircuitTerms;

pub(super) fn retry(described: &config::Retry) -> Retry {
    let condition = |on: &config::RetryOn| match on {
        config::RetryOn::ConnectFailure => Some(RetryOn::ConnectFailure),
        config::RetryOn::Reset => Some(RetryOn::Reset),
        config::RetryOn::Timeout => Some(RetryOn::Timeout),
        config::RetryOn::BadResponse => Some(RetryOn::BadResponse),
        // Statuses, which stand elsewhere.
        config::RetryOn::GatewayError | config::RetryOn::ServerError | config::RetryOn::Status(_) => None,
    };
    Retry {
        attempts: described.attempts,
        budget_percent: described.budget_percent,
        budget_minimum: described.budget_minimum,
        statuses: described.all_statuses(),
        on: described.on.iter().filter_map(condition).collect(),
        non_idempotent: described.non_idempotent,
        backoff: described.backoff,
        max_backoff: described.max_backoff,
    }
}

pub(super) fn limits(described: config::GroupLimits) -> GroupLimits {
    let config::GroupLimits { requests_per_target, requests, queue } = described;
    GroupLimits { requests_per_target, requests, queue: Queue { length: queue.length, wait: queue.wait } }
}

pub(super) fn breaker(described: &config::TargetGroup) -> Option<Breaker> {
    let breaker = described.circuit_breaker?;
    let terms = CircuitTerms {
        consecutive_failures: NonZeroU32::new(breaker.consecutive_failures),
        failure_percent: (breaker.failure_percent > 0).then_some(breaker.failure_percent),
        window: breaker.window,
        min_requests: breaker.min_requests,
        open_time: breaker.open_time,
        max_open_time: breaker.max_open_time,
        probes: breaker.probes,
    };
    Some(Breaker { terms, max_open_percent: breaker.max_open_percent, fail_open: described.fail_open })
}

pub(super) fn hedge(described: config::Hedge) -> Hedge {
    Hedge { after: described.after, attempts: described.attempts }
}

pub(super) fn rate_limit(described: &config::RateLimit) -> RateLimit {
    let (name, key) = match &described.key {
        config::RateKey::Source => ("source", RateKey::Source),
        config::RateKey::Header(name) => (name.as_str(), RateKey::Header(name.clone())),
        config::RateKey::Listener => ("listener", RateKey::Listener),
    };
    RateLimit {
        name: name.to_owned(),
        when: described.when.clone(),
        key,
        rate: described.rate,
        per: described.per,
        burst: described.burst.unwrap_or(described.rate),
        keys: described.keys,
    }
}
