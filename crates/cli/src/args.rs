//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::logging::LogFormat;
use crate::output::Format;

mod client;
#[cfg(feature = "wasm")]
mod demo;
mod import;
mod instance;
mod scaling;
mod variables;

pub(crate) use client::{AdminArgs, DrainArgs};
#[cfg(feature = "wasm")]
pub(crate) use demo::DemoArgs;
pub(crate) use import::{ImportCommand, TerraformArgs};
pub(crate) use instance::InstanceArgs;
pub(crate) use scaling::{AlarmsCommand, AsgCommand, MetricArgs, MetricsCommand};
pub(crate) use variables::parse;

/// An edge balancer that anyone can program
///
/// Spreads HTTP requests over targets, checks their health, and lets WebAssembly components decide; configuration and
/// components are swapped while traffic flows. Try `equipoise demo`.
///
/// Exit codes: 0 done; 1 failed, or `check` found errors; 2 wrong arguments; 69 the admin address does not answer; 78
/// `run` refused the configuration.
#[derive(Debug, Parser)]
#[command(name = "equipoise", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The program's own log, always on standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogArgs {
    /// What is logged: levels, also by part (`info,equipoise_health=debug`); `info` by default, `warn` in the demo
    #[arg(id = "log", long, global = true, env = "EQUIPOISE_LOG", value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// How log lines are written
    #[arg(
        id = "log-format",
        long,
        global = true,
        env = "EQUIPOISE_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) format: LogFormat,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Balance traffic as a configuration says
    ///
    /// The configuration and plugin files are watched and swapped in while requests run. Signals: HUP reload; TERM, QUIT
    /// or the first INT drain and end; the second INT ends at once; USR1 reopens log files; USR2 starts the
    /// program anew, hands its sockets over and drains.
    Run(RunArgs),
    /// Check a configuration and name every problem at once
    Check(CheckArgs),
    /// Tell a running balancer to read its configuration again
    Reload(OutputArgs),
    /// Show what a running balancer is doing
    Status(OutputArgs),
    /// Let a running balancer finish its requests and end
    Drain(DrainArgs),
    /// Look at scaling groups, and change them
    #[command(subcommand, visible_alias = "scaling-groups")]
    #[command(
        after_help = "Examples:\n  equipoise asg list\n  equipoise asg show web\n  equipoise asg activities web --follow"
    )]
    Asg(AsgCommand),
    /// Look at alarms
    #[command(subcommand)]
    #[command(after_help = "Examples:\n  equipoise alarms list\n  equipoise alarms history cpu-high")]
    Alarms(AlarmsCommand),
    /// Read metrics over time, and push your own
    #[command(subcommand)]
    #[command(after_help = "Examples:\n  equipoise metrics get scaling-group/web cpu-utilization\n  \
        equipoise metrics put scaling-group/web custom.jobs 12")]
    Metrics(MetricsCommand),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Look at configurations
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make a configuration of somebody else's files
    #[command(subcommand)]
    Import(ImportCommand),
    /// Look at plugins
    #[cfg(feature = "wasm")]
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print the version and what was built in
    Version(OutputArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Folder for the pages; without it, the page of the program is printed
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Start a whole balancer with three targets and a plugin, to play with
    #[cfg(feature = "wasm")]
    Demo(DemoArgs),
    /// Run one instance of the todo application that the demo balances
    SampleService(InstanceArgs),
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file, or a folder whose *.toml files are read together
    #[arg(short = 'c', long = "config", env = "EQUIPOISE_CONFIG", value_name = "FILE|FOLDER")]
    pub(crate) config: PathBuf,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Folder for what scaling groups remember; by default `equipoise` in the user's state folder
    #[arg(id = "state", long = "state", env = "EQUIPOISE_STATE", value_name = "FOLDER")]
    pub(crate) state: Option<PathBuf>,
}

/// Where compiled plugins are kept.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CacheArgs {
    /// Folder for compiled plugins; by default `equipoise` in the user's cache folder
    #[arg(id = "cache", long = "cache", env = "EQUIPOISE_CACHE", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a configuration as it takes effect, or how it differs from another
    Show(ShowArgs),
}

/// Arguments of `config show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Configuration to show; without it, the one that the running balancer uses
    #[arg(short = 'c', long = "config", value_name = "FILE|FOLDER")]
    pub(crate) config: Option<PathBuf>,
    /// With every default filled in (a running balancer always shows it so)
    #[arg(long, conflicts_with = "diff")]
    pub(crate) effective: bool,
    /// What would change if this configuration took its place
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) diff: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What to do with a plugin.
#[cfg(feature = "wasm")]
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Show what a component is and what it asks for, without running it
    Inspect {
        /// The component file
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
}

#[cfg(test)]
mod tests;
