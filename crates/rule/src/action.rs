//! What follows when a rule applies: at most one end (forward, redirect, respond) and changes on the way to it.

mod forward;
mod headers;
mod plugin;
mod redirect;
mod respond;
mod rewrite;
mod template;

use equipoise_target::{GroupName, PluginName};
use http::request::Parts;
use serde::{Deserialize, Serialize};

pub use self::forward::{Forward, ForwardError, Sticky, StickyError, WeightedGroup};
pub use self::headers::{
    EditedName, EditedNameError, FieldValue, FieldValueError, HeaderEdits, SetValue, SetValueError, Told, editable,
};
pub use self::redirect::{Redirect, RedirectError};
pub use self::respond::{Respond, RespondError};
pub use self::rewrite::{HostValue, PathText, Replace, Rewrite, RewriteError};
pub use self::template::{Template, TemplateError};
use crate::client::Client;
use crate::routed::Reply;

pub(crate) use self::headers::apply;
pub(crate) use self::plugin::consult;

/// What a rule does. On the way to its end, in this order: the plugin is asked, what it wants is done, the rule's own
/// rewrite and header edits are made.
///
/// An action without an end changes the request and lets the following rules, which see the changes, go on with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Action {
    /// How the request ends; without it the next rule that applies goes on.
    pub end: Option<End>,
    /// Code that is asked first. What it decides wins; when it decides nothing, `end` follows.
    pub plugin: Option<PluginName>,
    /// Changes of path and host.
    pub rewrite: Option<Rewrite>,
    /// Changes of the request's header fields.
    pub request_headers: Option<HeaderEdits>,
    /// Changes of the response's header fields, also of responses that come from here.
    pub response_headers: Option<HeaderEdits>,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// A target group takes it.
    Forward(Forward),
    /// It is answered with a redirect.
    Redirect(Redirect),
    /// It is answered from here.
    Respond(Respond),
}

impl End {
    /// The destination for a request that arrived here, and the cookie to be set with it.
    pub(crate) fn reach(&self, head: &Parts, client: Client, random: u64) -> Reply<'_> {
        match self {
            Self::Forward(forward) => forward.choose(head, random),
            Self::Redirect(redirect) => redirect.answer(head, client.is_secure),
            Self::Respond(respond) => Reply::from(respond.answer()),
        }
    }
}

/// An action names more than one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{first}` and `{second}` exclude each other: a request ends in one way")]
pub struct TwoEnds {
    first: &'static str,
    second: &'static str,
}

impl Action {
    /// Sends every request to one group.
    #[must_use]
    pub fn forward(group: GroupName) -> Self {
        Self::from(End::Forward(Forward::from(group)))
    }

    /// The target groups that this action names, those of weight 0 included.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        let forward = match &self.end {
            Some(End::Forward(forward)) => forward.groups(),
            _ => &[],
        };
        forward.iter().map(|share| &share.group)
    }

    /// The plugins that this action names.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginName> {
        self.plugin.iter()
    }

    /// Whether the action does nothing at all.
    pub(crate) fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

impl From<End> for Action {
    fn from(end: End) -> Self {
        Self { end: Some(end), ..Self::default() }
    }
}

/// What a rule does: at most one of `forward`, `redirect` and `respond`, and changes on the way to it. Without any of the
/// three, the request goes on to the next rule that applies, with the changes made.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Action"))]
struct Document {
    /// To a target group: `"todo"`, or `[{ group = "todo", weight = 9 }, { group = "canary", weight = 1 }]`, or
    /// `{ groups = […], sticky = { cookie = "pool", ttl = "1h" } }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    forward: Option<Forward>,
    /// To another place: `{ to = "https://{host}{path_and_query}", status = 301 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect: Option<Redirect>,
    /// An answer from here: `{ status = 503, body = "closed for today" }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    respond: Option<Respond>,
    /// Name of a plugin (world `router`) that is asked first. What it decides wins; when it decides nothing, the rest of
    /// this action follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<PluginName>,
    /// Changes of path and host.
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<Rewrite>,
    /// Changes of the request's header fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_headers: Option<HeaderEdits>,
    /// Changes of the response's header fields, also of responses that come from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_headers: Option<HeaderEdits>,
}

impl TryFrom<Document> for Action {
    type Error = TwoEnds;

    fn try_from(document: Document) -> Result<Self, TwoEnds> {
        let end = match (document.forward, document.redirect, document.respond) {
            (None, None, None) => None,
            (Some(forward), None, None) => Some(End::Forward(forward)),
            (None, Some(redirect), None) => Some(End::Redirect(redirect)),
            (None, None, Some(respond)) => Some(End::Respond(respond)),
            (Some(_), Some(_), _) => return Err(TwoEnds { first: "forward", second: "redirect" }),
            (Some(_), _, Some(_)) => return Err(TwoEnds { first: "forward", second: "respond" }),
            (_, Some(_), Some(_)) => return Err(TwoEnds { first: "redirect", second: "respond" }),
        };
        let Document { plugin, rewrite, request_headers, response_headers, .. } = document;
        Ok(Self { end, plugin, rewrite, request_headers, response_headers })
    }
}

impl From<Action> for Document {
    fn from(action: Action) -> Self {
        let Action { end, plugin, rewrite, request_headers, response_headers } = action;
        let changes = Self { plugin, rewrite, request_headers, response_headers, ..Self::default() };
        match end {
            None => changes,
            Some(End::Forward(forward)) => Self { forward: Some(forward), ..changes },
            Some(End::Redirect(redirect)) => Self { redirect: Some(redirect), ..changes },
            Some(End::Respond(respond)) => Self { respond: Some(respond), ..changes },
        }
    }
}

#[cfg(test)]
mod tests;
