//! Whatever head comes in, of whichever version, and whatever a router makes of it: what goes to the target is one
//! request, and what must not be in it is not.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use equipoise_rule::{Decision, HeaderEdit, Router, RouterSource, Rule, RuleSet};
use equipoise_target::PluginName;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Version, header};

use super::hyper_side::{Whole, sent};
use super::wire::messages;
use crate::policy::{self, Facts};
use crate::{ListenerLimits, PathForm};

/// Lines: the method, the target, fields, and what a router wants: `>name:value` sets a field, `+name:value` adds one,
/// `-name` removes one, `/path` and `@host` rewrite. The first byte says the version, the form of the path and whether
/// there is a body and its length is known.
pub fn way(data: &[u8]) {
    let Some((&way, text)) = data.split_first() else { return };
    let Some((mut head, decision)) = read(text) else { return };
    head.version = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_11][usize::from(way & 3)];
    let form = [PathForm::Normal, PathForm::KeepSlashes, PathForm::AsSent, PathForm::Normal][usize::from(way >> 2 & 3)];
    let body = (way & 16 != 0).then(|| Bytes::from_static(b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"));
    let sized = way & 32 != 0;
    let Ok(admitted) = policy::admit(&mut head, &ListenerLimits::default()) else { return };
    if policy::normalize(&mut head, form).is_err() {
        return;
    }
    assert_eq!(head.headers.get_all(header::HOST).iter().count(), 1);
    assert!(form == PathForm::AsSent || head.uri.path().split('/').all(|segment| segment != ".."), "{}", head.uri);
    policy::disbelieve(&mut head.headers, false);
    let rules = rules(decision);
    let routed = rules.route(&mut head, IpAddr::from([192, 0, 2, 1]), 0);
    drop(routed);
    let (peer, port) = (HeaderValue::from_static("192.0.2.1"), HeaderValue::from_static("80"));
    let facts = Facts {
        peer: Some(&peer),
        host: admitted.host.as_ref(),
        port: Some(&port),
        secure: false,
        version: head.version,
    };
    policy::forward(&mut head.headers, &facts);
    // As `serve` frames what it sends; a body that was declared is there.
    head.version = Version::HTTP_11;
    if body.is_some() && !sized {
        head.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        head.headers.remove(header::CONTENT_LENGTH);
    } else {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.as_ref().map_or(0, Bytes::len)));
    }
    judge(&sent(Request::from_parts(head, Whole { bytes: body, sized })));
}

/// What the target got is one whole message that says nothing twice.
fn judge(bytes: &[u8]) {
    let shown = String::from_utf8_lossy(bytes);
    let (ends, refused) = messages(bytes);
    assert!(refused.is_none(), "{refused:?}: {shown}");
    assert_eq!(ends, [bytes.len()], "{shown}");
    let head = shown.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    let count = |name: &str| head.lines().skip(1).filter(|line| line.starts_with(name)).count();
    assert_eq!(count("host:"), 1, "{shown}");
    assert_eq!(count("content-length:") + count("transfer-encoding:"), 1, "{shown}");
    assert_eq!(count("connection:") + count("keep-alive:") + count("proxy-connection:"), 0, "{shown}");
    assert!(count("x-forwarded-for:") == 1, "{shown}");
}

fn read(text: &[u8]) -> Option<(Parts, Decision)> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let request = Request::builder().method(lines.next()?).uri(lines.next()?);
    let (mut head, mut decision) = (request.body(()).ok()?.into_parts().0, Decision::default());
    let field = |text: &[u8]| {
        let at = text.iter().position(|byte| *byte == b':')?;
        Some((HeaderName::from_bytes(&text[..at]).ok()?, HeaderValue::from_bytes(&text[at + 1..]).ok()?))
    };
    for line in lines.take(150) {
        let (kind, rest) = line.split_first()?;
        match kind {
            b'>' => decision.request_edits.extend(field(rest).map(|(name, value)| HeaderEdit::Set(name, value))),
            b'+' => decision.request_edits.extend(field(rest).map(|(name, value)| HeaderEdit::Add(name, value))),
            b'-' => decision.request_edits.extend(HeaderName::from_bytes(rest).ok().map(HeaderEdit::Remove)),
            b'/' => decision.rewrite_path = std::str::from_utf8(line).ok().and_then(|path| path.parse().ok()),
            b'@' => decision.rewrite_host = HeaderValue::from_bytes(rest).ok(),
            _ => head.headers.extend(field(line)),
        }
    }
    Some((head, decision))
}

#[derive(Debug, Clone)]
struct Wish(Decision);

impl Router for Wish {
    fn route(&self, _: &mut Parts, _: IpAddr) -> Decision {
        self.0.clone()
    }
}

impl RouterSource for Wish {
    fn router(&self, _: &PluginName) -> Option<Arc<dyn Router>> {
        Some(Arc::new(self.clone()))
    }
}

/// Rules that do what a router wishes.
fn rules(decision: Decision) -> RuleSet {
    let text = r#"[{ "priority": 1, "then": { "plugin": "p" } }]"#;
    let rules: Vec<Rule> = serde_json::from_str(text).expect("a rule");
    let default = serde_json::from_str(r#"{ "forward": "g" }"#).expect("an action");
    RuleSet::build(&rules, &default, &Wish(decision)).expect("rules")
}
