//! `check`: everything that is wrong with a configuration and the files that it names.

use std::path::Path;

use equipoise_config::{Loaded, Report};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::environment::variable;
use crate::failure::{Code, Failure};
use crate::output::{Format, Style, json_to_stdout, to_stderr, to_stdout};

mod component;

use component::Problem;

pub(crate) fn run(arguments: &CheckArgs) -> Result<(), Failure> {
    let Findings { report, loaded, problems } = look(&arguments.config.config);
    match arguments.output.output {
        Format::Json => json_to_stdout(&json(&report, &problems))?,
        Format::Table => tell(&report, &problems, loaded.as_ref())?,
    }
    if report.has_errors() || !problems.is_empty() { Err(Failure::told(Code::Failed)) } else { Ok(()) }
}

struct Findings {
    report: Report,
    /// `None` when the report has errors: what a refused configuration names is not looked at.
    loaded: Option<Loaded>,
    problems: Vec<Problem>,
}

fn look(path: &Path) -> Findings {
    match equipoise_config::load(path, &variable) {
        Ok(loaded) => {
            let problems = component::problems(&loaded);
            Findings { report: loaded.warnings.clone(), loaded: Some(loaded), problems }
        }
        Err(report) => Findings { report, loaded: None, problems: Vec::new() },
    }
}

fn tell(report: &Report, problems: &[Problem], loaded: Option<&Loaded>) -> Result<(), Failure> {
    let style = Style::of_stderr();
    if !report.is_empty() {
        to_stderr(&report.render(style.is_coloured()));
    }
    for problem in problems {
        to_stderr(&problem.text(style));
    }
    let (errors, warnings) = (report.errors() + problems.len(), report.warnings());
    let counts = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    match loaded {
        Some(loaded) if errors == 0 => {
            let config = &loaded.config;
            let parts = [
                count(config.listeners.len(), "listener"),
                count(config.target_groups.len(), "target group"),
                count(config.plugins.len(), "plugin"),
            ];
            to_stdout(&format!("the configuration is good: {} ({counts})\n", parts.join(", ")))
        }
        _ => {
            to_stderr(&format!("the configuration is refused: {counts}\n"));
            Ok(())
        }
    }
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The report's own JSON with the components' problems appended.
fn json(report: &Report, problems: &[Problem]) -> Value {
    // The report writes this text itself; should it ever not be JSON, the problems are still told.
    let mut value: Value = serde_json::from_str(&report.to_json()).unwrap_or_else(|_| json!({}));
    value["errors"] = (report.errors() + problems.len()).into();
    if let Some(diagnostics) = value["diagnostics"].as_array_mut() {
        diagnostics.extend(problems.iter().map(Problem::json));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Findings {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("x.toml");
        std::fs::write(&config, text).unwrap();
        look(&config)
    }

    const GOOD: &str = "
        [listener.web]
        bind = \"127.0.0.1:8080\"
        default = { forward = \"todo\" }
        [target-group.todo]
        targets = [\"127.0.0.1:1\"]
    ";

    #[test]
    fn a_good_configuration_has_no_problem() {
        let findings = findings(GOOD);
        assert!(!findings.report.has_errors() && findings.problems.is_empty(), "{}", findings.report);
    }

    #[test]
    fn a_plugin_whose_file_is_missing_is_an_error_beside_those_of_the_text() {
        let plugin = "[plugin.geo]\ncomponent = \"missing.wasm\"\nworld = \"router\"\n";
        let findings = findings(&format!("{GOOD}\n{plugin}"));
        let json = json(&findings.report, &findings.problems);
        assert_eq!(json["errors"], 1, "{json}");
        let diagnostics = json["diagnostics"].as_array().unwrap();
        let last = diagnostics.last().unwrap();
        assert_eq!(last["key"], "plugin.geo.component", "{json}");
    }
}
