//! How often a client, or a listener, may ask: local rate limits.
//!
//! The rule is the generic cell rate algorithm as `governor` has it; the memory is a table of our own, of a fixed size,
//! whose entries are words that all workers share: exact over workers, without a lock, whatever clients send.

mod table;

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use ahash::RandomState;
use equipoise_rule::When;
use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};
use http::request::Parts;
use http::{HeaderName, HeaderValue};

use table::Table;

/// What requests are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateKey {
    /// The client's address, behind trusted proxies; of IPv6 the network of 64 bits, which is what one client has.
    Source,
    /// The value of a field; requests without it count by their source.
    Header(HeaderName),
    /// All requests of the listener together.
    Listener,
}

/// How often requests with the same key may come.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// Its name in the answer's `RateLimit-Policy`.
    pub name: String,
    /// Requests that are counted.
    pub when: When,
    /// What requests are counted by.
    pub key: RateKey,
    /// Requests in each `per`.
    pub rate: NonZeroU32,
    /// What the rate is measured by.
    pub per: Duration,
    /// Requests that may come at once after a time without any.
    pub burst: NonZeroU32,
    /// Keys that are told apart at a time. Of more, those whose allowance is nearly whole are forgotten.
    pub keys: usize,
}

/// The counts of one [`RateLimit`], shared by all workers.
#[derive(Debug)]
pub(crate) struct Limiter {
    settings: RateLimit,
    hasher: RandomState,
    limiter: RateLimiter<u64, Table, MonotonicClock, NoOpMiddleware<Instant>>,
}

/// A request that came too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TooOften {
    /// When the next one may come.
    pub(crate) wait: Duration,
    /// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10.
    pub(crate) policy: HeaderValue,
    pub(crate) limit: HeaderValue,
}

impl Limiter {
    pub(crate) fn new(settings: RateLimit) -> Self {
        // A key of all needs one place.
        let keys = if settings.key == RateKey::Listener { 1 } else { settings.keys };
        let each = (settings.per / settings.rate.get()).max(Duration::from_nanos(1));
        // Only a period of zero has no quota.
        let quota = Quota::with_period(each).unwrap_or_else(|| Quota::per_second(settings.rate));
        let limiter = RateLimiter::new(quota.allow_burst(settings.burst), Table::new(keys), MonotonicClock);
        Self { settings, hasher: RandomState::new(), limiter }
    }

    pub(crate) fn settings(&self) -> &RateLimit {
        &self.settings
    }

    /// Counts a request, or says that it came too early.
    pub(crate) fn admit(&self, head: &Parts, client: IpAddr) -> Result<(), TooOften> {
        if !self.settings.when.matches(head, client) {
            return Ok(());
        }
        let Err(until) = self.limiter.check_key(&self.key(head, client)) else { return Ok(()) };
        Err(self.too_often(until.wait_time_from(Instant::now())))
    }

    /// A word that stands for the key: long values cost no memory, and nobody who does not know the seed finds two that
    /// share one.
    fn key(&self, head: &Parts, client: IpAddr) -> u64 {
        let source = || self.hasher.hash_one(network(client));
        match &self.settings.key {
            RateKey::Listener => 0,
            RateKey::Source => source(),
            RateKey::Header(name) => {
                head.headers.get(name).map_or_else(source, |value| self.hasher.hash_one(value.as_bytes()))
            }
        }
    }

    fn too_often(&self, wait: Duration) -> TooOften {
        let RateLimit { name, rate, per, .. } = &self.settings;
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        let policy = value(format!("\"{name}\";q={rate};w={}", seconds(*per)));
        let limit = value(format!("\"{name}\";r=0;t={}", seconds(wait)));
        TooOften { wait, policy, limit }
    }
}

/// Whole seconds, rounded up: who waits that long comes in.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(key: RateKey, burst: u32) -> Limiter {
        let (rate, burst) = (NonZeroU32::new(1).unwrap(), NonZeroU32::new(burst).unwrap());
        Limiter::new(RateLimit {
            name: "a".into(),
            when: When::default(),
            key,
            rate,
            per: Duration::from_secs(60),
            burst,
            keys: 64,
        })
    }

    fn admitted(limiter: &Limiter, client: &str, user: Option<&str>) -> bool {
        let mut request = http::Request::new(());
        if let Some(user) = user {
            request.headers_mut().insert("x-user", user.parse().unwrap());
        }
        limiter.admit(&request.into_parts().0, client.parse().unwrap()).is_ok()
    }

    #[test]
    fn addresses_count_each_for_itself_and_ipv6_by_network() {
        let limiter = limiter(RateKey::Source, 2);
        let asked =
            |clients: &[&str]| clients.iter().map(|client| admitted(&limiter, client, None)).collect::<Vec<_>>();
        assert_eq!(asked(&["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"]), [true, true, false, true]);
        assert_eq!(asked(&["::ffff:192.0.2.1"]), [false]);
        assert_eq!(
            asked(&["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1"]),
            [true, true, false, true]
        );
    }

    #[test]
    fn a_field_counts_by_value_and_without_it_the_source_counts() {
        let limiter = limiter(RateKey::Header(HeaderName::from_static("x-user")), 1);
        let asked = [("192.0.2.1", Some("ann")), ("192.0.2.2", Some("ann")), ("192.0.2.1", Some("bob"))];
        assert_eq!(asked.map(|(client, user)| admitted(&limiter, client, user)), [true, false, true]);
        assert_eq!([(); 2].map(|()| admitted(&limiter, "192.0.2.1", None)), [true, false]);
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let limiter = limiter(RateKey::Listener, 1);
        assert!(admitted(&limiter, "192.0.2.1", None));
        let head = http::Request::new(()).into_parts().0;
        let refused = limiter.admit(&head, [192, 0, 2, 2].into()).unwrap_err();
        assert!(refused.wait > Duration::from_secs(58), "{refused:?}");
        assert_eq!(refused.policy, "\"a\";q=1;w=60");
        assert_eq!(refused.limit, "\"a\";r=0;t=60");
    }
}
