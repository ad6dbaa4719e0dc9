//! Text for people, drawn by rustc's own renderer.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Location, Report, Severity};
use crate::limits::MAX_PROBLEMS;
use crate::source::Source;

/// Longest excerpt that is shown of one line's neighbourhood, in bytes to either side of a span: a file may be a single
/// line of megabytes.
const MARGIN: usize = 160;

/// Longest part of a span that is underlined, in bytes: the caret says where, not how long.
const UNDERLINED: usize = 400;

/// Widest output, in cells.
const WIDTH: usize = 140;

pub(super) fn render(report: &Report, coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
    let mut text = String::new();
    for diagnostic in report.diagnostics() {
        text.push_str(&renderer.render(&[group(report, diagnostic)]));
        text.push_str("\n\n");
    }
    text.push_str(&summary(report));
    text
}

fn group<'a>(report: &'a Report, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code.as_str()));
    if let Some(location) = &diagnostic.location {
        let label = diagnostic.label.as_deref();
        group = add(group, report, location, AnnotationKind::Primary, label);
    } else if !diagnostic.key.is_empty() {
        group = group.element(Level::NOTE.message(format!("in `{}`", diagnostic.key)));
    }
    for related in &diagnostic.related {
        group = add(group, report, &related.location, AnnotationKind::Context, Some(&related.label));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

fn add<'a>(
    group: Group<'a>,
    report: &'a Report,
    location: &Location,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Group<'a> {
    let Some(source) = report.sources.get(location.source) else { return group };
    let excerpt = excerpt(source, location);
    let span = excerpt.start..excerpt.end;
    let annotation = kind.span(span).label(label.map(Cow::Borrowed));
    let snippet = Snippet::source(excerpt.text).line_start(excerpt.line).path(source.path.display().to_string());
    group.element(snippet.annotation(annotation))
}

struct Excerpt<'a> {
    text: &'a str,
    line: usize,
    start: usize,
    end: usize,
}

/// The lines around a span, cut to a length that is safe to print. The span is always inside it.
fn excerpt<'a>(source: &'a Source, location: &Location) -> Excerpt<'a> {
    let text = source.text.as_str();
    let start = floor(text, location.span.start);
    let end = floor(text, location.span.end.min(start + UNDERLINED)).max(start);
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1).max(floor(text, start.saturating_sub(MARGIN)));
    let to = text[end..].find('\n').map_or(text.len(), |at| end + at).min(floor(text, end + MARGIN));
    let text = text[from..to].trim_end_matches('\r');
    Excerpt { text, line: location.line, start: start - from, end: (end - from).min(text.len()) }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn summary(report: &Report) -> String {
    let plural = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let omitted = match (report.omitted(), report.diagnostics().len()) {
        // The search itself ends at this number.
        (0, MAX_PROBLEMS..) => Some("and maybe more".to_owned()),
        (0, _) => None,
        (omitted, _) => Some(format!("at least {omitted} more not shown")),
    };
    let parts = [plural(report.errors(), "error"), plural(report.warnings(), "warning"), omitted];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
