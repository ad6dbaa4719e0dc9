//! What routing answers.

use std::borrow::Cow;

use bytes::Bytes;
use equipoise_target::{Endpoint, GroupName};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::action::apply;
use crate::router::HeaderEdit;

/// The answer to one request. The request's own head has been changed already where rules wanted that.
#[derive(Debug)]
pub struct Routed<'a> {
    /// Where the request goes.
    pub destination: Destination<'a>,
    /// Changes of the response's header fields, whoever answers.
    pub response_edits: ResponseEdits<'a>,
    /// Value of a `Set-Cookie` field to be added to the response: it keeps the client at its target group.
    pub set_cookie: Option<HeaderValue>,
    /// Label of the rule that decided: its priority, or `default`.
    pub rule: &'a str,
    /// How many wishes of routers were dropped because no rule may have them: framing fields, a malformed host, too much.
    pub refused_edits: u32,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination<'a> {
    /// To a target group. A router may have named one that does not exist.
    Group(Cow<'a, GroupName>),
    /// To one target of a group, if it is an available member.
    Target(GroupName, Endpoint),
    /// Answered with a redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: StatusCode,
        /// Value of `Location`.
        location: HeaderValue,
    },
    /// Answered from here.
    Respond {
        /// 200 to 599.
        status: StatusCode,
        /// Header fields; none of them frames the message.
        headers: Cow<'a, [(HeaderName, HeaderValue)]>,
        /// The whole body.
        body: Bytes,
    },
    /// Refused with 503: a router failed and is configured to refuse then, or wanted what cannot be done.
    Refuse,
}

impl Destination<'_> {
    /// An answer with a status and nothing else.
    pub(crate) fn plain(status: StatusCode) -> Self {
        Self::Respond { status, headers: Cow::Borrowed(&[]), body: Bytes::new() }
    }
}

/// Changes of a response's header fields, in the order in which rules asked for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResponseEdits<'a> {
    /// Nearly always the only one, so that it costs no allocation.
    first: Cow<'a, [HeaderEdit]>,
    rest: Vec<Cow<'a, [HeaderEdit]>>,
}

impl<'a> ResponseEdits<'a> {
    pub(crate) fn push(&mut self, edits: Cow<'a, [HeaderEdit]>) {
        if edits.is_empty() {
            return;
        }
        if self.first.is_empty() {
            self.first = edits;
        } else {
            self.rest.push(edits);
        }
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The changes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderEdit> {
        self.first.iter().chain(self.rest.iter().flat_map(|edits| edits.iter()))
    }

    /// Makes the changes.
    pub fn apply(&self, headers: &mut HeaderMap) {
        apply(&self.first, headers);
        for edits in &self.rest {
            apply(edits, headers);
        }
    }
}

/// What gathers while a request passes rules.
#[derive(Debug, Default)]
pub(crate) struct Passage<'a> {
    pub(crate) response_edits: ResponseEdits<'a>,
    pub(crate) refused_edits: u32,
    pub(crate) budget: Budget,
}

/// What all routers together may still add to one message, so that it stays one that a target accepts.
#[derive(Debug)]
pub(crate) struct Budget {
    edits: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { edits: 64, bytes: 16 << 10 }
    }
}

impl Budget {
    /// Takes one edit of `bytes` bytes (name and value), if that much is left.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match (self.edits.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(edits), Some(bytes)) => {
                *self = Self { edits, bytes };
                true
            }
            _ => false,
        }
    }
}

/// What an end gives.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) destination: Destination<'a>,
    pub(crate) set_cookie: Option<HeaderValue>,
}

impl<'a> From<Destination<'a>> for Reply<'a> {
    fn from(destination: Destination<'a>) -> Self {
        Self { destination, set_cookie: None }
    }
}

impl<'a> Passage<'a> {
    /// Closes the passage.
    pub(crate) fn end(self, reply: Reply<'a>, rule: &'a str) -> Routed<'a> {
        let Reply { destination, set_cookie } = reply;
        let Self { response_edits, refused_edits, budget: _ } = self;
        Routed { destination, response_edits, set_cookie, rule, refused_edits }
    }
}
