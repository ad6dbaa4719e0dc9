//! What serde and the parser say, in the words of someone who writes a configuration.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::DeValue;

use crate::code::Code;
use crate::describe::describe;
use crate::finding::{At, Finding};
use crate::path::KeyPath;
use crate::suggest::{list, nearest};

/// Longest part of a refused value that is repeated.
const SHOWN: usize = 100;

/// An error message taken apart. Everything that is not recognised is passed on as it is, so that another version of
/// serde costs polish and nothing else.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble<'e> {
    UnknownField {
        field: &'e str,
        known: Vec<&'e str>,
    },
    UnknownVariant {
        variant: &'e str,
        known: Vec<&'e str>,
    },
    MissingField(&'e str),
    WrongType {
        found: &'e str,
        expected: &'e str,
    },
    InvalidValue {
        found: &'e str,
        expected: &'e str,
    },
    /// A table that chooses a kind by its one key has none or several.
    KindCount,
    /// A list or table is too short.
    Length,
    Other,
}

impl<'e> Trouble<'e> {
    pub(super) fn of(message: &'e str) -> Self {
        let pair = |rest: &'e str| rest.rsplit_once(", expected ");
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let (field, known) = named(rest);
            return Self::UnknownField { field, known };
        }
        if let Some(rest) = message.strip_prefix("unknown variant ") {
            let (variant, known) = named(rest);
            return Self::UnknownVariant { variant, known };
        }
        if let Some(field) = message.strip_prefix("missing field `") {
            return Self::MissingField(field.trim_end_matches('`'));
        }
        if let Some((found, expected)) = message.strip_prefix("invalid type: ").and_then(pair) {
            return Self::WrongType { found, expected };
        }
        if let Some((found, expected)) = message.strip_prefix("invalid value: ").and_then(pair) {
            return Self::InvalidValue { found, expected };
        }
        if message.starts_with("wanted exactly 1 element") || message.starts_with("expected table with exactly 1") {
            return Self::KindCount;
        }
        if message.starts_with("invalid length") { Self::Length } else { Self::Other }
    }
}

/// "`word`, expected one of `a`, `b`" taken apart.
fn named(rest: &str) -> (&str, Vec<&str>) {
    // The word is the user's and may hold anything; what serde adds comes last.
    let split = rest.rfind("`, expected ").or_else(|| rest.rfind("`, there are no "));
    let (word, known) = split.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
    (word.strip_prefix('`').unwrap_or(word), known.split('`').skip(1).step_by(2).collect())
}

/// The finding for an error about the key or value at `path`.
pub(super) fn explain(
    trouble: &Trouble<'_>,
    message: &str,
    path: &KeyPath,
    node: Option<&Spanned<DeValue<'_>>>,
) -> Finding {
    let finding = translate(trouble, message, path, node);
    let help = finding.help.or_else(|| describe(path));
    Finding { help, ..finding }
}

fn translate(trouble: &Trouble<'_>, message: &str, path: &KeyPath, node: Option<&Spanned<DeValue<'_>>>) -> Finding {
    let key = At::Key(path.clone());
    let value = At::Value(path.clone());
    match trouble {
        Trouble::UnknownField { field, known } => unknown_field(field, known, path),
        Trouble::UnknownVariant { variant, known } => unknown_variant(variant, known, key_or_value(path, variant)),
        Trouble::MissingField(field) => {
            Finding::error(Code::MissingKey, key_of_table(path, node), format!("`{field}` is missing"))
                .help(format!("add `{field} = …`"))
        }
        Trouble::WrongType { found: "unit variant", .. } => {
            let word = node.and_then(|node| node.get_ref().as_str()).unwrap_or_default();
            Finding::error(Code::WrongType, value, format!("`{}` is a table", shown(word))).help(format!(
                "write `{} = {{ {} = {{}} }}`",
                path.last_key(),
                shown(word)
            ))
        }
        Trouble::WrongType { found, expected } => {
            let message = format!("expected {}, found {}", expectation(expected), finding_of(found));
            with(Finding::error(Code::WrongType, value, message), type_help(found, expected, node))
        }
        Trouble::InvalidValue { found, expected } if is_number(expected) => {
            let message = format!("{} is out of range", finding_of(found));
            Finding::error(Code::OutOfRange, value, message)
        }
        Trouble::InvalidValue { found, expected } => {
            let message = format!("{} is not {}", finding_of(found), expectation(expected));
            with(Finding::error(Code::InvalidValue, value, message), type_help(found, expected, node))
        }
        Trouble::KindCount => {
            let found = node
                .and_then(|node| node.get_ref().as_table())
                .map(|table| list(table.keys().map(|key| key.get_ref().as_ref())));
            let message = format!("`{}` takes exactly one kind; found {}", path.last_key(), found.unwrap_or_default());
            Finding::error(Code::Conflict, key, message).help("keep one of them")
        }
        Trouble::Length => Finding::error(Code::InvalidValue, value, shown(message).into_owned()),
        Trouble::Other => other(message, value),
    }
}

