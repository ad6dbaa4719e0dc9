//! A short line that follows what happens: requests, who is healthy, which generation serves.

use std::io::{self, IsTerminal};
use std::time::Duration;

use equipoise_admin::client::Client;
use equipoise_admin::status::{Health, Status, Target, TargetGroup};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::output::{CLEAR_LINE, Style, to_stdout};

const STEP: Duration = Duration::from_secs(1);
/// Into a file or pipe, numbers alone are worth a line only now and then.
const QUIET_STEPS: u32 = 15;

/// Names of the instances by the end of their address, in the order of the configuration.
pub(crate) type Names = Vec<(String, &'static str)>;

/// Writes lines until it is dropped.
pub(crate) async fn follow(client: Client, names: Names) {
    let client = client.with_answer_limit(STEP);
    let (terminal, style) = (io::stdout().is_terminal(), Style::of_stdout());
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    let (mut last_story, mut silent) = (String::new(), 0);
    loop {
        ticks.tick().await;
        let Ok(status) = client.status().await else { continue };
        let now = (requests(&status), Instant::now());
        let (story, numbers) = (story(&status, &names, style), numbers(before, now));
        before = Some(now);
        silent += 1;
        let line = match terminal {
            true => overwritten(&format!("{numbers}  {story}")),
            false if story != last_story || silent >= QUIET_STEPS => format!("{numbers}  {story}\n"),
            false => continue,
        };
        (last_story, silent) = (story, 0);
        if to_stdout(&line).is_err() {
            return;
        }
    }
}

/// A line in the place of the last one. On a narrow terminal it is cut rather than wrapped: what wraps could not be
/// overwritten, and would scroll every second.
fn overwritten(line: &str) -> String {
    format!("{CLEAR_LINE}\x1b[?7l{line}\x1b[?7h")
}

fn requests(status: &Status) -> u64 {
    status.listeners.iter().map(|listener| listener.requests).sum()
}

fn numbers(before: Option<(u64, Instant)>, (requests, now): (u64, Instant)) -> String {
    let rate = before.map_or(0.0, |(old, then)| {
        requests.saturating_sub(old) as f64 / now.duration_since(then).as_secs_f64().max(0.001)
    });
    format!("{requests} requests, {rate:.0}/s")
}

/// What is worth a line when it changes.
fn story(status: &Status, names: &Names, style: Style) -> String {
    let group = |group: &TargetGroup| {
        let targets: Vec<_> = group.targets.iter().map(|target| word(target, names, style)).collect();
        format!("{}: {}", group.name, targets.join(", "))
    };
    let groups: Vec<_> = status.target_groups.iter().map(group).collect();
    format!("generation {}  {}", status.generation, groups.join("  "))
}

fn word(target: &Target, names: &Names, style: Style) -> String {
    let name = names.iter().find(|(address, _)| *address == target.address).map(|(_, name)| *name);
    let name = name.unwrap_or(&target.address);
    match target.health {
        _ if target.draining => style.warning(&format!("{name} draining")),
        Health::Healthy => style.good(&format!("{name} healthy")),
        Health::Degraded => style.warning(&format!("{name} degraded")),
        Health::Unhealthy => style.error(&format!("{name} unhealthy")),
        Health::Unknown => style.faint(&format!("{name} unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_names_instances_rather_than_addresses() {
        let target = Target { address: "127.0.0.1:1".to_owned(), health: Health::Healthy, ..Target::default() };
        let group = TargetGroup { name: "todo".to_owned(), targets: vec![target], ..TargetGroup::default() };
        let status = Status { generation: 2, target_groups: vec![group], ..Status::default() };
        let names = vec![("127.0.0.1:1".to_owned(), "one")];
        assert_eq!(story(&status, &names, Style::plain()), "generation 2  todo: one healthy");
    }

    #[test]
    fn the_rate_is_what_came_since_the_last_line() {
        let then = Instant::now();
        let now = then + Duration::from_secs(2);
        assert_eq!(numbers(Some((10, then)), (30, now)), "30 requests, 10/s");
        assert_eq!(numbers(None, (30, now)), "30 requests, 0/s");
    }
}
