//! Everything that is wrong with a configuration, for people and for programs.

mod json;
mod render;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::code::Code;
use crate::path::KeyPath;
use crate::source::Source;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is accepted, though it is probably not what was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: PathBuf,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// Line of the first character, from 1.
    pub line: usize,
    /// Column of the first character, from 1, in characters (not bytes, not cells).
    pub column: usize,
    /// Line after the last character, from 1.
    pub end_line: usize,
    /// Column after the last character, from 1.
    pub end_column: usize,
    /// Which of the report's sources.
    pub(crate) source: usize,
}

/// Another place that a diagnostic speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub location: Location,
    /// What is there, in a few words.
    pub label: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in a stable word.
    pub code: Code,
    /// Whether it refuses the configuration.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The key that it is about, such as `listener.web.bind`; empty when it is about the whole.
    pub key: String,
    /// Where it is; `None` for a configuration that was built in code, and for what is not in any file.
    pub location: Option<Location>,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
    /// What to write instead.
    pub help: Option<String>,
}

/// All diagnostics of one attempt to read a configuration, in the order of the text.
#[derive(Debug, Clone, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    omitted: usize,
    sources: Arc<[Source]>,
    /// Where keys stand that name files, for problems which show only when those files are looked at.
    places: BTreeMap<String, Location>,
}

impl Report {
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>, omitted: usize, sources: Arc<[Source]>) -> Self {
        // Stable: those without a place keep their order, after the others.
        diagnostics.sort_by_key(order);
        Self { diagnostics, omitted, sources, places: BTreeMap::new() }
    }

    pub(crate) fn with_places(self, places: BTreeMap<String, Location>) -> Self {
        Self { places, ..self }
    }

    /// Adds an error that showed when a file which the configuration names was looked at: `path` leads to the key that
    /// names it, such as `["plugin", "geo", "component"]`, or to one beside it.
    pub fn add(&mut self, code: Code, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.put(Severity::Error, code, path, message.into(), help.into());
    }

    /// Adds a warning in the same way.
    pub fn add_warning(&mut self, code: Code, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.put(Severity::Warning, code, path, message.into(), help.into());
    }

    fn put(&mut self, severity: Severity, code: Code, path: &[&str], message: String, help: String) {
        let key = path.iter().fold(KeyPath::root(), |path, key| path.step(key)).to_string();
        let diagnostic = Diagnostic {
            code,
            severity,
            message,
            location: self.places.get(&key).cloned(),
            key,
            label: None,
            related: Vec::new(),
            help: Some(help),
        };
        self.diagnostics.push(diagnostic);
        self.diagnostics.sort_by_key(order);
    }

    /// Every diagnostic.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether the configuration is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Number of errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// Number of warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Number of further problems, of which only the number is kept.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The report as text with source lines and carets; `coloured` by terminal escape sequences.
    #[must_use]
    pub fn render(&self, coloured: bool) -> String {
        render::render(self, coloured)
    }

    /// The report as one JSON object: `errors`, `warnings` and `diagnostics`.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::encode(self)
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

/// By place; what has none comes last.
fn order(diagnostic: &Diagnostic) -> (usize, usize) {
    diagnostic.location.as_ref().map_or((usize::MAX, 0), |location| (location.source, location.span.start))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}