pub(super) fn unknown_field(field: &str, known: &[&str], path: &KeyPath) -> Finding {
    let at = At::Key(path.clone());
    let field = shown(field);
    if let Some(feature) = later(&field) {
        let message = format!("`{field}`: {feature} not supported by this version");
        return Finding::error(Code::Unsupported, at, message).help("remove it");
    }
    let finding = Finding::error(Code::UnknownKey, at, format!("unknown key `{field}`"));
    match nearest(&field, known.iter().copied()) {
        Some(near) => finding.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
        None if known.is_empty() => finding.help("this table has no keys"),
        None => finding.help(format!("the keys here are {}", list(known.iter().copied()))),
    }
}

fn unknown_variant(variant: &str, known: &[&str], at: At) -> Finding {
    let variant = shown(variant);
    if let Some(feature) = later(&variant) {
        return Finding::error(Code::Unsupported, at, format!("`{variant}`: {feature} not supported by this version"))
            .help(format!("this version knows {}", list(known.iter().copied())));
    }
    let finding = Finding::error(Code::UnknownValue, at, format!("`{variant}` is not known here"));
    match nearest(&variant, known.iter().copied()) {
        Some(near) => finding.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
        None => finding.help(format!("known are {}", list(known.iter().copied()))),
    }
}

/// Words of what is planned, so that whoever read about it is told the truth instead of "unknown".
fn later(word: &str) -> Option<&'static str> {
    Some(match word {
        "scaling-group" | "scaling-groups" => "scaling groups are",
        "tls" | "certificate" | "certificates" | "certificate-file" | "sni" => "TLS is",
        "slow-start" => "slow start is",
        "outlier-ejection" | "outlier-detection" | "passive-health-check" => "outlier ejection is",
        "discovery" | "dns" | "docker" | "kubernetes" => "discovery is",
        "zone" => "zones are",
        "rate-limit" | "rate-limits" => "rate limits are",
        "grpc" => "gRPC is",
        "request-filter" => "request filters are",
        "scaling-policy" => "scaling policies are",
        "random" | "power-of-two-choices" | "p2c" | "peak-ewma" | "prequal" | "rendezvous" | "ketama" | "ring" => {
            "the algorithm is"
        }
        _ => return None,
    })
}

/// Errors that our own types, or those of the other crates, put into words.
fn other(message: &str, at: At) -> Finding {
    let help = [
        ("names are resolved by discovery", "write the address itself, such as \"127.0.0.1:8080\""),
        ("lacks a port", "add one: \"127.0.0.1:8080\", \"[::1]:8080\""),
        ("lacks an address", "for every address of the machine write \"0.0.0.0:8080\" or \"[::]:8080\""),
        ("is not an address", "write \"127.0.0.1:8080\" or \"[::1]:8080\""),
        ("given twice: in `address`", "remove one of them"),
        ("is not supported by this version", "this version speaks \"http\""),
    ];
    let help = help.iter().find(|(part, _)| message.contains(part)).map(|(_, help)| *help);
    let unsupported =
        message.contains("this version does not have") || message.contains("not supported by this version");
    let code = if unsupported { Code::Unsupported } else { Code::InvalidValue };
    with(Finding::error(code, at, shown_to(message, 400).into_owned()), help.map(Cow::Borrowed))
}

