//! Where a redirect goes: text with the request's own parts in it.

mod render;

use std::str::FromStr;

use crate::text::text;

/// A redirect's destination. `{scheme}`, `{host}`, `{port}`, `{path}`, `{query}` and `{path_and_query}` stand for parts of
/// the request; the rest is taken as it is.
///
/// It starts with `/`, `{path}` or `{path_and_query}`, or with `http://`, `https://` or `{scheme}://`; what a client sends
/// can then change the path, but never the site that the redirect leads to, unless the template asks for `{host}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: Box<str>,
    parts: Box<[Part]>,
    /// Whether the destination is on the same site, written as a path.
    is_path: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Box<str>),
    Scheme,
    Host,
    Port,
    Path,
    Query,
    PathAndQuery,
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A brace that has no partner.
    #[error("`{text}` has a brace without its partner")]
    Brace {
        /// The refused text.
        text: String,
    },
    /// A placeholder that does not exist.
    #[error("there is no `{{{name}}}`: use {{scheme}}, {{host}}, {{port}}, {{path}}, {{query}} or {{path_and_query}}")]
    Unknown {
        /// The name between the braces.
        name: String,
    },
    /// A character that a URL cannot hold.
    #[error("a redirect cannot hold {character:?}: write it as `%XX`")]
    Character {
        /// The refused character.
        character: char,
    },
    /// The destination is neither a path nor a URL.
    #[error("a redirect goes to a path (`/…`, `{{path}}`) or to a URL (`http://…`, `https://…`, `{{scheme}}://…`)")]
    Start,
    /// The client could choose the site.
    #[error("`{{{name}}}` cannot stand before the path: a client could choose the site that it is sent to")]
    Site {
        /// The placeholder that does not belong there.
        name: &'static str,
    },
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let parts = parts(text)?;
        let is_path = text.starts_with('/') && !text.starts_with("//")
            || matches!(parts.first(), Some(Part::Path | Part::PathAndQuery));
        if !is_path {
            let schemes = ["http://", "https://", "{scheme}://"];
            let site = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)).ok_or(TemplateError::Start)?;
            check_site(&self::parts(site)?)?;
        }
        Ok(Self { text: text.into(), parts: parts.into(), is_path })
    }
}

text!(Template, "a path or URL such as `https://{host}{path_and_query}`", |it| &it.text);

fn parts(text: &str) -> Result<Vec<Part>, TemplateError> {
    let brace = || TemplateError::Brace { text: text.to_owned() };
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, placeholder) = rest.split_once('{').map_or((rest, None), |(before, after)| (before, Some(after)));
        if literal.contains('}') {
            return Err(brace());
        }
        if let Some(character) = literal.chars().find(|character| !character.is_ascii() || escapes(*character as u8)) {
            return Err(TemplateError::Character { character });
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        let Some(placeholder) = placeholder else { break };
        let (name, after) = placeholder.split_once('}').ok_or_else(brace)?;
        parts.push(part(name)?);
        rest = after;
    }
    Ok(parts)
}

fn part(name: &str) -> Result<Part, TemplateError> {
    Ok(match name {
        "scheme" => Part::Scheme,
        "host" => Part::Host,
        "port" => Part::Port,
        "path" => Part::Path,
        "query" => Part::Query,
        "path_and_query" => Part::PathAndQuery,
        _ => return Err(TemplateError::Unknown { name: name.to_owned() }),
    })
}

/// What stands before the path must not let a client choose the site by way of its query.
fn check_site(parts: &[Part]) -> Result<(), TemplateError> {
    let Some(first) = parts.first() else { return Err(TemplateError::Start) };
    if matches!(first, Part::Literal(text) if text.starts_with(['/', '?', '#'])) || matches!(first, Part::Path) {
        return Err(TemplateError::Start);
    }
    for part in parts {
        match part {
            Part::Literal(text) if text.contains(['/', '?', '#']) => return Ok(()),
            Part::Path | Part::PathAndQuery => return Ok(()),
            Part::Query => return Err(TemplateError::Site { name: "query" }),
            Part::Scheme => return Err(TemplateError::Site { name: "scheme" }),
            Part::Literal(_) | Part::Host | Part::Port => {}
        }
    }
    Ok(())
}

/// Bytes that are not legal in a URL (RFC 3986 section 2), or that browsers read as another byte (`\` as `/`).
fn escapes(byte: u8) -> bool {
    !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

#[cfg(test)]
mod tests;
