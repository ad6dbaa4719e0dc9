//! One mistake anywhere gives one error, where it stands: nothing is missed, and nothing follows from it.

use std::ops::Range;

use equipoise_config::{Report, Sources};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::unset;

const WHOLE: &str = include_str!("../whole.toml");

/// A key of the text, with where it and its value stand.
struct Entry {
    path: String,
    key: Range<usize>,
    value: Range<usize>,
    is_header: bool,
}

fn entries(table: &DeTable<'_>, path: &str, found: &mut Vec<Entry>) {
    for (key, value) in table {
        let path = format!("{path}.{}", key.get_ref());
        let is_header = WHOLE[..key.span().start].ends_with(['[', '.']);
        found.push(Entry { path: path.clone(), key: key.span(), value: value.span(), is_header });
        inside(value, &path, found);
    }
}

fn inside(value: &Spanned<DeValue<'_>>, path: &str, found: &mut Vec<Entry>) {
    match value.get_ref() {
        DeValue::Table(table) => entries(table, path, found),
        DeValue::Array(array) => array.iter().for_each(|value| inside(value, path, found)),
        _ => {}
    }
}

/// Keys of the language: not those whose names are the user's, nor whole sections.
fn language() -> Vec<Entry> {
    let mut found = Vec::new();
    entries(DeTable::parse(WHOLE).unwrap().get_ref(), "", &mut found);
    let free = [
        ".config.",
        ".header.",
        ".query.",
        ".cookie.",
        ".set.",
        ".add.",
        ".environment.",
        ".environment-files.",
        ".labels.",
    ];
    let sections = [".listener", ".target-group", ".plugin", ".scaling-group", ".alarm"];
    let is_named = |path: &str| {
        let steps: Vec<_> = path.split('.').collect();
        let of_user = steps.len() <= 3 || matches!(steps.as_slice(), [_, _, _, "policy" | "hook", _]);
        of_user && sections.iter().any(|section| path.starts_with(section))
    };
    found.retain(|entry| !free.iter().any(|part| entry.path.contains(part)) && !is_named(&entry.path));
    found
}

fn replaced(at: &Range<usize>, with: &str) -> Result<(), Report> {
    let text = format!("{}{with}{}", &WHOLE[..at.start], &WHOLE[at.end..]);
    Sources::from_text("x.toml", text).check(&unset, &[]).map(drop)
}

#[track_caller]
fn check(entry: &Entry, at: &Range<usize>, with: &str) {
    let Err(report) = replaced(at, with) else { panic!("{} = {with} is accepted", entry.path) };
    let errors = report.diagnostics().iter().filter(|found| found.severity == equipoise_config::Severity::Error);
    let places: Vec<_> = errors.filter_map(|error| error.location.as_ref().map(|place| place.span.start)).collect();
    let near = |place: &usize| (at.start..at.start + with.len()).contains(place);
    assert!(matches!(places.as_slice(), [place] if near(place)), "{} = {with} at {}:\n{report}", entry.path, at.start);
    assert!(report.diagnostics()[0].help.is_some(), "{report}");
}

#[test]
fn a_misspelt_key_is_one_error_where_it_stands() {
    let entries = language();
    assert!(entries.len() > 100, "{}", entries.len());
    for entry in entries {
        // The header of a table may be said twice, once for each of its tables.
        if !entry.is_header {
            let misspelt = format!("{}x", &WHOLE[entry.key.clone()]);
            check(&entry, &entry.key, &misspelt);
        }
    }
}

#[test]
fn a_value_of_another_type_is_one_error_where_it_stands() {
    for entry in language().iter().filter(|entry| !entry.is_header && !entry.path.ends_with(".config")) {
        check(entry, &entry.value, "[[true]]");
    }
}

#[test]
fn a_number_out_of_all_bounds_is_one_error_where_it_stands() {
    for entry in language() {
        let is_number = WHOLE[entry.value.clone()].parse::<f64>().is_ok();
        if is_number && !entry.path.ends_with("rule.priority") {
            // Some numbers may be negative.
            if ![".by", ".from", ".to", ".threshold"].iter().any(|end| entry.path.ends_with(end)) {
                check(&entry, &entry.value, "-1");
            }
            check(&entry, &entry.value, "99999999999999999999");
        }
    }
}
