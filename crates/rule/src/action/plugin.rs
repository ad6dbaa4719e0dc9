//! A router is asked, and what it wants is held against the same policy as what a user configures.

use std::borrow::Cow;
use std::net::IpAddr;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};

use super::headers::{apply, editable};
use super::redirect::redirects;
use super::respond::{bodiless, ends};
use super::rewrite::{HostValue, write_target};
use crate::percent::decoded_eq;
use crate::routed::{Destination, Passage};
use crate::router::{Decision, HeaderEdit, Router, Verdict};

/// Asks the router and does what it wants; `None` when it leaves the end to the rule.
pub(crate) fn consult<'a>(
    router: &dyn Router,
    head: &mut Parts,
    client: IpAddr,
    passage: &mut Passage<'a>,
) -> Option<Destination<'a>> {
    let Decision { verdict, mut request_edits, mut response_edits, rewrite_path, rewrite_host } =
        router.route(head, client);
    admit(&mut request_edits, passage);
    admit(&mut response_edits, passage);
    apply(&request_edits, &mut head.headers);
    passage.response_edits.push(Cow::Owned(response_edits));
    let path_is_done = rewrite_path.is_none_or(|path| rewrite_target(path, head).is_some());
    let host_is_done = rewrite_host.is_none_or(|host| rewrite_authority(&host, head).is_some());
    passage.refused_edits += u32::from(!path_is_done) + u32::from(!host_is_done);
    destination(verdict, passage)
}

/// Drops what may not be done.
fn admit(edits: &mut Vec<HeaderEdit>, passage: &mut Passage<'_>) {
    edits.retain(|edit| match edit {
        HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => admits(name, value.len(), passage),
        HeaderEdit::Remove(name) => admits(name, 0, passage),
    });
}

/// Whether a router may still change this field.
fn admits(name: &HeaderName, length: usize, passage: &mut Passage<'_>) -> bool {
    let admitted = editable(name) && passage.budget.take(name.as_str().len() + length);
    passage.refused_edits += u32::from(!admitted);
    admitted
}

fn rewrite_target(wanted: Uri, head: &mut Parts) -> Option<()> {
    let target = wanted.into_parts().path_and_query.filter(is_plain)?;
    write_target(target, head).ok()
}

/// Whether rules, routers and targets read the path alike: no NUL and no dot segments, in whatever spelling. The
/// request's own path was put into that form before it came here; a router could undo it.
fn is_plain(target: &PathAndQuery) -> bool {
    let dots = |segment: &str| [".", ".."].iter().any(|dots| decoded_eq(segment.as_bytes(), dots.as_bytes()));
    target.as_str().is_ascii() && !target.path().contains("%00") && !target.path().split('/').any(dots)
}

fn rewrite_authority(wanted: &HeaderValue, head: &mut Parts) -> Option<()> {
    HostValue::read(wanted.as_bytes())?.write(head);
    Some(())
}

/// A verdict that cannot be carried out is refused as a whole: to go on as if the router had said nothing could let a
/// request pass that it meant to stop.
fn destination<'a>(verdict: Verdict, passage: &mut Passage<'a>) -> Option<Destination<'a>> {
    Some(match verdict {
        Verdict::Continue => return None,
        Verdict::Forward(group) => Destination::Group(Cow::Owned(group)),
        Verdict::ForwardTo(group, address) => Destination::Target(group, address),
        Verdict::Redirect { status, location } if redirects(status) => Destination::Redirect { status, location },
        Verdict::Respond { status, mut headers, body } if ends(status) && (body.is_empty() || !bodiless(status)) => {
            headers.retain(|(name, value)| admits(name, value.len(), passage));
            Destination::Respond { status, headers: Cow::Owned(headers), body }
        }
        Verdict::Redirect { .. } | Verdict::Respond { .. } => {
            passage.refused_edits += 1;
            Destination::Refuse
        }
        Verdict::Refuse => Destination::Refuse,
    })
}

#[cfg(test)]
mod tests;
