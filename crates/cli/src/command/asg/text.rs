//! Scaling groups for people.

use std::fmt::Write as _;
use std::time::SystemTime;

use equipoise_admin::scaling::{Instance, Lifecycle, ScalingGroup, Summary};

use crate::command::status::{health_cell, scaling_groups};
use crate::output::Style;
use crate::table::{Cell, Table, visible};

/// Steps of a forecast that fit on a screen.
const FORECAST: usize = 12;

pub(super) fn list(groups: &[ScalingGroup], style: Style) -> String {
    if groups.is_empty() {
        return "no scaling group is configured\n".to_owned();
    }
    let summaries: Vec<_> = groups.iter().map(Summary::from).collect();
    scaling_groups(&summaries).render(style)
}

pub(super) fn whole(group: &ScalingGroup, style: Style) -> String {
    let mut text = head(group, style);
    for table in [instances(&group.instances), policies(group), forecasts(group)] {
        let table = table.render(style);
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table);
        }
    }
    text
}

pub(super) fn head(group: &ScalingGroup, style: Style) -> String {
    let ScalingGroup { name, target_group, provider, min, max, desired, in_service, template, .. } = group;
    let name = style.strong(name);
    let mut text = format!("{name}: {desired} desired, {in_service} in service, {min} to {max} allowed\n");
    // Writing to memory cannot fail.
    let _ = writeln!(text, "target group {target_group}, provider {provider}, launch template version {template}");
    for line in notes(group, style) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What is out of the ordinary.
fn notes(group: &ScalingGroup, style: Style) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(back_off) = &group.back_off {
        let what = style.error(&format!("{} launches failed in a row", back_off.failures));
        notes.push(format!("{what}, the next is at {}: {}", time(back_off.until), visible(&back_off.reason)));
    }
    if let Some(refresh) = &group.refresh {
        let what = style.warning(&format!("refresh to template version {}", refresh.template));
        let until = refresh.until.map_or_else(String::new, |until| format!(", goes on at {}", time(until)));
        let (state, replaced, of) = (&refresh.state, refresh.replaced, refresh.of);
        let failures = format!("{} of {} failures", refresh.failures, refresh.max_failures);
        let since = time(refresh.since);
        notes.push(format!("{what}: {state}, {replaced} of {of} replaced, {failures}, since {since}{until}"));
    }
    if !group.suspended.is_empty() {
        notes.push(format!("{}: {}", style.warning("suspended"), group.suspended.join(", ")));
    }
    if let Some(until) = group.cooldown_until {
        notes.push(format!("simple policies cool down until {}", time(until)));
    }
    if let Some(pool) = group.warm_pool {
        notes.push(format!("warm pool: {} of {} ready", pool.ready, pool.size));
    }
    notes
}

fn instances(instances: &[Instance]) -> Table {
    let heading =
        ["INSTANCE", "LIFE CYCLE", "SINCE", "ADDRESS", "TEMPLATE", "HEALTH", "IN FLIGHT", "PROTECTED", "REASON"];
    let mut table = Table::new(&heading);
    for instance in instances {
        let Instance { id, template, in_flight, reason, .. } = instance;
        let address = instance.address.as_deref().unwrap_or("-");
        let mut row: Vec<Cell> = vec![id.into(), lifecycle(instance.lifecycle), time(instance.since).into()];
        row.extend([address.into(), template.into(), health_cell(instance.health), in_flight.into()]);
        row.extend([if instance.protected { "yes" } else { "no" }.into(), reason.into()]);
        table.row(row);
    }
    table
}

fn lifecycle(lifecycle: Lifecycle) -> Cell {
    let paint = match lifecycle {
        Lifecycle::InService => Style::good,
        Lifecycle::Pooled => Style::faint,
        _ => Style::warning,
    };
    Cell::painted(lifecycle.as_str(), paint)
}

fn policies(group: &ScalingGroup) -> Table {
    let mut table = Table::new(&["POLICY", "KIND", "ALARMS", "WHAT IT DOES"]);
    for policy in &group.policies {
        let alarms = if policy.alarms.is_empty() { "-".to_owned() } else { policy.alarms.join(", ") };
        table.row([(&policy.name).into(), (&policy.kind).into(), alarms.into(), (&policy.description).into()]);
    }
    table
}

/// The next steps; JSON has all of them.
fn forecasts(group: &ScalingGroup) -> Table {
    let mut table = Table::new(&["FORECAST OF", "FROM", "EXPECTED", "INSTANCES"]);
    for forecast in &group.forecasts {
        let name =
            if forecast.forecast_only { format!("{} (only shown)", forecast.policy) } else { forecast.policy.clone() };
        for point in forecast.points.iter().take(FORECAST) {
            let value = point.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
            let capacity = point.capacity.map_or_else(|| "-".to_owned(), |capacity| capacity.to_string());
            table.row([(&name).into(), time(point.at).into(), value.into(), capacity.into()]);
        }
    }
    table
}

pub(in crate::command) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use equipoise_admin::scaling::{BackOff, Policy, Refresh};

    use super::*;

    fn sample() -> ScalingGroup {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        let instance = Instance {
            id: "i-0123456789abcdef".to_owned(),
            lifecycle: Lifecycle::Warming,
            since: at,
            launched: at,
            template: 2,
            address: Some("127.0.0.1:6500".to_owned()),
            protected: true,
            health: Default::default(),
            reason: "503 is not 200".to_owned(),
            in_flight: 0,
        };
        let refresh = Refresh {
            template: 2,
            state: "checkpoint".to_owned(),
            replaced: 1,
            of: 3,
            failures: 1,
            max_failures: 2,
            since: at,
            until: Some(at),
        };
        let policy = Policy {
            name: "out".to_owned(),
            kind: "simple".to_owned(),
            alarms: vec!["cpu-high".to_owned()],
            description: "1 more, then 120s of cooldown".to_owned(),
        };
        ScalingGroup {
            name: "web".to_owned(),
            min: 1,
            max: 4,
            desired: 3,
            in_service: 2,
            suspended: vec!["terminate".to_owned()],
            back_off: Some(BackOff { until: at, failures: 3, reason: "exited with code 1\x1b[2J".to_owned() }),
            refresh: Some(refresh),
            instances: vec![instance],
            policies: vec![policy],
            ..ScalingGroup::default()
        }
    }

    #[test]
    fn a_group_is_shown_with_all_that_is_out_of_the_ordinary() {
        let text = whole(&sample(), Style::plain());
        for part in [
            "web: 3 desired, 2 in service, 1 to 4 allowed",
            "3 launches failed in a row, the next is at 1970-01-01T00:01:00Z: exited with code 1",
            "checkpoint, 1 of 3 replaced, 1 of 2 failures",
            "suspended: terminate",
            "i-0123456789abcdef  warming",
            "503 is not 200",
            "out     simple  cpu-high  1 more, then 120s of cooldown",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn nothing_to_list_is_said() {
        assert_eq!(list(&[], Style::plain()), "no scaling group is configured\n");
        assert!(list(&[sample()], Style::plain()).contains("suspended: terminate"));
    }
}
