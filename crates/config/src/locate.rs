//! From a key to its place in a file.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::{At, Finding};
use crate::limits::MAX_PROBLEMS;
use crate::path::{KeyPath, Step};
use crate::report::{Diagnostic, Location, Related, Report, Severity};
use crate::source::{Source, Sources};

/// Knows the texts and where each key stands in them.
pub(crate) struct Locator<'a> {
    sources: Arc<[Source]>,
    starts: Vec<usize>,
    /// Where the lines of each source start, once somebody asks.
    lines: Vec<OnceCell<Vec<usize>>>,
    tree: Option<&'a DeTable<'a>>,
}

impl<'a> Locator<'a> {
    pub(crate) fn new(sources: &Sources, tree: Option<&'a DeTable<'a>>) -> Self {
        let lines = sources.files.iter().map(|_| OnceCell::new()).collect();
        Self { sources: Arc::clone(&sources.files), starts: sources.starts(), lines, tree }
    }

    /// For what is not in any file.
    pub(crate) fn nowhere() -> Self {
        Self { sources: Arc::new([]), starts: Vec::new(), lines: Vec::new(), tree: None }
    }

    /// The file that holds a key.
    pub(crate) fn file(&self, path: &KeyPath) -> Option<&std::path::Path> {
        let start = self.place(path)?.value.start;
        let source = self.starts.partition_point(|from| *from <= start).checked_sub(1)?;
        self.sources.get(source).map(|source| source.path.as_path())
    }

    /// Findings with their places, as a report. Of very many the first ones, errors before warnings.
    pub(crate) fn report(&self, mut findings: Vec<Finding>) -> Report {
        let found = findings.len();
        if found > MAX_PROBLEMS {
            let start = |finding: &Finding| self.span(&finding.at).map_or(usize::MAX, |span| span.start);
            findings.sort_by_cached_key(|finding| (finding.severity != Severity::Error, start(finding)));
            findings.truncate(MAX_PROBLEMS);
        }
        let omitted = found - findings.len();
        let mut diagnostics: Vec<_> = findings.into_iter().map(|finding| self.diagnostic(finding)).collect();
        diagnostics.dedup();
        Report::new(diagnostics, omitted, Arc::clone(&self.sources))
    }

    /// The finding with its place, and with the path that `name` makes of its path.
    pub(crate) fn placed(&self, finding: Finding, name: impl Fn(&KeyPath) -> KeyPath) -> Finding {
        let at = match (&finding.at, self.span(&finding.at)) {
            (At::Key(path) | At::Value(path), Some(span)) => Some(At::Span(span, name(path))),
            _ => None,
        };
        Finding { at: at.unwrap_or(finding.at), ..finding }
    }

    fn diagnostic(&self, finding: Finding) -> Diagnostic {
        let key = match &finding.at {
            At::Key(path) | At::Value(path) | At::Span(_, path) => path.to_string(),
        };
        let related = finding.related.into_iter().filter_map(|(at, label)| {
            let location = self.locate(&at)?;
            Some(Related { location, label })
        });
        Diagnostic {
            code: finding.code,
            severity: finding.severity,
            location: self.locate(&finding.at),
            related: related.collect(),
            message: finding.message,
            key,
            label: finding.label,
            help: finding.help,
        }
    }

    fn locate(&self, at: &At) -> Option<Location> {
        self.location(self.span(at)?)
    }

    /// Where the keys of `table` stand, by their full names. What is not written stands where the table does.
    pub(crate) fn places<'k>(
        &self,
        table: &KeyPath,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Iterator<Item = (String, Location)> {
        keys.into_iter().filter_map(|key| {
            let path = table.key(key);
            let is_written = node(self.tree?, &path).is_some();
            let at = if is_written { At::Value(path.clone()) } else { At::Key(table.clone()) };
            Some((path.to_string(), self.locate(&at)?))
        })
    }

    fn span(&self, at: &At) -> Option<Range<usize>> {
        match at {
            At::Span(span, _) => Some(span.clone()),
            At::Key(path) => Some(self.place(path)?.key),
            At::Value(path) => Some(self.place(path)?.value),
        }
    }

    fn place(&self, path: &KeyPath) -> Option<Place> {
        place(self.tree?, path)
    }

    fn location(&self, span: Range<usize>) -> Option<Location> {
        let source = self.starts.partition_point(|start| *start <= span.start).checked_sub(1)?;
        let (file, base) = (self.sources.get(source)?, self.starts.get(source)?);
        let text = file.text.as_str();
        let start = text.floor_char_boundary((span.start - base).min(text.len()));
        let end = text.ceil_char_boundary(span.end.saturating_sub(*base).clamp(start, text.len()));
        let lines = self.lines.get(source)?.get_or_init(|| line_starts(text));
        let ((line, column), (end_line, end_column)) = (position(text, lines, start), position(text, lines, end));
        Some(Location { path: file.path.clone(), span: start..end, line, column, end_line, end_column, source })
    }
}

