//! Launch templates: the program that instances run, which only the user can name, and what it gets.

use std::collections::BTreeMap;

use toml::Value as Toml;

use super::Context;
use super::script::{Started, started};
use crate::NoteKind;
use crate::eval::base64_text;
use crate::toml_text::{Toml as Text, inline, key, seconds, text, texts};
use crate::view::View;

/// So many lines of a script are shown.
const MOST_LINES: usize = 60;

/// Stands where nothing says what to run.
const PLACEHOLDER: [&str; 3] = ["TO-COMPLETE", "--port", "{port}"];

/// What instances are started from.
#[derive(Debug, Default)]
pub(super) struct Launch {
    pub(super) started: Started,
    /// Where the command was taken from, and the text that says it.
    pub(super) source: String,
    pub(super) script: String,
    /// Variables whose values are secrets, with where those are at AWS.
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) limits: Vec<(&'static str, Toml)>,
    pub(super) stop_timeout: Option<u32>,
    /// The port in the command and in variables that each instance gets one of its own for.
    pub(super) port: Option<u32>,
}

/// What an Auto Scaling group's launch template, or its older launch configuration, says.
pub(super) fn of_group(context: &Context<'_>, group: &View<'_>, port: Option<u32>) -> Launch {
    let specification = group
        .block("mixed_instances_policy")
        .and_then(|mixed| {
            mixed.note_whole(NoteKind::Differs, "instances are all the same here");
            mixed.saw(&["instances_distribution"]);
            mixed.block("launch_template")
        })
        .and_then(|template| {
            template.saw(&["override"]);
            template.block("launch_template_specification")
        })
        .or_else(|| group.block("launch_template"));
    let value = match &specification {
        Some(block) => {
            block.saw(&["version"]);
            ["id", "name", "launch_template_id", "launch_template_name"].iter().find_map(|name| block.raw(name))
        }
        None => group.raw("launch_configuration"),
    };
    let found =
        value.and_then(|value| context.world.find(&value, &["aws_launch_template", "aws_launch_configuration"]));
    let Some(found) = found else {
        group.note_whole(
            NoteKind::Complete,
            "its launch template is not in these files: name the program that instances run",
        );
        return Launch { source: "files that are not here".to_owned(), port, ..Launch::default() };
    };
    let view = context.world.view(found);
    view.saw(&["security_groups", "associate_public_ip_address"]);
    if let Some(interfaces) = view.block("network_interfaces") {
        interfaces.saw(&[
            "security_groups",
            "associate_public_ip_address",
            "subnet_id",
            "delete_on_termination",
            "device_index",
        ]);
    }
    let name = ["user_data", "user_data_base64"].into_iter().find(|name| view.has(name)).unwrap_or("user_data");
    let (data, _) = view.raw(name).map(|data| data.in_template()).unwrap_or_default();
    let script = base64_text(&data).unwrap_or(data);
    view.note(name, NoteKind::Complete, "the program that instances run: complete the `command` that was made of it");
    let source = format!("{name} of {}", context.origin(found));
    Launch { started: started(&script), source, script, port, ..Launch::default() }
}

