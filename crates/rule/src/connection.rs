//! Routing of whole connections and datagrams: there is no request, only who connects and what a TLS client says first.

use std::net::IpAddr;

use equipoise_target::GroupName;

use crate::action::{Action, End};
use crate::condition::When;

/// What rules see of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// Address of the client.
    pub client: IpAddr,
    /// The server name that a TLS client asked for.
    pub sni: Option<&'a str>,
    /// The protocols that a TLS client offered.
    pub alpn: &'a [Vec<u8>],
}

/// What cannot be asked of, or done with, a connection that is passed on as it is, by the key that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlyHttp(pub &'static str);

impl When {
    /// Whether the conditions hold for a connection. One that asks for something in a request never does.
    pub(crate) fn holds_for(&self, connection: &Connection<'_>) -> bool {
        self.only_http().is_none()
            && self.source.as_ref().is_none_or(|source| source.contains(connection.client))
            && self.sni.as_ref().is_none_or(|sni| sni.holds(connection))
            && self.alpn.as_ref().is_none_or(|alpn| alpn.holds(connection))
    }

    /// The first condition that asks for something in a request.
    #[must_use]
    pub fn only_http(&self) -> Option<OnlyHttp> {
        let asked = [
            (self.host.is_some(), "host"),
            (self.path.is_some(), "path"),
            (self.method.is_some(), "method"),
            (self.header.is_some(), "header"),
            (self.query.is_some(), "query"),
            (self.cookie.is_some(), "cookie"),
            (self.client_certificate.is_some(), "client-certificate"),
        ];
        asked.into_iter().find(|(asked, _)| *asked).map(|(_, key)| OnlyHttp(key))
    }

    /// The first condition that asks for something in a ClientHello.
    #[must_use]
    pub fn only_tls(&self) -> Option<&'static str> {
        let asked = [(self.sni.is_some(), "sni"), (self.alpn.is_some(), "alpn")];
        asked.into_iter().find(|(asked, _)| *asked).map(|(_, key)| key)
    }
}

impl Action {
    /// The first thing that can be done with a request alone.
    #[must_use]
    pub fn only_http(&self) -> Option<OnlyHttp> {
        let end = match &self.end {
            Some(End::Redirect(_)) => Some("redirect"),
            Some(End::Respond(_)) => Some("respond"),
            Some(End::Forward(forward)) if forward.sticky().is_some() => Some("sticky"),
            _ => None,
        };
        let asked = [
            (self.plugin.is_some(), "plugin"),
            (self.rewrite.is_some(), "rewrite"),
            (self.request_headers.is_some(), "request-headers"),
            (self.response_headers.is_some(), "response-headers"),
        ];
        let change = asked.into_iter().find(|(asked, _)| *asked).map(|(_, key)| key);
        end.or(change).map(OnlyHttp)
    }
}

impl End {
    /// The group that takes a connection; `None` when this is no way to end one.
    pub(crate) fn group(&self, random: u64) -> Option<&GroupName> {
        match self {
            Self::Forward(forward) => Some(forward.group(random)),
            Self::Redirect(_) | Self::Respond(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Routers, listener, rules};

    const TEXT: &str = r#"
        default = { forward = "rest" }
        [[rule]]
        priority = 3
        when = { sni = ["db.example.org", "*.db.example.org"], source = "10.0.0.0/8" }
        then = { forward = "db" }
        [[rule]]
        priority = 4
        when = { alpn = "h2" }
        then = { forward = [{ group = "a", weight = 1 }, { group = "b", weight = 3 }] }
        [[rule]]
        priority = 5
        when = { path = "/" }
        then = { forward = "never" }
    "#;

    #[track_caller]
    fn check(client: &str, sni: Option<&str>, alpn: &[&str], random: u64, want: (&str, &str)) {
        let rules = rules(TEXT, &Routers::default());
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let (group, rule) =
            rules.route_connection(&Connection { client: client.parse().unwrap(), sni, alpn: &alpn }, random);
        assert_eq!((group.map_or("", GroupName::as_str), rule), want);
    }

    #[test]
    fn a_server_name_and_a_source_lead_to_a_group() {
        check("10.1.2.3", Some("DB.example.org"), &[], 0, ("db", "3"));
        check("::ffff:10.1.2.3", Some("x.y.db.example.org."), &[], 0, ("db", "3"));
        check("192.0.2.1", Some("db.example.org"), &[], 0, ("rest", "default"));
        check("10.1.2.3", None, &[], 0, ("rest", "default"));
        check("10.1.2.3", Some("example.org"), &["http/1.1"], 0, ("rest", "default"));
    }

    #[test]
    fn one_offered_protocol_is_enough_and_weights_hold() {
        check("10.1.2.3", None, &["http/1.1", "h2"], 0, ("a", "4"));
        check("10.1.2.3", None, &["h2"], u64::MAX / 2, ("b", "4"));
    }

    #[test]
    fn what_only_a_request_has_is_named() {
        let document = listener(TEXT);
        let named: Vec<_> = document.rule.iter().map(|rule| rule.when.only_http()).collect();
        assert_eq!(named, [None, None, Some(OnlyHttp("path"))]);
        let action: Action = toml::from_str(
            r#"forward = "a"
            rewrite = { host = "b" }"#,
        )
        .unwrap();
        assert_eq!(action.only_http(), Some(OnlyHttp("rewrite")));
        assert_eq!(document.default.only_http(), None);
    }
}