fn with(finding: Finding, help: Option<Cow<'_, str>>) -> Finding {
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// A word that is not known stands in a key (`balance.maglef`) or in a value (`format = "jsn"`).
fn key_or_value(path: &KeyPath, word: &str) -> At {
    if path.last_key() == word { At::Key(path.clone()) } else { At::Value(path.clone()) }
}

/// What lacks a key: the header of a named table is its key, an inline table is its value.
fn key_of_table(path: &KeyPath, node: Option<&Spanned<DeValue<'_>>>) -> At {
    match (node, path.steps().last()) {
        (Some(_), Some(crate::path::Step::Key(_))) if path.steps().len() <= 2 => At::Key(path.clone()),
        _ => At::Value(path.clone()),
    }
}

/// What a type is called.
fn expectation(expected: &str) -> Cow<'_, str> {
    if is_number(expected) {
        return if expected.starts_with('f') { "a number" } else { "a whole number" }.into();
    }
    match expected {
        "a string" | "a borrowed string" | "path string" => "text in quotes".into(),
        "a boolean" => "`true` or `false`".into(),
        "a sequence" => "a list".into(),
        "a map" => "a table".into(),
        "a duration" => "a duration such as \"10s\"".into(),
        other if other.starts_with("struct ") => "a table".into(),
        other if other.starts_with("enum ") => "a word or a table".into(),
        other => other.into(),
    }
}

fn is_number(expected: &str) -> bool {
    const NUMBERS: [&str; 13] =
        ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "f32", "f64"];
    NUMBERS.contains(&expected.strip_prefix("a nonzero ").unwrap_or(expected))
}

/// What was found is called.
fn finding_of(found: &str) -> Cow<'_, str> {
    match found {
        "map" => "a table".into(),
        "sequence" => "a list".into(),
        _ => match found.strip_prefix("string ") {
            Some(text) => format!("the text {}", shown(text)).into(),
            None => shown(found.strip_prefix("integer ").unwrap_or(found)),
        },
    }
}

fn type_help(found: &str, expected: &str, node: Option<&Spanned<DeValue<'_>>>) -> Option<Cow<'static, str>> {
    let text = node.and_then(|node| node.get_ref().as_str());
    if expected == "a duration" {
        return Some("write a number with a unit: \"500ms\", \"10s\", \"1m 30s\"".into());
    }
    if found.starts_with("string")
        && text.is_some_and(|text| text.parse::<f64>().is_ok() || text == "true" || text == "false")
    {
        return Some("write it without quotes".into());
    }
    if let ("a sequence", Some(text)) = (expected, text) {
        return Some(format!("put it in brackets: [\"{}\"]", shown(text)).into());
    }
    if (found.starts_with("integer") || found.starts_with("bool")) && expectation(expected).contains("quotes") {
        return Some("put it between quotes".into());
    }
    None
}

fn shown(text: &str) -> Cow<'_, str> {
    shown_to(text, SHOWN)
}

fn shown_to(text: &str, length: usize) -> Cow<'_, str> {
    match text.char_indices().nth(length) {
        Some((at, _)) => format!("{}…", &text[..at]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_messages_are_taken_apart() {
        let unknown = |field, known| Trouble::UnknownField { field, known };
        assert_eq!(Trouble::of("unknown field `a`, expected `b`"), unknown("a", vec!["b"]));
        assert_eq!(Trouble::of("unknown field `a`, expected one of `b`, `c`, `d`"), unknown("a", vec!["b", "c", "d"]));
        assert_eq!(Trouble::of("unknown field `a`, there are no fields"), unknown("a", vec![]));
        assert_eq!(Trouble::of("unknown field ``, expected ``, expected `b`"), unknown("`, expected `", vec!["b"]));
        assert_eq!(Trouble::of("missing field `port`"), Trouble::MissingField("port"));
        let message = "invalid type: string \"a, expected b\", expected u16";
        assert_eq!(Trouble::of(message), Trouble::WrongType { found: "string \"a, expected b\"", expected: "u16" });
    }
}
