//! One file for each command; this one only chooses.

use std::future::Future;

use anyhow::Context;

#[cfg(feature = "wasm")]
use crate::args::PluginCommand;
use crate::args::{Cli, Command, ConfigCommand};
use crate::failure::Failure;
use crate::logging;

mod alarms;
mod asg;
mod check;
mod completions;
mod config;
#[cfg(feature = "wasm")]
mod demo;
mod drain;
mod import;
#[cfg(feature = "wasm")]
mod inspect;
mod man;
mod metrics;
mod reload;
mod run;
mod sample_service;
mod schema;
mod status;
mod version;

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { admin, log, command } = cli;
    // notify warns of folders that are gone, which is what it is there to notice.
    match command {
        Command::Run(arguments) => {
            logging::start(&log, "info,notify=error")?;
            run::run(arguments)
        }
        #[cfg(feature = "wasm")]
        Command::Demo(arguments) => {
            logging::start(&log, "warn,notify=error")?;
            demo::run(arguments)
        }
        Command::Check(arguments) => check::run(&arguments),
        Command::Reload(arguments) => ask(reload::run(&admin.client()?, arguments)),
        Command::Status(arguments) => ask(status::run(&admin.client()?, arguments)),
        Command::Drain(arguments) => ask(drain::run(&admin.client()?, &arguments)),
        Command::Asg(command) => ask(asg::run(&admin.client()?, command)),
        Command::Alarms(command) => ask(alarms::run(&admin.client()?, command)),
        Command::Metrics(command) => ask(metrics::run(&admin.client()?, command)),
        Command::Schema => schema::run(),
        Command::Config(ConfigCommand::Show(arguments)) => ask(config::show(&admin.client()?, &arguments)),
        Command::Import(command) => import::run(&command),
        #[cfg(feature = "wasm")]
        Command::Plugin(PluginCommand::Inspect { file, output }) => inspect::run(&file, output.output),
        Command::Version(arguments) => version::run(arguments),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(dir.as_deref()),
        Command::SampleService(arguments) => sample_service::run(&arguments),
    }
}

/// Runs a command that only waits for an answer.
fn ask(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("starting the runtime")?.block_on(command)
}
