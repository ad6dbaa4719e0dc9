//! The crate from the outside: texts in, configurations and reports out.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod diagnostics;
mod differences;
mod examples;
mod extremes;
mod folder;
mod hostile;
mod json_schema;
mod one_mistake;
mod reference;
mod round_trip;
mod survives;
mod variables;

use equipoise_config::{Config, Loaded, Report, parse};

/// No variable is set.
fn unset(_: &str) -> Option<String> {
    None
}

/// The configuration of a text that is right.
#[track_caller]
fn accepted(text: &str) -> Config {
    loaded(text).config
}

#[track_caller]
fn loaded(text: &str) -> Loaded {
    parse(text, &unset).unwrap_or_else(|report| panic!("{report}"))
}

/// The report on a text that is wrong.
#[track_caller]
fn refused(text: &str) -> Report {
    match parse(text, &unset) {
        Ok(loaded) => panic!("accepted: {:?}", loaded.config),
        Err(report) => report,
    }
}

/// Codes and keys of a report, one a line, for short tests.
fn outline(report: &Report) -> Vec<String> {
    let line = |diagnostic: &equipoise_config::Diagnostic| format!("{} {}", diagnostic.code, diagnostic.key);
    report.diagnostics().iter().map(line).collect()
}
