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
    fn check(command: &clap::Command) {
        for command in command.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            check(command);
        }
    }
    check(&Cli::command());
}

#[cfg(feature = "wasm")]
#[test]
fn nonsense_about_plugins_is_a_usage_error() {
    assert_eq!(parse("equipoise demo --port 0").unwrap_err(), ErrorKind::ValueValidation);
    parse("equipoise demo --port 1 --admin-port 2").unwrap();
    parse("equipoise plugin inspect x.wasm").unwrap();
}

#[test]
fn nonsense_about_scaling_is_a_usage_error() {
    for (line, kind) in [
        ("asg set-desired web many", ErrorKind::ValueValidation),
        ("asg refresh web --cancel --roll-back", ErrorKind::ArgumentConflict),
        ("asg activities web --limit 0", ErrorKind::ValueValidation),
        ("asg suspend web sleeping", ErrorKind::InvalidValue),
        ("asg protect web", ErrorKind::MissingRequiredArgument),
        ("metrics get web latency", ErrorKind::ValueValidation),
        ("metrics get scaling-group/web latency --period 1500ms", ErrorKind::ValueValidation),
        ("metrics put scaling-group/web custom.jobs nan", ErrorKind::ValueValidation),
    ] {
        assert_eq!(parse(&format!("equipoise {line}")).unwrap_err(), kind, "{line}");
    }
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
        "asg list --output json",
        "scaling-groups show web",
        "asg set-desired web 3 --honor-cooldown",
        "asg refresh web --roll-back",
        "asg activities web --limit 5 -f",
        "asg suspend web terminate launch",
        "asg resume web",
        "asg protect web i-1 i-2",
        "asg unprotect web i-1",
        "asg terminate web i-1 --shrink",
        "alarms list",
        "alarms history cpu-high --limit 3",
        "metrics get target-group/web latency --statistic p99 --period 10s --since 10min",
        "metrics put scaling-group/web custom.jobs -1.5",
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
