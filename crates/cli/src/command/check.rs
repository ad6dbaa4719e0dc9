//! `check`: everything that is wrong with a configuration and the files that it names.

use std::path::Path;

use equipoise_config::{Config, Report};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::environment::variable;
use crate::failure::{Code, Failure};
use crate::output::{Format, Style, json_to_stdout, to_stderr, to_stdout};

mod certificates;
mod component;
mod needs;

pub(crate) fn run(arguments: &CheckArgs) -> Result<(), Failure> {
    let Findings { report, config } = look(&arguments.config.config);
    match arguments.output.output {
        Format::Json => json_to_stdout(&json(&report))?,
        Format::Table => tell(&report, config.as_ref())?,
    }
    if report.has_errors() { Err(Failure::told(Code::Failed)) } else { Ok(()) }
}

struct Findings {
    report: Report,
    /// `None` when the text has errors: what a refused configuration names is not looked at.
    config: Option<Config>,
}

fn look(path: &Path) -> Findings {
    match equipoise_config::load(path, &variable) {
        Ok(loaded) => {
            let mut report = loaded.warnings;
            component::look_at_all(&loaded.config, &mut report);
            certificates::look_at_all(&loaded.config, &mut report);
            look_at_token(&loaded.config, &mut report);
            needs::look_at_all(&loaded.config, &mut report);
            Findings { report, config: Some(loaded.config) }
        }
        Err(report) => Findings { report, config: None },
    }
}

fn look_at_token(config: &Config, report: &mut Report) {
    let Some(file) = &config.admin.token_file else { return };
    if let Err(error) = equipoise_admin::token::read(file) {
        let message = format!("cannot take the admin token from `{}`: {error}", file.display());
        let help = "write a token into its first line, for instance with `openssl rand -hex 32`";
        report.add(equipoise_config::Code::Unreadable, &["admin", "token-file"], message, help);
    }
}

fn tell(report: &Report, config: Option<&Config>) -> Result<(), Failure> {
    if !report.is_empty() {
        to_stderr(&report.render(Style::of_stderr().is_coloured()));
    }
    let (errors, warnings) = (report.errors(), report.warnings());
    let counts = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    match config {
        Some(config) if errors == 0 => {
            let always = [
                (config.listeners.len(), "listener"),
                (config.target_groups.len(), "target group"),
                (config.plugins.len(), "plugin"),
            ];
            let scaling = [(config.scaling_groups.len(), "scaling group"), (config.alarms.len(), "alarm")];
            let parts = always.into_iter().chain(scaling.into_iter().filter(|(number, _)| *number > 0));
            let parts: Vec<_> = parts.map(|(number, what)| count(number, what)).collect();
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

fn json(report: &Report) -> Value {
    // The report writes this text itself; should it ever not be JSON, how many errors there are is still told.
    serde_json::from_str(&report.to_json()).unwrap_or_else(|_| json!({ "errors": report.errors() }))
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
        assert!(!findings.report.has_errors(), "{}", findings.report);
    }

    #[test]
    fn a_token_that_run_would_refuse_is_an_error_where_its_file_is_named() {
        let findings = findings(&format!("{GOOD}\n[admin]\ntoken-file = \"missing\"\n"));
        let json = json(&findings.report);
        let diagnostic = &json["diagnostics"][0];
        assert_eq!((&json["errors"], &diagnostic["key"]), (&1.into(), &"admin.token-file".into()), "{json}");
        assert_eq!(diagnostic["location"]["column"], 14, "{json}");
    }

    #[test]
    fn what_instances_need_and_is_not_there_is_a_warning_where_it_is_named() {
        let scaled = r#"
            [scaling-group.todo]
            target-group = "todo"
            max = 1
            [scaling-group.todo.launch-template.process]
            command = ["./missing"]
            ports = "6500-6599"
            folder = "nowhere"
            environment-files = { PASSWORD = "password", TOKEN = "x.toml" }
            [scaling-group.todo.hook.a]
            on = "launching"
            command = ["no-such-program-anywhere"]
            [alarm.a]
            metric = "latency"
            scaling-group = "todo"
            comparison = "less-than"
            threshold = 1
            on-ok = ["log", { command = ["/bin/sh"] }, { command = ["x/{group}"] }, { command = ["./x.toml"] }]
        "#;
        let findings = findings(&format!("{GOOD}\n{scaled}"));
        let json = json(&findings.report);
        let named = |found: &&Value| found["code"] == "not-there";
        let found: Vec<_> = json["diagnostics"].as_array().unwrap().iter().filter(named).collect();
        let keys: Vec<_> = found.iter().map(|found| found["key"].as_str().unwrap()).collect();
        let template = "scaling-group.todo.launch-template.process";
        let expected = [
            format!("{template}.command"),
            format!("{template}.folder"),
            format!("{template}.environment-files.PASSWORD"),
            "scaling-group.todo.hook.a.command".to_owned(),
            "alarm.a.on-ok[3].command".to_owned(),
        ];
        assert_eq!(keys, expected, "{json}");
        assert!(found.iter().all(|found| found["location"]["line"].is_u64()), "{json}");
        assert_eq!(json["errors"], 0, "{json}");
    }

    #[test]
    fn a_plugin_whose_file_is_missing_is_an_error_where_it_is_named() {
        let plugin = "[plugin.geo]\ncomponent = \"missing.wasm\"\nworld = \"router\"\n";
        let findings = findings(&format!("{GOOD}\n{plugin}"));
        let json = json(&findings.report);
        assert_eq!(json["errors"], 1, "{json}");
        let diagnostics = json["diagnostics"].as_array().unwrap();
        let missing = diagnostics.iter().find(|found| found["key"] == "plugin.geo.component").unwrap();
        assert_eq!((&missing["location"]["line"], &missing["location"]["column"]), (&9.into(), &13.into()), "{json}");
    }
}
