//! Where does a request go? [`Rule`]s with conditions ([`When`]) and an [`Action`], put together as a [`RuleSet`] that
//! routes requests.
//!
//! This crate knows requests by their head and rules by what a user writes. It refuses to know sockets, target groups
//! beyond their names, plugins beyond the [`Router`] trait, clocks and sources of randomness: routing is a function of
//! the head, the client's address and one random number.
//!
//! # What happens to a request
//!
//! Rules are tried in ascending order of priority. A rule applies when all of its conditions hold. Then its router is
//! asked, if it names one, and what the router wants is done; then the rule's own rewrite and header edits are made; then
//! the request ends as the router decided, else as the rule says. A rule without an end leaves the request, as changed, to
//! the rules behind it; the default action, which always has an end, comes last.
//!
//! # Example
//!
//! ```
//! use equipoise_rule::{Action, Destination, Router, RouterSource, Rule, RuleSet};
//! use equipoise_target::PluginName;
//! use std::sync::Arc;
//!
//! #[derive(serde::Deserialize)]
//! struct Listener {
//!     default: Action,
//!     rule: Vec<Rule>,
//! }
//!
//! let listener: Listener = toml::from_str(r#"
//!     default = { forward = "todo" }
//!
//!     [[rule]]
//!     priority = 10
//!     when = { host = "*.example.org", path = ["/api/*", "/v2/*"], header = { x-beta = "1" } }
//!     then = { forward = [{ group = "todo", weight = 9 }, { group = "canary", weight = 1 }] }
//!
//!     [[rule]]
//!     priority = 20
//!     when = { path = "/old/*" }
//!     then = { redirect = { to = "https://{host}{path_and_query}", status = 301 } }
//! "#)?;
//!
//! struct NoRouters;
//! impl RouterSource for NoRouters {
//!     fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
//!         None
//!     }
//! }
//!
//! let rules = RuleSet::build(&listener.rule, &listener.default, &NoRouters)?;
//! let request = http::Request::get("/old/page?x=1").header("host", "www.example.org").body(())?;
//! let (mut head, ()) = request.into_parts();
//! let client: std::net::IpAddr = "203.0.113.7".parse()?;
//! let routed = rules.route(&mut head, client, 0);
//! assert_eq!(routed.rule, "20");
//! assert_eq!(routed.destination, Destination::Redirect {
//!     status: http::StatusCode::MOVED_PERMANENTLY,
//!     location: "https://www.example.org/old/page?x=1".parse()?,
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod action;
mod alternatives;
mod client;
mod condition;
mod connection;
mod pattern;
mod percent;
mod request;
mod routed;
mod router;
mod rule;
mod rule_set;
mod table;
#[cfg(test)]
mod testing;
mod text;

pub use action::{
    Action, EditedName, EditedNameError, End, FieldValue, FieldValueError, Forward, ForwardError, HeaderEdits,
    HostValue, PathText, Redirect, RedirectError, Replace, Respond, RespondError, Rewrite, RewriteError, SetValue,
    SetValueError, Sticky, StickyError, Template, TemplateError, Told, TwoEnds, WeightedGroup, editable,
};
pub use alternatives::{Alternatives, NoAlternative};
pub use client::{Client, ClientCertificate};
pub use condition::{
    Alpn, CertificateCondition, ClientCertificateError, Cookie, CookieName, CookieNameError, FieldName, FieldNameError,
    Fingerprint, FingerprintError, Header, Host, HostPattern, Method, MethodError, MethodName, Network, NetworkError,
    Parameter, ParameterError, Path, PathPattern, ProtocolName, ProtocolNameError, Query, Sni, Source, When,
};
pub use connection::{Connection, OnlyHttp};
pub use pattern::{Pattern, PatternError};
pub use routed::{Destination, ResponseEdits, Routed};
pub use router::{Decision, HeaderEdit, Router, RouterSource, Verdict};
pub use rule::{Problem, Rule, problems};
pub use rule_set::{BuildRulesError, RuleSet};
pub use table::{NamedTwice, Table};
