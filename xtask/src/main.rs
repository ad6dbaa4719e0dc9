//! Chores that are more than a line of shell: `cargo xtask CHORE`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to whoever runs it")]

mod bench;
mod footprint;
mod guests;
mod instructions;
mod pgo;
mod practical;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask bench [--rounds N] [--seconds N] [--binary FILE] [SCENARIO …]
       cargo xtask footprint [--binary FILE]
       cargo xtask guests [--check] [NAME …]
       cargo xtask instructions [--update]
       cargo xtask pgo
       cargo xtask practical [--scale N | --minutes N] [--variant simple|target-tracking] [--binary FILE] [--out FOLDER]

  bench            measure the program beside nginx and HAProxy; fails when a gate of docs/performance.md is missed
  footprint        the program's size, memory and start; fails when they are more than docs/performance.md allows
  guests           build the example plugins into plugins/prebuilt, as far as their toolchains are there
  guests --check   build them elsewhere, and compare with what is committed
  NAME             only these: folders in plugins/
  instructions     count instructions under valgrind; fails when more than benches/baseline.txt allows
  pgo              build the program for the ways that requests take: some percent faster
  practical        one to four instances and back under load, drawn and checked; time 1:10 unless told (docs/scaling.md)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match &words[..] {
        ["bench", rest @ ..] => bench::run(rest),
        ["bench-targets"] => bench::respond(), // what `bench` starts for itself
        ["instructions", rest @ ..] => instructions::run(rest),
        ["pgo"] => pgo::run(),
        ["practical", rest @ ..] => practical::run(rest),
        ["footprint", rest @ ..] => footprint::run(rest),
        ["guests", rest @ ..] => guests::run(rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
