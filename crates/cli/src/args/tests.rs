use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

#[track_caller]
fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.kind())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_admin_address_may_stand_before_and_after_the_command() {
    for line in ["equipoise --admin 127.0.0.1:1 status", "equipoise status --admin 127.0.0.1:1"] {
        assert_eq!(parse(line).unwrap().admin.address(), "127.0.0.1:1");
    }
}

#[test]
fn nonsense_is_a_usage_error() {
    assert_eq!(parse("equipoise run").unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("equipoise stauts").unwrap_err(), ErrorKind::InvalidSubcommand);
    assert_eq!(parse("equipoise status --output yaml").unwrap_err(), ErrorKind::InvalidValue);
    assert_eq!(parse("equipoise drain --deadline soon").unwrap_err(), ErrorKind::ValueValidation);
    assert_eq!(parse("equipoise config show --effective --diff x").unwrap_err(), ErrorKind::ArgumentConflict);
}

#[test]
fn every_command_explains_itself() {
    let command = Cli::command();
    for command in command.get_subcommands() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
    }
}

#[cfg(feature = "wasm")]
#[test]
fn nonsense_about_plugins_is_a_usage_error() {
    assert_eq!(parse("equipoise demo --port 0").unwrap_err(), ErrorKind::ValueValidation);
    parse("equipoise demo --port 1 --admin-port 2").unwrap();
    parse("equipoise plugin inspect x.wasm").unwrap();
}

/// A local argument with the id of a global one of another type is found only when it is read.
#[test]
fn every_command_can_be_read() {
    for line in [
        "run -c x",
        "check -c x --output json",
        "reload",
        "status",
        "drain --deadline 3s --no-wait",
        "schema",
        "config show -c x --effective",
        "config show --diff y",
        "version",
        "completions zsh",
        "man --dir x",
        "sample-service --port 0 --address ::1 --data x --name one --work 5 --until-stdin-ends",
    ] {
        parse(&format!("equipoise {line}")).unwrap();
    }
}
