//! The history of a scaling group, once or as it grows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use equipoise_admin::client::Client;
use equipoise_admin::scaling::{Activity, ActivityStatus};
use tokio::time::{MissedTickBehavior, interval};

use super::text::time;
use crate::failure::Failure;
use crate::output::{Format, Style, is_read, json_to_stdout, to_stdout};
use crate::table::visible;

/// How often news are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How many can be new or ended between two looks.
const MOST_NEWS: usize = 200;

pub(super) async fn show(client: &Client, group: &str, limit: usize, format: Format) -> Result<(), Failure> {
    let activities = client.activities(group, limit).await?;
    if format == Format::Json {
        return json_to_stdout(&activities);
    }
    let style = Style::of_stdout();
    let text: String = activities.iter().rev().map(|activity| told(activity, style)).collect();
    to_stdout(if text.is_empty() { "no activity yet\n" } else { &text })
}

/// Until interrupted, or until nobody reads any more.
pub(super) async fn follow(client: &Client, group: &str, limit: usize, format: Format) -> Result<(), Failure> {
    let mut seen = Seen::default();
    let mut limit = limit;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let activities = client.activities(group, limit).await?;
        limit = limit.max(MOST_NEWS);
        let mut text = String::new();
        for activity in seen.news(activities) {
            match format {
                Format::Table => text.push_str(&told(&activity, Style::of_stdout())),
                Format::Json => {
                    text.push_str(&serde_json::to_string(&activity).context("writing JSON")?);
                    text.push('\n');
                }
            }
        }
        if !is_read(&text)? {
            return Ok(());
        }
    }
}

/// What was shown of the history.
#[derive(Default)]
struct Seen(BTreeMap<u64, Activity>);

impl Seen {
    /// Those of `activities`, the newest first, that are new or changed; the oldest first. Forgets those that are no
    /// longer among them: they are older than all that will come.
    fn news(&mut self, activities: Vec<Activity>) -> Vec<Activity> {
        let before = std::mem::take(&mut self.0);
        self.0 = activities.into_iter().map(|activity| (activity.id, activity)).collect();
        let oldest = before.keys().next().copied().unwrap_or_default();
        let is_news = |activity: &&Activity| activity.id >= oldest && before.get(&activity.id) != Some(*activity);
        self.0.values().filter(is_news).cloned().collect()
    }
}

/// One activity: a line of what, and one of why.
fn told(activity: &Activity, style: Style) -> String {
    let paint = match activity.status {
        ActivityStatus::Successful => Style::good,
        ActivityStatus::Failed => Style::error,
        ActivityStatus::InProgress | ActivityStatus::Cancelled => Style::warning,
    };
    let took = activity.end.and_then(|end| end.duration_since(activity.start).ok());
    // To the second; what took less is a fact of no use to anybody.
    let took = took.map(|took| format!(" in {}", humantime::format_duration(Duration::from_secs(took.as_secs()))));
    let (start, status) = (time(activity.start), paint(style, activity.status.as_str()));
    let mut text = format!("{start}  {}: {status}{}\n", visible(&activity.description), took.unwrap_or_default());
    let (causes, notes) = (activity.cause.lines(), activity.message.iter().flat_map(|message| message.lines()));
    for line in causes.map(visible).chain(notes.map(|line| format!("{} {}", style.faint("note:"), visible(line)))) {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "    {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn activity(id: u64, status: ActivityStatus) -> Activity {
        Activity {
            id,
            group: "web".to_owned(),
            instance: None,
            description: "launching instance i-1".to_owned(),
            cause: "an alarm".to_owned(),
            start: SystemTime::UNIX_EPOCH,
            end: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(2_700)),
            status,
            message: Some("one\ntwo".to_owned()),
        }
    }

    #[test]
    fn an_activity_says_what_why_and_how_it_ended() {
        let text = told(&activity(1, ActivityStatus::Failed), Style::plain());
        let want =
            "1970-01-01T00:00:00Z  launching instance i-1: failed in 2s\n    an alarm\n    note: one\n    note: two\n";
        assert_eq!(text, want);
    }

    #[test]
    fn whoever_follows_sees_each_change_once_and_nothing_twice() {
        let ids = |activities: Vec<Activity>| activities.iter().map(|activity| activity.id).collect::<Vec<_>>();
        let (done, runs) = (ActivityStatus::Successful, ActivityStatus::InProgress);
        let mut seen = Seen::default();
        assert_eq!(ids(seen.news(vec![activity(3, runs), activity(2, done)])), [2, 3]);
        assert_eq!(ids(seen.news(vec![activity(3, runs), activity(2, done)])), Vec::<u64>::new());
        assert_eq!(ids(seen.news(vec![activity(4, runs), activity(3, done)])), [3, 4]);
        // One that came back into view is not news.
        assert_eq!(ids(seen.news(vec![activity(4, done), activity(2, done)])), [4]);
    }
}
