//! One text to one table.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};
use toml_parser::lexer::TokenKind;

use crate::code::Code;
use crate::finding::{At, Finding};
use crate::limits::{MAX_DEPTH, MAX_DOTS};
use crate::path::KeyPath;

/// Most syntax errors of one file that are reported: after the first few, most are consequences.
const MAX_SYNTAX_ERRORS: usize = 20;

/// The table of a text, or `None` after an error that leaves no sense in it.
pub(super) fn parse<'s>(text: &'s str, base: usize, findings: &mut Vec<Finding>) -> Option<DeTable<'s>> {
    if let Some(finding) = deep_key(text, base) {
        findings.push(finding);
        return None;
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    // A key that is there twice leaves the rest whole; anything else leaves guesses.
    let sound = errors.iter().all(|error| error.message() == "duplicate key");
    let root = root.into_inner();
    findings.extend(errors.iter().take(MAX_SYNTAX_ERRORS).map(|error| syntax(text, base, error, &root)));
    if sound && too_deep(root.values(), MAX_DEPTH) {
        let message = format!("tables are nested more than {MAX_DEPTH} deep");
        findings.push(Finding::error(Code::TooMuch, At::Span(base..base + 1, KeyPath::root()), message));
        return None;
    }
    sound.then_some(root)
}

/// Refuses a key of very many parts before the parser builds a table for each.
fn deep_key(text: &str, base: usize) -> Option<Finding> {
    let mut dots = 0;
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::Newline | TokenKind::Equals | TokenKind::Comma => dots = 0,
            _ => {}
        }
        if dots > MAX_DOTS {
            let at = base + token.span().start();
            let message = format!("a key of more than {} parts", MAX_DOTS + 1);
            return Some(Finding::error(Code::TooMuch, At::Span(at..at + 1, KeyPath::root()), message));
        }
    }
    None
}

fn too_deep<'v, 's: 'v>(mut values: impl Iterator<Item = &'v Spanned<DeValue<'s>>>, left: usize) -> bool {
    values.any(|value| match value.get_ref() {
        DeValue::Table(_) | DeValue::Array(_) if left == 0 => true,
        DeValue::Table(table) => too_deep(&mut table.values() as &mut dyn Iterator<Item = _>, left - 1),
        DeValue::Array(array) => too_deep(&mut array.iter() as &mut dyn Iterator<Item = _>, left - 1),
        _ => false,
    })
}

fn syntax(text: &str, base: usize, error: &Error, root: &DeTable<'_>) -> Finding {
    let span = error.span().unwrap_or(text.len()..text.len());
    let at = At::Span(base + span.start..base + span.end, KeyPath::root());
    if error.message() == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        let finding = Finding::error(Code::DuplicateKey, at, format!("`{key}` is defined twice in this table"))
            .help("remove one of them, or write an array of tables `[[…]]` where several are allowed");
        return match first_definition(text, root, &span) {
            Some(first) => {
                let first = At::Span(base + first.start..base + first.end, KeyPath::root());
                finding.related(first, "first defined here")
            }
            None => finding,
        };
    }
    let message = error.message();
    // The parser's grammar shows through.
    let ends = [", expected nothing", ", expected literal string"];
    let message = ends.iter().find_map(|end| message.strip_suffix(end)).unwrap_or(message);
    let finding = Finding::error(Code::Syntax, at, message);
    match hint(text, span.start) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Where the key of `again` was defined before, as far as it can be told: the parser knows, but does not say.
fn first_definition(text: &str, root: &DeTable<'_>, again: &Range<usize>) -> Option<Range<usize>> {
    let start = text.get(..again.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next()?;
    if line.trim_start().starts_with('[') {
        // A header: the same one, on an earlier line.
        let header = &line[..=line.find(']')?];
        let mut lines = text[..start].split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some((*at - line.len(), line))
        });
        let (first, _) = lines.find(|(_, line)| line.starts_with(header))?;
        return Some(again.start - start + first..again.end - start + first);
    }
    let mut found = None;
    nearest_before(root, text.get(again.clone())?, again.start, &mut found);
    found
}

/// The last key of that name before `at`.
fn nearest_before(table: &DeTable<'_>, name: &str, at: usize, found: &mut Option<Range<usize>>) {
    for (key, value) in table {
        let nearer = key.span().start < at && found.as_ref().is_none_or(|found| found.start < key.span().start);
        if key.get_ref() == name && nearer {
            *found = Some(key.span());
        }
        let tables = match value.get_ref() {
            DeValue::Array(array) => array.iter().filter_map(|value| value.get_ref().as_table()).collect(),
            DeValue::Table(table) => vec![table],
            _ => Vec::new(),
        };
        tables.into_iter().for_each(|table| nearest_before(table, name, at, found));
    }
}

/// What people used to other formats write.
fn hint(text: &str, at: usize) -> Option<&'static str> {
    let at = text.floor_char_boundary(at.min(text.len()));
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line..].lines().next().unwrap_or_default();
    let (left, right) = line.split_once(['=', ':']).unwrap_or((line, ""));
    let right = right.trim();
    if !line.contains('=') && line.contains(':') {
        return Some("this is TOML, not YAML: write `key = value`");
    }
    if left.trim().starts_with("//") || left.trim().starts_with(';') {
        return Some("a comment starts with `#`");
    }
    if line.contains('=') && right.is_empty() {
        return Some("write a value after `=`");
    }
    if right.starts_with(|first: char| first.is_alphabetic()) || right.starts_with(|first: char| first.is_ascii_digit())
    {
        return Some("a text stands between quotes: `key = \"value\"`; so do durations and sizes");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_million_parts_is_refused_before_it_overflows_the_stack() {
        for text in [
            "a.".repeat(1_000_000) + "a = 1",
            "[".to_owned() + &"a.".repeat(1_000_000) + "a]",
            "a = ".to_owned() + &"[".repeat(1_000_000),
        ] {
            let mut findings = Vec::new();
            assert!(parse(&text, 0, &mut findings).is_none());
            assert!(!findings.is_empty());
        }
    }

    #[test]
    fn nesting_by_header_key_and_inline_table_together_is_bounded() {
        let dotted = ["a"; 15].join(".");
        let text = format!("[{dotted}]\n{dotted} = {{ {dotted} = 1 }}");
        let mut findings = Vec::new();
        assert!(parse(&text, 0, &mut findings).is_none());
        assert_eq!(findings[0].code, Code::TooMuch);
    }
}
