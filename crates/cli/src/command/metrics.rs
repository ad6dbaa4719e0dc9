//! `metrics`: numbers over time, out of the running balancer and into it.

use equipoise_admin::client::Client;
use equipoise_admin::scaling::{Datum, MetricQuery, MetricSeries};

use super::asg::time;
use crate::args::{MetricArgs, MetricsCommand};
use crate::failure::Failure;
use crate::output::{Format, Style, json_to_stdout, to_stdout};
use crate::table::Table;

/// Length of the longest bar.
const BAR: f64 = 40.0;

pub(crate) async fn run(client: &Client, command: MetricsCommand) -> Result<(), Failure> {
    match command {
        MetricsCommand::Get(arguments) => get(client, arguments).await,
        MetricsCommand::Put { subject, metric, value, output } => {
            let taken = client.push(&[Datum { subject, metric, value }]).await?;
            match output.output {
                Format::Json => json_to_stdout(&taken),
                Format::Table => to_stdout("taken\n"),
            }
        }
    }
}

async fn get(client: &Client, arguments: MetricArgs) -> Result<(), Failure> {
    let MetricArgs { subject, metric, statistic, period, since, output } = arguments;
    let count = usize::try_from(since.as_secs().div_ceil(period.as_secs().max(1)).max(1)).unwrap_or(usize::MAX);
    let query = MetricQuery { subject, metric, statistic, period, count };
    let series = client.metric(&query).await?;
    match output.output {
        Format::Json => json_to_stdout(&series),
        Format::Table => to_stdout(&text(&series, Style::of_stdout())),
    }
}

/// A row for each period from the first that has samples.
fn text(series: &MetricSeries, style: Style) -> String {
    let MetricSeries { subject, metric, statistic, period, points } = series;
    let period = humantime::format_duration(*period);
    let title = format!("{statistic} of {metric} of {subject}, each {period}\n");
    let points: Vec<_> = points.iter().skip_while(|point| point.value.is_none()).collect();
    if points.is_empty() {
        return format!("{title}no samples in this time\n");
    }
    let largest = points.iter().filter_map(|point| point.value).fold(0.0, f64::max);
    let mut table = Table::new(&["FROM", "VALUE", ""]);
    for point in points {
        let value = point.value.map_or_else(|| "-".to_owned(), number);
        table.row([time(point.at).into(), value.into(), bar(point.value.unwrap_or(0.0), largest).into()]);
    }
    title + &table.render(style)
}

/// At most three digits behind the point, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bar(value: f64, largest: f64) -> String {
    let length = if largest > 0.0 { (value / largest * BAR).round().clamp(0.0, BAR) } else { 0.0 };
    // Between 0 and 40.
    "#".repeat(length as usize)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use equipoise_admin::scaling::{MetricPoint, Subject};

    use super::*;

    fn series(values: &[Option<f64>]) -> MetricSeries {
        let at = |number| SystemTime::UNIX_EPOCH + Duration::from_secs(60) * number;
        let points = (0..).zip(values).map(|(number, &value)| MetricPoint { at: at(number), value });
        MetricSeries {
            subject: Subject::ScalingGroup("web".to_owned()),
            metric: "cpu-utilization".to_owned(),
            statistic: "average".to_owned(),
            period: Duration::from_secs(60),
            points: points.collect(),
        }
    }

    #[test]
    fn a_series_begins_with_its_first_sample_and_shows_gaps() {
        let text = text(&series(&[None, Some(10.0), None, Some(20.125)]), Style::plain());
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0].trim_end(), format!("1970-01-01T00:01:00Z  10      {}", "#".repeat(20)));
        assert_eq!(lines[1].trim_end(), "1970-01-01T00:02:00Z  -");
        assert_eq!(lines[2], format!("1970-01-01T00:03:00Z  20.125  {}", "#".repeat(40)));
    }

    #[test]
    fn odd_numbers_break_nothing() {
        assert!(text(&series(&[None]), Style::plain()).contains("no samples"));
        text(&series(&[Some(-1.0), Some(0.0), Some(f64::INFINITY), Some(1e300)]), Style::plain());
        assert_eq!((number(0.0), number(100.0), number(1234.5)), ("0".into(), "100".into(), "1234.5".into()));
    }
}