/// Writes the launch template of the scaling group `name`.
pub(super) fn write(name: &str, launch: &Launch, ports: &str, grace: u32, toml: &mut Text) {
    let table = format!("scaling-group.{name}.launch-template.process");
    toml.blank();
    toml.comment(&format!(
        "TO COMPLETE: the program that each instance runs on this machine. It has to listen on 127.0.0.1 at the port that \
         stands for {{port}}, which is in its variable PORT too. There is no shell. From {}{}",
        launch.source,
        if launch.script.is_empty() { "." } else { ":" },
    ));
    let lines: Vec<_> = launch.script.trim().lines().collect();
    lines.iter().take(MOST_LINES).for_each(|line| toml.quote(line));
    if lines.len() > MOST_LINES {
        toml.comment(&format!("(and {} more lines)", lines.len() - MOST_LINES));
    }
    toml.table(&table);
    let command: Vec<_> = launch.started.command.iter().map(|word| with_port(word, launch.port)).collect();
    // What begins with an option is for an image's own entry point.
    let needs_program = command.first().is_some_and(|word| word.starts_with('-'));
    let program = if needs_program { &PLACEHOLDER[..1] } else { &[] };
    let command: Vec<_> = if command.is_empty() {
        PLACEHOLDER.map(str::to_owned).to_vec()
    } else {
        program.iter().map(|word| (*word).to_owned()).chain(command).collect()
    };
    toml.set_with("command", texts(&command), "TO COMPLETE");
    toml.set("ports", text(ports));
    if grace > 0 {
        toml.set("grace", seconds(grace.min(3600)));
    }
    if let Some(timeout) = launch.stop_timeout {
        toml.set("stop-timeout", seconds(timeout.min(3600)));
    }
    if launch.limits.is_empty() {
        toml.comment("`cpu-utilization` is in percent of this; without it, of one processor.");
        toml.off("limits = { cpu = 1.0 }");
    } else {
        toml.set("limits", inline(launch.limits.clone()));
    }
    variables(&table, launch, toml);
    container(name, launch, toml);
}

fn variables(table: &str, launch: &Launch, toml: &mut Text) {
    if !launch.started.environment.is_empty() {
        toml.blank();
        toml.table(&format!("{table}.environment"));
        for (name, value) in &launch.started.environment {
            let value_text = text(&with_port(value, launch.port));
            if value.contains("${") {
                toml.set_with(&key(name), value_text, "TO COMPLETE");
            } else {
                toml.set(&key(name), value_text);
            }
        }
    }
    if !launch.secrets.is_empty() {
        toml.blank();
        toml.comment("TO COMPLETE: files that hold these secrets; take away the # when they are there.");
        toml.off(&format!("[{table}.environment-files]"));
        for (name, place) in &launch.secrets {
            toml.off(&format!("{} = {} # at AWS: {place}", key(name), text(&format!("secrets/{name}"))));
        }
    }
}

/// The container, as it would run in a Docker engine, in comments.
fn container(name: &str, launch: &Launch, toml: &mut Text) {
    let Some(image) = &launch.started.image else { return };
    toml.blank();
    toml.comment(
        "Or, where there is a Docker engine, the container itself: take away these # and the process table above.",
    );
    toml.off(&format!("[scaling-group.{name}.launch-template.docker]"));
    toml.off(&format!("image = {}", text(image)));
    if !launch.started.command.is_empty() {
        toml.off(&format!("command = {}", texts(&launch.started.command)));
    }
    toml.off(&format!("port = {}", launch.port.unwrap_or(80)));
    if !launch.started.environment.is_empty() {
        let entries = launch.started.environment.iter().map(|(name, value)| (name.clone(), text(value)));
        toml.off(&format!("environment = {}", inline(entries)));
    }
}

/// The port's number, where it stands by itself, as what stands for it.
fn with_port(word: &str, port: Option<u32>) -> String {
    let Some(port) = port.map(|port| port.to_string()) else { return word.to_owned() };
    let (mut text, mut rest) = (String::new(), word);
    while let Some(at) = rest.find(&port) {
        let (before, after) = (&rest[..at], &rest[at + port.len()..]);
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        text.push_str(before);
        // A dot behind or before it makes it a part of another number.
        let whole = !digit(before.chars().next_back()) && !digit(after.chars().next());
        text.push_str(if whole { "{port}" } else { &port });
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_replaced_where_it_stands_by_itself() {
        for (word, replaced) in [
            ("6400", "{port}"),
            ("--listen=0.0.0.0:6400", "--listen=0.0.0.0:{port}"),
            ("16400", "16400"),
            ("64001", "64001"),
            ("6400,6400", "{port},{port}"),
            ("x", "x"),
        ] {
            assert_eq!(with_port(word, Some(6400)), replaced);
        }
        assert_eq!(with_port("6400", None), "6400");
    }
}
