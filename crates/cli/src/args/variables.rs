//! Arguments that the environment stands in for.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::Cli;

const TOKEN: &str = "--admin-token";
const TOKEN_FILE: &str = "--admin-token-file";

/// Parses a command line, the name of the program included.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let line: Vec<_> = line.into_iter().collect();
    let variable = |name: &OsStr| std::env::var_os(name);
    let mut command = settle(Cli::command(), &line, &variable);
    let mut matches = command.try_get_matches_from_mut(line)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Takes variables out of the game that say nothing, or that the command line answers. clap would refuse an empty one,
/// as compose files and units hand over, and would let a variable clash with an argument.
fn settle(command: Command, line: &[OsString], variable: &impl Fn(&OsStr) -> Option<OsString>) -> Command {
    let said =
        |flag: &str| line.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(flag));
    let has_token = variable(OsStr::new("EQUIPOISE_ADMIN_TOKEN")).is_some_and(|token| !token.is_empty());
    let is_idle = |argument: &Arg| match (argument.get_env(), argument.get_id().as_str()) {
        (None, _) => false,
        (Some(_), "admin-token") if said(TOKEN_FILE) => true,
        (Some(_), "admin-token-file") if said(TOKEN) || has_token => true,
        (Some(name), _) => variable(name).is_some_and(|value| value.is_empty()),
    };
    without(command, &is_idle)
}

fn without(command: Command, is_idle: &impl Fn(&Arg) -> bool) -> Command {
    let quiet = |argument: Arg| if is_idle(&argument) { argument.env(None::<&str>) } else { argument };
    command.mut_args(quiet).mut_subcommands(|command| without(command, is_idle))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables that `command` would read when these are set.
    fn read(line: &[&str], set: &[(&str, &str)]) -> Vec<String> {
        let line: Vec<_> = line.iter().map(OsString::from).collect();
        let variable = |name: &OsStr| set.iter().find(|(key, _)| name == *key).map(|(_, value)| OsString::from(value));
        let command = settle(Cli::command(), &line, &variable);
        let run = command.find_subcommand("run").unwrap();
        let all = command.get_arguments().chain(run.get_arguments()).filter_map(Arg::get_env);
        all.map(|name| name.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_empty_variable_is_none() {
        let read = read(&[], &[("EQUIPOISE_ADMIN", ""), ("EQUIPOISE_CACHE", ""), ("EQUIPOISE_CONFIG", "x")]);
        assert!(!read.iter().any(|name| name == "EQUIPOISE_ADMIN" || name == "EQUIPOISE_CACHE"), "{read:?}");
        assert!(read.iter().any(|name| name == "EQUIPOISE_CONFIG"));
    }

    #[test]
    fn a_token_of_the_command_line_outdoes_one_of_the_environment() {
        let both = [("EQUIPOISE_ADMIN_TOKEN", "t"), ("EQUIPOISE_ADMIN_TOKEN_FILE", "f")];
        let tokens = |line: &[&str]| {
            let read = read(line, &both);
            read.into_iter().filter(|name| name.contains("TOKEN")).collect::<Vec<_>>()
        };
        assert_eq!(tokens(&["--admin-token-file=x"]), Vec::<String>::new());
        assert_eq!(tokens(&["--admin-token", "x"]), ["EQUIPOISE_ADMIN_TOKEN"]);
        assert_eq!(tokens(&[]), ["EQUIPOISE_ADMIN_TOKEN"]);
    }
}