/// Where a key stands, and where its value.
pub(crate) struct Place {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// The place of a key, or of the nearest thing around it that stands in the text.
pub(crate) fn place(root: &DeTable<'_>, path: &KeyPath) -> Option<Place> {
    let mut steps = path.steps().iter();
    let Some(Step::Key(first)) = steps.next() else { return None };
    let (key, mut node) = root.get_key_value(first.as_str())?;
    let mut place = Place { key: key.span(), value: node.span() };
    for step in steps {
        let Some((key, next)) = descend(node, step) else { break };
        place = Place { key: key.unwrap_or_else(|| next.span()), value: next.span() };
        node = next;
    }
    Some(place)
}

type Node<'a> = Spanned<DeValue<'a>>;

/// The value at `path`; `None` for the root, which is a table and no value.
pub(crate) fn node<'n, 't>(root: &'n DeTable<'t>, path: &KeyPath) -> Option<&'n Node<'t>> {
    let (Step::Key(first), rest) = path.steps().split_first()? else { return None };
    rest.iter().try_fold(root.get(first.as_str())?, |node, step| descend(node, step).map(|(_, node)| node))
}

/// The same, to be changed.
pub(crate) fn node_mut<'n, 't>(root: &'n mut DeTable<'t>, path: &KeyPath) -> Option<&'n mut Node<'t>> {
    let (Step::Key(first), rest) = path.steps().split_first()? else { return None };
    rest.iter().try_fold(root.get_mut(first.as_str())?, |node, step| match (step, node.get_mut()) {
        (Step::Key(key), DeValue::Table(table)) => table.get_mut(key.as_str()),
        (Step::Index(index), DeValue::Array(array)) => array.get_mut(*index),
        _ => None,
    })
}

/// The thing at `step` of `node`, with the place of its key if it has one. Where one value may stand for a list of one,
/// any of the list is the value itself; where a list of tables may stand for a table, the one that has the key counts.
pub(crate) fn descend<'n, 't>(node: &'n Node<'t>, step: &Step) -> Option<(Option<Range<usize>>, &'n Node<'t>)> {
    match (step, node.get_ref()) {
        (Step::Key(key), DeValue::Table(table)) => {
            table.get_key_value(key.as_str()).map(|(key, value)| (Some(key.span()), value))
        }
        (Step::Index(index), DeValue::Array(array)) => array.get(*index).map(|value| (None, value)),
        (Step::Index(_), _) => Some((None, node)),
        (Step::Key(_), DeValue::Array(array)) => {
            array.iter().find_map(|value| if value.get_ref().is_table() { descend(value, step) } else { None })
        }
        _ => None,
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect()
}

/// Line and column of a byte, both from 1; columns count characters.
fn position(text: &str, lines: &[usize], at: usize) -> (usize, usize) {
    // The first line starts at 0, so there is always one before.
    let line = lines.partition_point(|start| *start <= at);
    let start = lines[line - 1];
    // A mark at the start of the file is not a character of its first line.
    let before = text[start..at].trim_start_matches('\u{feff}');
    (line, before.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, needle: &str, line: usize, column: usize) {
        let sources = Sources::from_text("x.toml", text);
        let at = text.find(needle).expect("the needle is in the text");
        let location = Locator::new(&sources, None).location(at..at + needle.len()).expect("it has a place");
        assert_eq!((location.line, location.column), (line, column));
    }

    #[test]
    fn columns_count_characters_whatever_their_bytes_and_line_ends() {
        check("a = 1\nb = 2", "b", 2, 1);
        check("a = 1\r\nbc = 2", "c", 2, 2);
        check("\"übel\" = 'é' # x", "x", 1, 16);
        check("\u{feff}a = 1", "a", 1, 1);
        check("\"👩‍👩‍👧\" = 1", "=", 1, 9);
    }

    #[test]
    fn spans_find_their_file() {
        let sources = Sources {
            files: Arc::new([
                Source { path: "a".into(), text: "x = 1\n".into() },
                Source { path: "b".into(), text: "y = 2\n".into() },
            ]),
        };
        let locator = Locator::new(&sources, None);
        let place = |at| locator.location(at..at + 1).map(|found| (found.source, found.line, found.column));
        assert_eq!(place(4), Some((0, 1, 5)));
        assert_eq!(place(6), Some((0, 2, 1)), "the end of a text is its own");
        assert_eq!(place(11), Some((1, 1, 5)));
    }
}
