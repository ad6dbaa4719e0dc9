//! What a router guest returns, checked: nothing that a guest says reaches a request unchecked.

use bytes::Bytes;
use equipoise_rule::{Decision, HeaderEdit, Verdict};
use equipoise_target::{Endpoint, GroupName};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, StatusCode, Uri};

use crate::bindings::router::equipoise::plugin::types::{self, Field};
use crate::bindings::router::exports::equipoise::plugin::routing;
use crate::failure::Failure;

/// More edits or fields than any sane router makes.
const MOST_FIELDS: usize = 100;
/// All names and values of one list together; what a request's own fields may have.
const MOST_FIELD_BYTES: usize = 64 << 10;
const LARGEST_BODY: usize = 1 << 20;
const LONGEST_PATH: usize = 8 << 10;

/// A guest's decision as the rules understand it.
pub(crate) fn decision(answer: routing::Decision) -> Result<Decision, Failure> {
    Ok(Decision {
        verdict: verdict(answer.action)?,
        request_edits: edits(answer.request_edits)?,
        response_edits: edits(answer.response_edits)?,
        rewrite_path: answer.path.map(|text| path(&text)).transpose()?,
        rewrite_host: answer.host.map(|text| host(&text)).transpose()?,
    })
}

fn verdict(action: routing::Action) -> Result<Verdict, Failure> {
    Ok(match action {
        routing::Action::Continue => Verdict::Continue,
        routing::Action::Forward(name) => Verdict::Forward(group(&name)?),
        routing::Action::ForwardTo(target) => Verdict::ForwardTo(group(&target.group)?, address(&target.address)?),
        routing::Action::Redirect(redirection) => redirect(redirection)?,
        routing::Action::Respond(response) => respond(response)?,
    })
}

fn group(text: &str) -> Result<GroupName, Failure> {
    GroupName::new(text).map_err(|error| Failure::answer(format_args!("target group: {error}")))
}

fn address(text: &str) -> Result<Endpoint, Failure> {
    text.parse().map_err(|_| Failure::answer(format_args!("`{text}` is not an address with a port")))
}

fn redirect(redirection: routing::Redirection) -> Result<Verdict, Failure> {
    let status = match redirection.status {
        301 | 302 | 303 | 307 | 308 => status(redirection.status)?,
        other => return Err(Failure::answer(format_args!("status {other} is no redirect"))),
    };
    if redirection.location.is_empty() || redirection.location.len() > LONGEST_PATH {
        return Err(Failure::answer(format_args!("a location of {} bytes", redirection.location.len())));
    }
    let location = HeaderValue::try_from(redirection.location)
        .map_err(|_| Failure::answer("the location holds bytes that a header field cannot"))?;
    Ok(Verdict::Redirect { status, location })
}

fn respond(response: routing::Response) -> Result<Verdict, Failure> {
    if !(200..=599).contains(&response.status) {
        return Err(Failure::answer(format_args!("status {} is not 200 to 599", response.status)));
    }
    if response.body.len() > LARGEST_BODY {
        return Err(Failure::answer(format_args!("a body of {} bytes, above {LARGEST_BODY}", response.body.len())));
    }
    check_size(response.headers.iter().map(|field| field.name.len() + field.value.len()))?;
    let headers = response.headers.into_iter().map(field).collect::<Result<_, _>>()?;
    Ok(Verdict::Respond { status: status(response.status)?, headers, body: Bytes::from(response.body) })
}

fn status(status: u16) -> Result<StatusCode, Failure> {
    StatusCode::from_u16(status).map_err(|_| Failure::answer(format_args!("{status} is no status")))
}

fn edits(edits: Vec<types::HeaderEdit>) -> Result<Vec<HeaderEdit>, Failure> {
    check_size(edits.iter().map(|edit| match edit {
        types::HeaderEdit::Set(field) | types::HeaderEdit::Add(field) => field.name.len() + field.value.len(),
        types::HeaderEdit::Remove(name) => name.len(),
    }))?;
    let edit = |edit| match edit {
        types::HeaderEdit::Set(value) => field(value).map(|(name, value)| HeaderEdit::Set(name, value)),
        types::HeaderEdit::Add(value) => field(value).map(|(name, value)| HeaderEdit::Add(name, value)),
        types::HeaderEdit::Remove(text) => name(&text).map(HeaderEdit::Remove),
    };
    edits.into_iter().map(edit).collect()
}

fn check_size(sizes: impl ExactSizeIterator<Item = usize>) -> Result<(), Failure> {
    let count = sizes.len();
    let bytes: usize = sizes.sum();
    if count > MOST_FIELDS || bytes > MOST_FIELD_BYTES {
        let limits = format_args!("above {MOST_FIELDS} or {MOST_FIELD_BYTES}").to_string();
        return Err(Failure::answer(format_args!("{count} header fields or edits of {bytes} bytes, {limits}")));
    }
    Ok(())
}

fn field(field: Field) -> Result<(HeaderName, HeaderValue), Failure> {
    let name = name(&field.name)?;
    let value = HeaderValue::try_from(field.value)
        .map_err(|_| Failure::answer(format_args!("the value of `{name}` holds bytes that a header field cannot")))?;
    Ok((name, value))
}

fn name(text: &str) -> Result<HeaderName, Failure> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| Failure::answer(format_args!("`{text}` is not the name of a header field")))
}

fn path(text: &str) -> Result<Uri, Failure> {
    let wrong = || Failure::answer(format_args!("`{text}` is not a path with an optional query"));
    // `//x` would read as an authority, and a fragment is never sent.
    let sound = text.starts_with('/') && !text.starts_with("//") && !text.contains('#') && text.len() <= LONGEST_PATH;
    if sound { text.parse().map_err(|_| wrong()) } else { Err(wrong()) }
}

fn host(text: &str) -> Result<HeaderValue, Failure> {
    let wrong = || Failure::answer(format_args!("`{text}` is not a host with an optional port"));
    let authority: Authority = text.parse().map_err(|_| wrong())?;
    // User information belongs in no `Host` field.
    if text.contains('@') || authority.host().is_empty() {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}
