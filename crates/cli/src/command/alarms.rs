//! `alarms`: what the running balancer watches, and what it saw.

use equipoise_admin::client::Client;
use equipoise_admin::scaling::{Alarm, AlarmState, AlarmTransition};

use super::asg::time;
use crate::args::AlarmsCommand;
use crate::failure::Failure;
use crate::output::{Format, Style, json_to_stdout, to_stdout};
use crate::table::{Cell, Table};

pub(crate) async fn run(client: &Client, command: AlarmsCommand) -> Result<(), Failure> {
    match command {
        AlarmsCommand::List(output) => {
            let alarms = client.alarms().await?;
            match output.output {
                Format::Json => json_to_stdout(&alarms),
                Format::Table => to_stdout(&list(&alarms, Style::of_stdout())),
            }
        }
        AlarmsCommand::History { alarm, limit, output } => {
            let transitions = client.alarm_history(&alarm, limit).await?;
            match output.output {
                Format::Json => json_to_stdout(&transitions),
                Format::Table => to_stdout(&history(&transitions, Style::of_stdout())),
            }
        }
    }
}

fn list(alarms: &[Alarm], style: Style) -> String {
    if alarms.is_empty() {
        return "no alarm is configured\n".to_owned();
    }
    let mut table = Table::new(&["ALARM", "STATE", "SINCE", "OF", "GOES OFF WHEN", "POLICIES", "REASON"]);
    for alarm in alarms {
        let since = alarm.since.map_or_else(|| "-".to_owned(), time);
        let policies = if alarm.policies.is_empty() { "-".to_owned() } else { alarm.policies.join(", ") };
        let mut row: Vec<Cell> = vec![(&alarm.name).into(), state(alarm.state), since.into()];
        row.extend([(&alarm.subject).into(), condition(alarm).into(), policies.into(), (&alarm.reason).into()]);
        table.row(row);
    }
    table.render(style)
}

/// Such as `average cpu-utilization >= 20 in 2 of 2 x 2m`.
fn condition(alarm: &Alarm) -> String {
    let comparison = match alarm.comparison.as_str() {
        "greater-than-or-equal" => ">=",
        "greater-than" => ">",
        "less-than" => "<",
        "less-than-or-equal" => "<=",
        other => other,
    };
    let Alarm { statistic, metric, threshold, datapoints_to_alarm, evaluation_periods, .. } = alarm;
    let period = humantime::format_duration(alarm.period);
    format!("{statistic} {metric} {comparison} {threshold} in {datapoints_to_alarm} of {evaluation_periods} x {period}")
}

fn history(transitions: &[AlarmTransition], style: Style) -> String {
    if transitions.is_empty() {
        return "its state has not changed yet\n".to_owned();
    }
    let mut table = Table::new(&["TIME", "FROM", "TO", "REASON"]);
    for AlarmTransition { at, from, to, reason, .. } in transitions.iter().rev() {
        table.row([time(*at).into(), state(*from), state(*to), reason.into()]);
    }
    table.render(style)
}

fn state(state: AlarmState) -> Cell {
    let paint = match state {
        AlarmState::Ok => Style::good,
        AlarmState::Alarm => Style::error,
        AlarmState::InsufficientData => Style::faint,
    };
    Cell::painted(state.as_str(), paint)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn an_alarm_is_shown_with_its_condition_and_state() {
        let alarm = Alarm {
            name: "cpu-high".to_owned(),
            subject: "scaling-group/web".to_owned(),
            metric: "cpu-utilization".to_owned(),
            statistic: "average".to_owned(),
            period: Duration::from_secs(120),
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            comparison: "greater-than-or-equal".to_owned(),
            threshold: 20.0,
            missing_data: "missing".to_owned(),
            state: AlarmState::Alarm,
            since: None,
            reason: "2 of the last 3".to_owned(),
            policies: vec!["web/out".to_owned()],
            generated_by: None,
        };
        let text = list(&[alarm], Style::plain());
        for part in ["ALARM", "average cpu-utilization >= 20 in 2 of 3 x 2m", "web/out", "2 of the last 3"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn a_history_ends_with_the_latest_change() {
        let change = |seconds, to| AlarmTransition {
            alarm: "cpu-high".to_owned(),
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            from: AlarmState::InsufficientData,
            to,
            reason: "because".to_owned(),
        };
        let text = history(&[change(9, AlarmState::Alarm), change(3, AlarmState::Ok)], Style::plain());
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("1970-01-01T00:00:09Z") && last.contains("ALARM"), "{text}");
        assert!(history(&[], Style::plain()).contains("not changed"));
    }
}
