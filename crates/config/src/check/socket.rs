//! How a listener's sockets are set up, and who speaks for its clients.

use std::time::Duration;

use equipoise_target::{Endpoint, ListenerName};

use super::Checker;
use super::range::HOUR;
use crate::code::Code;
use crate::document::Listener;
use crate::finding::{At, Finding};
use crate::path::KeyPath;

const SECOND: Duration = Duration::from_secs(1);

impl Checker<'_> {
    pub(super) fn socket(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener) {
        let socket = &written.socket;
        let table = path.key("socket");
        self.number(&table, "backlog", socket.backlog, 1..=65535);
        for (key, value, most) in
            [("keep-alive", socket.keep_alive, 2 * HOUR), ("user-timeout", socket.user_timeout, HOUR)]
        {
            if !value.is_zero() {
                self.duration(&table, key, value, SECOND..=most);
            }
        }
        let is_unix = matches!(written.bind, Some(Endpoint::Unix(_)));
        let is_four = matches!(written.bind, Some(Endpoint::Ip(address)) if address.is_ipv4());
        if socket.dual_stack && (is_unix || is_four) {
            let message = format!("listener `{name}` has no IPv6 address that could take IPv4 too");
            let finding = Finding::error(Code::Conflict, At::Value(table.key("dual-stack")), message);
            self.say(finding.help("write `bind = \"[::]:80\"`, or remove `dual-stack`"));
        }
        for key in ["mode", "owner", "group", "trusted"].into_iter().filter(|_| !is_unix && written.bind.is_some()) {
            if self.origin.is_written(&table.key(key)) {
                let message = format!("`{key}` belongs to a Unix socket, and listener `{name}` is none");
                self.say(Finding::warning(Code::NoEffect, At::Value(table.key(key)), message).help("remove it"));
            }
        }
        self.networks_of_nobody(path, name, written, is_unix);
        self.proxy_protocol(path, name, written, is_unix);
        if let Some(limit) = written.limits.connections_per_source {
            self.number(&path.key("limits"), "connections-per-source", limit, 1..=1_000_000);
        }
    }

    /// A client over a Unix socket has no address that a network could hold.
    fn networks_of_nobody(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener, is_unix: bool) {
        let lists = [("allow", &written.allow), ("deny", &written.deny)];
        for (key, _) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            if is_unix && written.proxy_protocol.is_none() {
                let message = format!("clients of listener `{name}` have no address for `{key}` to speak of");
                let help = "`[listener.….socket] mode`, `owner` and `group` say who may connect to a Unix socket";
                self.say(Finding::warning(Code::NoEffect, At::Value(path.key(key)), message).help(help));
            }
        }
    }

    fn proxy_protocol(&mut self, path: &KeyPath, name: &ListenerName, written: &Listener, is_unix: bool) {
        let Some(proxy) = &written.proxy_protocol else { return };
        let path = path.key("proxy-protocol");
        let from = path.key("from");
        if proxy.from.is_empty() && !is_unix && written.bind.is_some() {
            let message = format!("listener `{name}` does not say who may announce clients");
            self.missing(
                &path,
                "from",
                message,
                "write `from = [\"10.0.0.0/8\"]` with the network of your load balancer",
            );
        }
        if !proxy.from.is_empty() && is_unix {
            let message = format!("nobody who connects to listener `{name}` has an address");
            let finding = Finding::warning(Code::NoEffect, At::Value(from.clone()), message);
            self.say(finding.help("remove it: everybody who may connect to the file counts"));
        }
        for (index, network) in proxy.from.iter().enumerate().filter(|(_, net)| net.prefix_len() == 0) {
            let at = At::Value(from.index(index));
            let message = format!("{network} is everybody: any client may claim any address");
            let help = "list the networks of your own load balancers; access lists, rules and logs rely on them";
            self.say(Finding::warning(Code::TrustsEveryone, at, message).help(help));
        }
    }
}
