//! Actions: where a listener or a rule sends requests.

use toml::Value as Toml;

use super::Context;
use crate::NoteKind;
use crate::toml_text::{inline, seconds, text};
use crate::value::Value;
use crate::view::View;

/// What a list of action blocks does. Only authentication has another one behind it.
pub(super) fn action(context: &Context<'_>, actions: &[View<'_>], http: bool) -> Option<Toml> {
    let (first, rest) = actions.split_first()?;
    rest.iter().chain([first]).for_each(|view| view.saw(&["order"]));
    let kind = first.text("type").unwrap_or_default();
    Some(match kind.as_str() {
        // Connections that go nowhere are closed; requests get an answer.
        "forward" => return forward(context, first).or_else(|| http.then(|| respond(503, "no target group"))),
        "redirect" if http => redirect(first),
        "fixed-response" if http => fixed_response(first),
        _ if !http => return None,
        _ => {
            for view in actions {
                view.saw(&[
                    "type",
                    "authenticate_oidc",
                    "authenticate_cognito",
                    "jwt_validation",
                    "target_group_arn",
                    "forward",
                ]);
            }
            let message =
                format!("`{kind}` has no counterpart: requests are refused with 401, so that nothing opens up");
            first.note("type", NoteKind::Complete, message);
            respond(401, "unauthorized")
        }
    })
}

/// An answer that says that something is missing here.
pub(super) fn respond(status: i64, body: &str) -> Toml {
    inline([("respond", inline([("status", Toml::from(status)), ("body", text(body))]))])
}

/// `None` when it leads to a target group that is not in the files.
fn forward(context: &Context<'_>, view: &View<'_>) -> Option<Toml> {
    let arn = view.raw("target_group_arn");
    let Some(block) = view.block("forward") else {
        return match arn.as_ref().and_then(|arn| context.target_group(arn)) {
            Some(group) => Some(inline([("forward", text(context.name(group)))])),
            None => missing(view, "target_group_arn", arn.as_ref()),
        };
    };
    let mut groups = Vec::new();
    for target in block.blocks("target_group") {
        let arn = target.raw("arn");
        let weight = target.count("weight").unwrap_or(1);
        match arn.as_ref().and_then(|arn| context.target_group(arn)) {
            Some(group) => groups.push((context.name(group), weight)),
            None => return missing(&target, "arn", arn.as_ref()),
        }
    }
    let sticky = block.block("stickiness").and_then(|sticky| {
        let duration = sticky.count("duration");
        (sticky.flag("enabled") == Some(true)).then_some(duration.unwrap_or(86_400))
    });
    if let ([(only, _)], None) = (groups.as_slice(), sticky) {
        return Some(inline([("forward", text(only))]));
    }
    let weighted =
        |(group, weight): &(&str, u32)| inline([("group", text(group)), ("weight", Toml::from(i64::from(*weight)))]);
    let groups = Toml::Array(groups.iter().map(weighted).collect());
    let forward = match sticky {
        Some(ttl) => {
            let cookie = inline([("cookie", text("equipoise-group")), ("ttl", seconds(ttl))]);
            inline([("groups", groups), ("sticky", cookie)])
        }
        None => groups,
    };
    Some(inline([("forward", forward)]))
}

fn missing(view: &View<'_>, name: &str, arn: Option<&Value>) -> Option<Toml> {
    let why = arn.and_then(Value::why_unknown).unwrap_or_else(|| "no such target group in these files".to_owned());
    view.note(name, NoteKind::Complete, format!("{why}: nothing is forwarded until a `forward` stands there"));
    None
}

fn fixed_response(view: &View<'_>) -> Toml {
    let Some(block) = view.block("fixed_response") else { return respond(200, "") };
    let mut entries = Vec::new();
    match block.text("status_code").as_deref().map(str::parse::<u16>) {
        Some(Ok(status)) if (200..=599).contains(&status) => entries.push(("status", Toml::from(i64::from(status)))),
        Some(_) => block.note("status_code", NoteKind::Differs, "a class of codes: 200 is answered"),
        None => {}
    }
    if let Some(body) = block.text("message_body") {
        entries.push(("body", text(&body)));
    }
    if let Some(kind) = block.text("content_type") {
        entries.push(("content-type", text(&kind)));
    }
    inline([("respond", inline(entries))])
}

fn redirect(view: &View<'_>) -> Toml {
    let Some(block) = view.block("redirect") else { return respond(404, "") };
    let part = |name: &str, default: &str| block.text(name).unwrap_or_else(|| default.to_owned());
    let (protocol, host, port) = (part("protocol", "#{protocol}"), part("host", "#{host}"), part("port", "#{port}"));
    let (path, query) = (part("path", "/#{path}"), part("query", "#{query}"));
    let status = match block.text("status_code").as_deref() {
        Some("HTTP_301") => 301,
        _ => 302,
    };
    let to = origin(&protocol, &host, &port) + &path_and_query(&path, &query);
    // Braces of these templates are ours; a `$` in front of one would be a variable.
    inline([("redirect", inline([("to", text(&to)), ("status", Toml::from(status))]))])
}

/// Scheme, host and port; nothing when none of them changes.
fn origin(protocol: &str, host: &str, port: &str) -> String {
    let same_port = port == "#{port}";
    if protocol == "#{protocol}" && host == "#{host}" && same_port {
        return String::new();
    }
    let scheme = if protocol == "#{protocol}" { "{scheme}".to_owned() } else { protocol.to_lowercase() };
    let usual = matches!((scheme.as_str(), port), ("https", "443") | ("http", "80"));
    let port = if usual { String::new() } else { format!(":{}", parts(port)) };
    format!("{scheme}://{}{port}", parts(host))
}

fn path_and_query(path: &str, query: &str) -> String {
    match (path, query) {
        ("/#{path}", "#{query}") => "{path_and_query}".to_owned(),
        (path, "") => parts(path),
        (path, query) => format!("{}?{}", parts(path), parts(query)),
    }
}

/// AWS's placeholders as ours. Its path begins after the slash, ours with it.
fn parts(text: &str) -> String {
    let mut text = text.replace("/#{path}", "{path}").replace("#{path}", "{path}");
    for name in ["protocol", "host", "port", "query"] {
        let ours = if name == "protocol" { "scheme" } else { name };
        text = text.replace(&format!("#{{{name}}}"), &format!("{{{ours}}}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: [&str; 5], to: &str) {
        let [protocol, host, port, path, query] = parts;
        assert_eq!(origin(protocol, host, port) + &path_and_query(path, query), to);
    }

    #[test]
    fn redirects_keep_what_they_do_not_change() {
        check(["#{protocol}", "#{host}", "#{port}", "/#{path}", "#{query}"], "{path_and_query}");
        check(["HTTPS", "#{host}", "443", "/#{path}", "#{query}"], "https://{host}{path_and_query}");
        check(["HTTPS", "#{host}", "8443", "/#{path}", ""], "https://{host}:8443{path}");
        check(
            ["#{protocol}", "new.#{host}", "#{port}", "/v2/#{path}", "a=b"],
            "{scheme}://new.{host}:{port}/v2{path}?a=b",
        );
        check(["#{protocol}", "#{host}", "#{port}", "/gone", "#{query}"], "/gone?{query}");
    }
}
