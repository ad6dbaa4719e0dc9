//! Settings about requests where there are none: whoever wrote them believes that they hold.

use super::Checker;
use crate::code::Code;
use crate::document::{ClientLimits, ClientTimeouts, Listener, Pool, Retry, TargetGroup, TargetTimeouts};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    /// Of a listener that passes connections or datagrams on.
    pub(super) fn about_requests(&mut self, path: &KeyPath, written: &Listener) {
        if !written.rate_limit.is_empty() {
            // Not only a warning: somebody counts on it.
            let message = format!("a rate limit counts requests, and a listener of {} sees none", written.protocol);
            let finding = Finding::error(Code::Conflict, At::Key(path.key("rate-limit")), message);
            self.say(finding.help("bound connections by `limits.connections` and `limits.connections-per-source`"));
        }
        let default = Listener::default();
        let (limits, timeouts) = (path.key("limits"), path.key("timeouts"));
        let (few, soon) = (ClientLimits::default(), ClientTimeouts::default());
        let said = [
            (path.key("trusted-proxies"), written.trusted_proxies != default.trusted_proxies),
            (path.key("keep-request-id"), written.keep_request_id != default.keep_request_id),
            (path.key("normalize-path"), written.normalize_path != default.normalize_path),
            (path.key("upgrades"), written.upgrades != default.upgrades),
            (limits.key("requests"), written.limits.requests != few.requests),
            (limits.key("fields"), written.limits.fields != few.fields),
            (limits.key("head-size"), written.limits.head_size != few.head_size),
            (limits.key("uri-size"), written.limits.uri_size != few.uri_size),
            (limits.key("underscores"), written.limits.underscores != few.underscores),
            (limits.key("passes"), written.limits.passes != few.passes),
            (limits.key("body-rate"), written.limits.body_rate != few.body_rate),
            (timeouts.key("keep-alive"), written.timeouts.keep_alive != soon.keep_alive),
        ];
        self.without_effect(said, &format!("a listener of {}", written.protocol));
    }

    /// Of a group of targets that get connections or datagrams.
    pub(super) fn group_about_requests(&mut self, path: &KeyPath, written: &TargetGroup) {
        let (timeouts, retry) = (path.key("timeouts"), path.key("retry"));
        let (soon, again) = (TargetTimeouts::default(), Retry::default());
        let said = [
            (path.key("hedge"), written.hedge.is_some()),
            (path.key("pool"), written.pool != Pool::default()),
            (timeouts.key("first-byte"), written.timeouts.first_byte != soon.first_byte),
            (timeouts.key("per-try"), written.timeouts.per_try != soon.per_try),
            (timeouts.key("total"), written.timeouts.total != soon.total),
            (timeouts.key("stream-idle"), written.timeouts.stream_idle != soon.stream_idle),
            (timeouts.key("stream"), written.timeouts.stream != soon.stream),
            (retry.key("statuses"), written.retry.statuses != again.statuses),
            (retry.key("on"), written.retry.on != again.on),
            (retry.key("non-idempotent"), written.retry.non_idempotent != again.non_idempotent),
        ];
        self.without_effect(said, &format!("a group of {}", written.protocol));
    }

    fn without_effect(&mut self, said: impl IntoIterator<Item = (KeyPath, bool)>, whose: &str) {
        for (key, _) in said.into_iter().filter(|(_, said)| *said) {
            let message = format!("this is about requests, and {whose} sees none");
            self.say(Finding::warning(Code::NoEffect, At::Key(key), message).help("remove it"));
        }
    }
}
