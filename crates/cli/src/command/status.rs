//! `status`: what the running balancer is doing.

use std::fmt::Write;
use std::time::Duration;

use equipoise_admin::client::Client;
use equipoise_admin::scaling::Summary;
use equipoise_admin::status::{Health, Listener, Phase, Plugin, Status, Target, TargetGroup};
use equipoise_admin::{Reload, ReloadResult};

use crate::args::OutputArgs;
use crate::failure::Failure;
use crate::output::{Format, Style, json_to_stdout, to_stdout};
use crate::table::{Cell, Table};

pub(crate) async fn run(client: &Client, arguments: OutputArgs) -> Result<(), Failure> {
    let status = client.status().await?;
    match arguments.output {
        Format::Json => json_to_stdout(&status),
        Format::Table => to_stdout(&text(&status, Style::of_stdout())),
    }
}

fn text(status: &Status, style: Style) -> String {
    let mut text = head(status, style);
    let groups = scaling_groups(&status.scaling_groups);
    for table in [listeners(&status.listeners), targets(&status.target_groups), groups, plugins(&status.plugins)] {
        let table = table.render(style);
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table);
        }
    }
    text
}

fn head(status: &Status, style: Style) -> String {
    let phase = match status.phase {
        Phase::Starting => style.warning("starting"),
        Phase::Ready => style.good("ready"),
        Phase::Draining => style.warning("draining"),
    };
    let uptime = humantime::format_duration(Duration::from_secs(status.uptime.as_secs()));
    let (version, generation) = (&status.version, status.generation);
    let mut text = format!("equipoise {version}: {phase}, up {uptime}, generation {generation}\n");
    if let Some(reload) = &status.last_reload {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{}", last_reload(reload, style));
    }
    for group in &status.target_groups {
        if group.failed_open {
            let warning = style.warning("nobody is healthy, requests go to everybody");
            let _ = writeln!(text, "target group {}: {warning}", group.name);
        }
        if let Some(why) = &group.guard_held {
            let warning = style.warning("health held at its last good state");
            let _ = writeln!(text, "target group {}: {warning}: {why}", group.name);
        }
    }
    text
}

fn last_reload(reload: &Reload, style: Style) -> String {
    let result = match reload.result {
        ReloadResult::Applied => style.good("applied"),
        ReloadResult::Unchanged => style.faint("unchanged"),
        ReloadResult::Refused => style.error("refused"),
    };
    let at = humantime::format_rfc3339_seconds(reload.at);
    // The first line says what; `equipoise reload` and the log say all.
    let message = reload.message.lines().next().unwrap_or_default();
    let colon = if message.is_empty() { "" } else { ": " };
    format!("last reload {at}: {result}{colon}{message}")
}

fn listeners(listeners: &[Listener]) -> Table {
    let mut table = Table::new(&["LISTENER", "ADDRESS", "CONNECTIONS", "REQUESTS"]);
    for Listener { name, bind, connections, requests } in listeners {
        table.row([name.into(), bind.into(), connections.into(), requests.into()]);
    }
    table
}

fn targets(groups: &[TargetGroup]) -> Table {
    let heading =
        ["TARGET GROUP", "TARGET", "WEIGHT", "HEALTH", "IN FLIGHT", "REQUESTS", "FAILURES", "LATENCY", "REASON"];
    let mut table = Table::new(&heading);
    for group in groups {
        for target in &group.targets {
            let latency = target.latency.map_or_else(|| "-".to_owned(), |latency| format!("{latency:.1?}"));
            let Target { address, weight, in_flight, requests, failures, reason, .. } = target;
            let mut row: Vec<Cell> = vec![(&group.name).into(), address.into(), weight.into(), health(target)];
            row.extend([in_flight.into(), requests.into(), failures.into(), latency.into(), reason.into()]);
            table.row(row);
        }
    }
    table
}

fn health(target: &Target) -> Cell {
    if target.draining { Cell::painted("draining", Style::warning) } else { health_cell(target.health) }
}

pub(super) fn health_cell(health: Health) -> Cell {
    match health {
        Health::Healthy => Cell::painted("healthy", Style::good),
        Health::Degraded => Cell::painted("degraded", Style::warning),
        Health::Unhealthy => Cell::painted("unhealthy", Style::error),
        Health::Unknown => Cell::painted("unknown", Style::faint),
    }
}

pub(super) fn scaling_groups(groups: &[Summary]) -> Table {
    let heading = ["SCALING GROUP", "TARGET GROUP", "MIN", "DESIRED", "MAX", "IN SERVICE", "NOTE"];
    let mut table = Table::new(&heading);
    for Summary { name, target_group, min, max, desired, in_service, note } in groups {
        let paint = if in_service == desired { Style::good } else { Style::warning };
        let in_service = Cell::painted(&in_service.to_string(), paint);
        table.row([name.into(), target_group.into(), min.into(), desired.into(), max.into(), in_service, note.into()]);
    }
    table
}

fn plugins(plugins: &[Plugin]) -> Table {
    let mut table = Table::new(&["PLUGIN", "WORLD", "DIGEST", "CALLS", "FAILURES", "STATE"]);
    for Plugin { name, world, digest, calls, failures, resting } in plugins {
        let digest: String = digest.chars().take(12).collect();
        let state =
            if *resting { Cell::painted("resting", Style::error) } else { Cell::painted("in use", Style::good) };
        table.row([name.into(), world.into(), digest.into(), calls.into(), failures.into(), state]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Status {
        let target = Target {
            address: "127.0.0.1:6400".to_owned(),
            weight: 2,
            health: Health::Unhealthy,
            reason: "503 is not 200".to_owned(),
            requests: 10,
            failures: 1,
            latency: Some(Duration::from_micros(1250)),
            ..Target::default()
        };
        let group =
            TargetGroup { name: "todo".to_owned(), failed_open: true, targets: vec![target], ..Default::default() };
        let uptime = Duration::from_millis(61_500);
        let version = "0.1.0".to_owned();
        let scaled = Summary {
            name: "todo-asg".to_owned(),
            desired: 3,
            note: "suspended: launch".to_owned(),
            ..Default::default()
        };
        Status {
            version,
            phase: Phase::Ready,
            uptime,
            generation: 4,
            target_groups: vec![group],
            scaling_groups: vec![scaled],
            ..Status::default()
        }
    }

    #[test]
    fn the_text_tells_what_an_operator_asks_first() {
        let text = text(&sample(), Style::plain());
        for part in [
            "ready, up 1m 1s, generation 4",
            "nobody is healthy",
            "unhealthy",
            "1.2ms",
            "503 is not 200",
            "todo-asg",
            "suspended: launch",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn a_draining_target_says_so_whatever_its_health() {
        let mut status = sample();
        status.target_groups[0].targets[0].draining = true;
        assert!(text(&status, Style::plain()).contains("draining"));
    }
}
