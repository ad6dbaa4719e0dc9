//! The `equipoise` program: arguments, signals, the allocator and logging around the library of the same name.
//!
//! Each command is a file under `command/`. A command returns; only `main` ends the process, with the exit codes of
//! [`failure::Code`].

use std::process::ExitCode;

mod args;
mod balancer;
mod command;
mod environment;
mod failure;
mod handover;
mod logging;
mod output;
mod service_manager;
mod signals;
mod table;
mod upgrade;

/// Small blocks come and go with every request; the program chooses the allocator so that the library need not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match args::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output, which may be closed: nobody is left to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
