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
use crate::routed::{Destination, Passage};
use crate::router::{Decision, HeaderEdit, Router, Verdict};

/// Most changes that one decision may ask for in one direction.
const MOST_EDITS: usize = 64;
/// Most bytes of names and values in them.
const MOST_BYTES: usize = 16 << 10;

/// Asks the router and does what it wants; `None` when it leaves the end to the rule.
pub(crate) fn consult<'a>(
    router: &dyn Router,
    head: &mut Parts,
    client: IpAddr,
    passage: &mut Passage<'a>,
) -> Option<Destination<'a>> {
    let Decision { verdict, mut request_edits, mut response_edits, rewrite_path, rewrite_host } =
        router.route(head, client);
    passage.refused_edits += admit(&mut request_edits) + admit(&mut response_edits);
    apply(&request_edits, &mut head.headers);
    passage.response_edits.push(Cow::Owned(response_edits));
    let path_is_done = rewrite_path.is_none_or(|path| rewrite_target(path, head).is_some());
    let host_is_done = rewrite_host.is_none_or(|host| rewrite_authority(&host, head).is_some());
    passage.refused_edits += u32::from(!path_is_done) + u32::from(!host_is_done);
    destination(verdict, passage)
}

/// Drops what may not be done and says how much that was.
fn admit(edits: &mut Vec<HeaderEdit>) -> u32 {
    let asked = edits.len();
    edits.truncate(MOST_EDITS);
    let mut bytes = 0;
    edits.retain(|edit| {
        let (name, length) = match edit {
            HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => (name, value.len()),
            HeaderEdit::Remove(name) => (name, 0),
        };
        bytes += name.as_str().len() + length;
        editable(name) && bytes <= MOST_BYTES
    });
    u32::try_from(asked - edits.len()).unwrap_or(u32::MAX)
}

fn rewrite_target(wanted: Uri, head: &mut Parts) -> Option<()> {
    let target: PathAndQuery = wanted.into_parts().path_and_query?;
    write_target(target, head).ok()
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
        Verdict::Respond { status, headers, body } if ends(status) && (body.is_empty() || !bodiless(status)) => {
            Destination::Respond { status, headers: Cow::Owned(admit_fields(headers, passage)), body }
        }
        Verdict::Redirect { .. } | Verdict::Respond { .. } => {
            passage.refused_edits += 1;
            Destination::Refuse
        }
        Verdict::Refuse => Destination::Refuse,
    })
}

fn admit_fields(
    mut fields: Vec<(HeaderName, HeaderValue)>,
    passage: &mut Passage<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let asked = fields.len();
    fields.truncate(MOST_EDITS);
    let mut bytes = 0;
    fields.retain(|(name, value)| {
        bytes += name.as_str().len() + value.len();
        editable(name) && bytes <= MOST_BYTES
    });
    passage.refused_edits += u32::try_from(asked - fields.len()).unwrap_or(u32::MAX);
    fields
}
