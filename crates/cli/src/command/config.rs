//! `config show`: a configuration as it is written, as it takes effect, or as it differs from another.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use equipoise_admin::client::Client;
use equipoise_config::{Change, Config, Loaded, Report, diff, effective};

use crate::args::ShowArgs;
use crate::environment::variable;
use crate::failure::{Code, Failure};
use crate::output::{Format, Style, json_to_stdout, to_stderr, to_stdout};

pub(crate) async fn show(client: &Client, arguments: &ShowArgs) -> Result<(), Failure> {
    match (&arguments.diff, &arguments.config) {
        (Some(other), Some(path)) => differences(&load(path)?.config, &load(other)?.config, arguments),
        // The other one first: its errors need no running balancer to be told.
        (Some(other), None) => {
            let other = load(other)?.config;
            differences(&running(client).await?, &other, arguments)
        }
        (None, Some(path)) if arguments.effective => print(&effective(&load(path)?.config), arguments),
        (None, Some(path)) => print(&written(&load(path)?)?, arguments),
        (None, None) => print(&client.effective_config().await?, arguments),
    }
}

fn print(text: &str, arguments: &ShowArgs) -> Result<(), Failure> {
    match arguments.output.output {
        Format::Table => to_stdout(text),
        Format::Json => {
            let value: toml::Table = text.parse().context("reading the configuration as TOML")?;
            json_to_stdout(&value)
        }
    }
}

/// The files themselves, each under its name when there are several.
fn written(loaded: &Loaded) -> Result<String, Failure> {
    let files = loaded.files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "toml"));
    let mut text = String::new();
    for file in files {
        let content = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        // Writing to memory cannot fail.
        let _ = writeln!(text, "# {}\n{}", file.display(), content.trim_end());
    }
    Ok(text)
}

async fn running(client: &Client) -> Result<Config, Failure> {
    let text = client.effective_config().await?;
    let loaded = equipoise_config::parse(&text, &variable);
    let loaded =
        loaded.map_err(|report| anyhow::anyhow!("this version cannot read what the balancer runs\n{report}"))?;
    Ok(loaded.config)
}

fn load(path: &Path) -> Result<Loaded, Failure> {
    equipoise_config::load(path, &variable).map_err(|report| refused(&report))
}

fn refused(report: &Report) -> Failure {
    to_stderr(&report.render(Style::of_stderr().is_coloured()));
    Failure::told(Code::Failed)
}

fn differences(old: &Config, new: &Config, arguments: &ShowArgs) -> Result<(), Failure> {
    let changes = diff(old, new);
    match arguments.output.output {
        Format::Json => json_to_stdout(&changes.iter().map(Change::to_string).collect::<Vec<_>>()),
        Format::Table if changes.is_empty() => to_stdout("no difference\n"),
        Format::Table => to_stdout(&changes.iter().fold(String::new(), |mut text, change| {
            // Writing to memory cannot fail.
            let _ = writeln!(text, "{change}");
            text
        })),
    }
}
