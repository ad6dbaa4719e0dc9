//! Where the program's own log goes: standard error, as text or JSON, filtered by `EQUIPOISE_LOG`.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::args::LogArgs;
use crate::failure::{Code, Failure};
use crate::output::{CLEAR_LINE, Style};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the subscriber for the whole process; called once, before anything that logs.
pub(crate) fn start(arguments: &LogArgs, default: &str) -> Result<(), Failure> {
    let filter = arguments.filter.as_deref().filter(|filter| !filter.is_empty()).unwrap_or(default);
    // h2 has a line for each frame that makes no sense to it: any client could fill the disk. A filter may still ask.
    let filter = EnvFilter::try_new(format!("h2=error,{filter}"))
        .with_context(|| format!("the log filter `{filter}`"))
        .map_err(|error| {
            Failure::new(Code::Usage, error).hint("write for example EQUIPOISE_LOG=info,equipoise_health=debug")
        })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Stderr);
    let started = match arguments.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let builder = builder.with_ansi(Style::of_stderr().is_coloured()).with_target(false);
            // A service manager stamps the lines itself.
            let managed = std::env::var_os("JOURNAL_STREAM").is_some() && !io::stderr().is_terminal();
            if managed { builder.without_time().try_init() } else { builder.try_init() }
        }
    };
    // Fails only when a subscriber was installed before, which `main` never does.
    started.map_err(|error| anyhow::anyhow!(error).context("starting the log").into())
}

/// Standard error; on a terminal, each event takes the place of the demo's live line.
struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if stderr.is_terminal() {
            stderr.write_all(CLEAR_LINE.as_bytes())?;
        }
        // Whole or not at all: the next call would clear what was written of this one.
        stderr.write_all(event).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
