//! JSON for programs.

use serde_json::{Value, json};

use super::{Diagnostic, Location, Report};

pub(super) fn encode(report: &Report) -> String {
    let diagnostics: Vec<Value> = report.diagnostics().iter().map(diagnostic).collect();
    let (errors, warnings, omitted) = (report.errors(), report.warnings(), report.omitted());
    json!({ "errors": errors, "warnings": warnings, "omitted": omitted, "diagnostics": diagnostics }).to_string()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let related = diagnostic.related.iter().map(|related| {
        let mut value = location(&related.location);
        value["label"] = related.label.clone().into();
        value
    });
    json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "key": diagnostic.key,
        "location": diagnostic.location.as_ref().map(location),
        "label": diagnostic.label,
        "related": related.collect::<Vec<_>>(),
        "help": diagnostic.help,
    })
}

fn location(location: &Location) -> Value {
    json!({
        "path": location.path.to_string_lossy(),
        "line": location.line,
        "column": location.column,
        "end-line": location.end_line,
        "end-column": location.end_column,
        "start-byte": location.span.start,
        "end-byte": location.span.end,
    })
}
