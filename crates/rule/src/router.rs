//! A routing decision made by code: a plugin, or native code of an embedding program.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use equipoise_target::{Endpoint, GroupName, PluginName};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, Uri};

/// Decides about one request by code.
pub trait Router: fmt::Debug + Send + Sync {
    /// The decision for the request. Synchronous and bounded in time by the implementation; a failure inside has been
    /// turned into the declared fallback before it gets here.
    ///
    /// `head` may be taken apart while the implementation works and must be whole again on return; edits are
    /// *returned*, not made in place, so that the same checks apply to whatever any router asks for.
    fn route(&self, head: &mut Parts, client: IpAddr) -> Decision;
}

/// What a router wants done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// Where the request goes.
    pub verdict: Verdict,
    /// Changes to the request's header fields, in order, applied before it is forwarded.
    pub request_edits: Vec<HeaderEdit>,
    /// Changes to the response's header fields, in order.
    pub response_edits: Vec<HeaderEdit>,
    /// Path and query to forward instead of the request's own.
    pub rewrite_path: Option<Uri>,
    /// Host to forward instead of the request's own.
    pub rewrite_host: Option<HeaderValue>,
}

/// Where a request goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Verdict {
    /// The rule's own action, or the next rule when it has none.
    #[default]
    Continue,
    /// To a target group, which picks the target.
    Forward(GroupName),
    /// To one target of a group; refused with 503 when it is not an available member.
    ForwardTo(GroupName, Endpoint),
    /// Answered with a redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: StatusCode,
        /// Value of `Location`.
        location: HeaderValue,
    },
    /// Answered from here.
    Respond {
        /// Status of the answer.
        status: StatusCode,
        /// Header fields of the answer.
        headers: Vec<(HeaderName, HeaderValue)>,
        /// The whole body.
        body: Bytes,
    },
    /// Refused with 503: the router failed and its declared fallback is to refuse.
    Refuse,
}

/// One change to header fields.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderEdit {
    /// Replaces every field of this name by one.
    Set(HeaderName, HeaderValue),
    /// Adds a field beside those of the same name.
    Add(HeaderName, HeaderValue),
    /// Removes every field of this name.
    Remove(HeaderName),
}

/// Where routers come from: plugins and native code of an embedding program. Handed in by whoever assembles the
/// program, so that no policy crate learns of WebAssembly.
pub trait RouterSource {
    /// The router of the plugin `name`; `None` when there is none of that name.
    fn router(&self, name: &PluginName) -> Option<Arc<dyn Router>>;
}
