//! What serde calls things, in the words of someone who writes a configuration.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::DeValue;

/// Longest part of a refused value that is repeated.
const SHOWN: usize = 100;

/// What a type is called.
pub(super) fn expectation(expected: &str) -> Cow<'_, str> {
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

pub(super) fn is_number(expected: &str) -> bool {
    const NUMBERS: [&str; 13] =
        ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "f32", "f64"];
    NUMBERS.contains(&expected.strip_prefix("a nonzero ").unwrap_or(expected))
}

/// What was found is called.
pub(super) fn finding_of(found: &str) -> Cow<'_, str> {
    match found {
        "map" => "a table".into(),
        "sequence" => "a list".into(),
        _ => match found.strip_prefix("string ") {
            Some(text) => format!("the text {}", shown(text)).into(),
            None => shown(found.strip_prefix("integer ").unwrap_or(found)),
        },
    }
}

pub(super) fn type_help(found: &str, expected: &str, node: Option<&Spanned<DeValue<'_>>>) -> Option<Cow<'static, str>> {
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

pub(super) fn shown(text: &str) -> Cow<'_, str> {
    shown_to(text, SHOWN)
}

pub(super) fn shown_to(text: &str, length: usize) -> Cow<'_, str> {
    match text.char_indices().nth(length) {
        Some((at, _)) => format!("{}…", &text[..at]).into(),
        None => text.into(),
    }
}
