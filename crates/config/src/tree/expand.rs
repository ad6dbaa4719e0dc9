//! `${NAME}` and `${NAME:-default}` in strings, filled in after parsing: a variable can never change the structure, only
//! the text of one value.

mod pieces;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::pieces::{Piece, pieces};
use crate::code::Code;
use crate::finding::{At, Finding};
use crate::limits::{MAX_BYTES, MAX_SECRET};
use crate::path::KeyPath;
use crate::source::Sources;

/// Looks an environment variable up by name.
///
/// A name that is not set falls back to the first line of the file that `NAME_FILE` names, the way container platforms
/// hand over secrets.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What was filled in.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// Texts by the place of the string.
    pub(super) texts: HashMap<usize, String>,
    /// Places of strings with a problem.
    pub(super) failed: HashSet<usize>,
    /// Secret files that were read.
    pub(super) secrets: Vec<PathBuf>,
}

/// Walks over strings and fills in variables.
pub(super) struct Expand<'e> {
    environment: Environment<'e>,
    sources: &'e Sources,
    findings: &'e mut Vec<Finding>,
    pub(super) filled: Filled,
    /// Bytes that variables may still add.
    left: usize,
}

impl<'e> Expand<'e> {
    pub(super) fn new(environment: Environment<'e>, sources: &'e Sources, findings: &'e mut Vec<Finding>) -> Self {
        Self { environment, sources, findings, filled: Filled::default(), left: MAX_BYTES }
    }

    pub(super) fn table(&mut self, table: &DeTable<'_>, base: usize) {
        table.values().for_each(|value| self.value(value, base));
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, base: usize) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, base),
            DeValue::Array(array) => array.iter().for_each(|value| self.value(value, base)),
            DeValue::String(text) if text.contains("${") => {
                let span = shift(value.span(), base);
                let text = self.text(text, &span);
                self.filled.texts.insert(span.start, text);
            }
            _ => {}
        }
    }

    /// The text with every variable filled in. After a problem the rest of the text is kept, so that nothing else is
    /// reported about it than what is wrong.
    fn text(&mut self, text: &str, span: &Range<usize>) -> String {
        let mut filled = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable { name, default } => match self.variable(name, default, span) {
                    Some(value) if value.len() <= self.left => {
                        self.left -= value.len();
                        filled.push_str(&value);
                    }
                    Some(_) => self.problem(Code::TooMuch, name, span, "variables add more text than is accepted"),
                    None => {}
                },
                Piece::Malformed(rest) => {
                    self.problem(Code::BadExpansion, rest, span, "`${` starts a variable, but this is none");
                    filled.push_str(rest);
                }
            }
        }
        filled
    }

    fn variable(&mut self, name: &str, default: Option<&str>, span: &Range<usize>) -> Option<String> {
        let set = (self.environment)(name);
        match (set, default) {
            (Some(value), None) => return Some(value),
            (Some(value), Some(_)) if !value.is_empty() => return Some(value),
            _ => {}
        }
        if let Some(path) = (self.environment)(&format!("{name}_FILE")) {
            return self.secret(name, Path::new(&path), span);
        }
        if default.is_none() {
            let message = format!("environment variable `{name}` is not set");
            self.problem(Code::UnsetVariable, name, span, &message);
        }
        default.map(str::to_owned)
    }

    fn secret(&mut self, name: &str, path: &Path, span: &Range<usize>) -> Option<String> {
        self.filled.secrets.push(path.to_owned());
        let mut text = String::new();
        let outcome = File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_string(&mut text));
        match outcome {
            Ok(_) if text.len() as u64 <= MAX_SECRET => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
            Ok(_) => {
                let message = format!("`{}`, named by `{name}_FILE`, is too long for a secret", path.display());
                self.problem(Code::TooMuch, name, span, &message);
                None
            }
            Err(error) => {
                let message = format!("cannot read `{}`, named by `{name}_FILE`: {error}", path.display());
                self.problem(Code::Unreadable, name, span, &message);
                None
            }
        }
    }

    fn problem(&mut self, code: Code, name: &str, span: &Range<usize>, message: &str) {
        self.filled.failed.insert(span.start);
        let place = self.place(name, span);
        let help = match code {
            Code::UnsetVariable => {
                format!("set it, or give a default: `${{{name}:-…}}`; the text itself is written `$${{{name}}}`")
            }
            Code::BadExpansion => {
                "write `${NAME}` or `${NAME:-default}`, whose default holds no variable; a plain `${` is written `$${`"
                    .to_owned()
            }
            _ => String::new(),
        };
        let finding = Finding::error(code, At::Span(place, KeyPath::root()), message);
        self.findings.push(if help.is_empty() { finding } else { finding.help(help) });
    }

    /// Where the variable stands inside the string; the whole string when escapes hide it.
    fn place(&self, name: &str, span: &Range<usize>) -> Range<usize> {
        let starts = self.sources.starts();
        let found = self.sources.files.iter().zip(starts).find_map(|(file, base)| {
            let raw = file.text.get(span.start.checked_sub(base)?..span.end.checked_sub(base)?)?;
            let at = raw.find(&format!("${{{name}")).or_else(|| raw.find(name))?;
            let end = raw[at..].find('}').map_or(raw.len(), |end| at + end + 1);
            Some(span.start + at..span.start + end)
        });
        found.unwrap_or_else(|| span.clone())
    }
}

pub(super) fn shift(span: Range<usize>, base: usize) -> Range<usize> {
    span.start + base..span.end + base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, problems: usize) {
        let sources = Sources::from_text("x", text);
        let environment = |name: &str| match name {
            "HOST" => Some("example.org".to_owned()),
            "EMPTY" => Some(String::new()),
            "LOOP" => Some("${HOST}".to_owned()),
            _ => None,
        };
        let mut findings = Vec::new();
        assert_eq!(Expand::new(&environment, &sources, &mut findings).text(text, &(0..text.len())), expected);
        assert_eq!(findings.len(), problems, "{findings:?}");
    }

    #[test]
    fn variables_are_filled_in_once() {
        check("a-${HOST}-${HOST}", "a-example.org-example.org", 0);
        check("${LOOP}", "${HOST}", 0);
    }

    #[test]
    fn a_default_stands_in_for_what_is_unset_or_empty() {
        check("${PORT:-8080}", "8080", 0);
        check("${EMPTY:-x}", "x", 0);
        check("[${EMPTY}]", "[]", 0);
        check("${NONE:-}", "", 0);
    }

    #[test]
    fn two_dollars_keep_the_braces() {
        check("$${HOST}", "${HOST}", 0);
        check("5$ and $5 {x}", "5$ and $5 {x}", 0);
    }

    #[test]
    fn what_is_no_variable_is_said_so() {
        check("a${}b", "a${}b", 1);
        check("${HOST", "${HOST", 1);
        check("${a b}", "${a b}", 1);
        check("${A}${B}", "", 2);
        check("${é}", "${é}", 1);
        check("${A:-${HOST}}", "${A:-${HOST}}", 1);
    }

    #[test]
    fn variables_cannot_blow_a_file_up() {
        let big = "x".repeat(MAX_BYTES / 2 + 1);
        let sources = Sources::from_text("x", "${A}${A}");
        let environment = |_: &str| Some(big.clone());
        let mut findings = Vec::new();
        assert!(Expand::new(&environment, &sources, &mut findings).text("${A}${A}", &(0..8)).len() <= MAX_BYTES);
        assert_eq!(findings[0].code, Code::TooMuch);
    }
}
