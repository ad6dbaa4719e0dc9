//! Alarms of CloudWatch.

use toml::Value as Toml;

use super::{ALARM, APP_POLICY, Context, POLICY, TARGET_GROUP, metric, policy};
use crate::NoteKind;
use crate::toml_text::{Toml as Text, seconds, text};
use crate::value::Value;
use crate::view::View;
use crate::world::Resource;

/// An alarm, ready to be written: keys with values.
type Keys = Vec<(&'static str, Toml)>;

pub(super) fn all(context: &Context<'_>) -> Text {
    let mut toml = Text::default();
    for alarm in context.world.of_kind(ALARM) {
        if let Some(keys) = read(context, alarm) {
            toml.blank();
            toml.comment(&context.origin(alarm));
            toml.table(&format!("alarm.{}", context.name(alarm)));
            for (key, value) in keys {
                toml.set(key, value);
            }
        }
    }
    toml
}

/// The alarms that trigger a policy and can be carried over, by their names here.
pub(super) fn triggering<'a>(context: &'a Context<'_>, policy: &Resource) -> Vec<&'a str> {
    let means = |action: &Value| {
        context.world.find(action, &[POLICY, APP_POLICY]).is_some_and(|found| std::ptr::eq(found, policy))
    };
    let triggers = |alarm: &&Resource| {
        let actions = context.peek(alarm, "alarm_actions");
        actions.is_some_and(|actions| elements(&actions).iter().any(means))
    };
    let alarms = context.world.of_kind(ALARM).filter(triggers);
    alarms.filter(|alarm| read(context, alarm).is_some()).map(|alarm| context.name(alarm)).collect()
}

fn elements(value: &Value) -> &[Value] {
    match value.resolved() {
        Value::List(items) => items,
        _ => std::slice::from_ref(value),
    }
}

fn read(context: &Context<'_>, alarm: &Resource) -> Option<Keys> {
    let view = context.world.view(alarm);
    let keys = keys(context, &view);
    match keys {
        Ok(keys) => Some(keys),
        Err(why) => {
            view.saw(&[
                "period",
                "statistic",
                "threshold",
                "evaluation_periods",
                "alarm_actions",
                "ok_actions",
                "dimensions",
                "comparison_operator",
                "namespace",
                "metric_name",
                "treat_missing_data",
                "datapoints_to_alarm",
                "insufficient_data_actions",
                "metric_query",
                "extended_statistic",
                "threshold_metric_id",
            ]);
            view.note_whole(NoteKind::Left, why);
            None
        }
    }
}

fn keys(context: &Context<'_>, view: &View<'_>) -> Result<Keys, String> {
    if view.has("metric_query") {
        return Err("arithmetic with metrics has no counterpart".to_owned());
    }
    let period = view.count("period").unwrap_or(60).max(1);
    let (namespace, name) = (view.text("namespace").unwrap_or_default(), view.text("metric_name").unwrap_or_default());
    let measured = metric::of_alarm(&namespace, &name, f64::from(period))?;
    let threshold = view.number("threshold").ok_or("its threshold is not known")?;
    let comparison = match view.text("comparison_operator").unwrap_or_default().as_str() {
        "GreaterThanOrEqualToThreshold" => "greater-than-or-equal",
        "GreaterThanThreshold" => "greater-than",
        "LessThanThreshold" => "less-than",
        "LessThanOrEqualToThreshold" => "less-than-or-equal",
        other => return Err(format!("`{other}` has no counterpart")),
    };
    let (subject, of) = subject(context, view).ok_or("which group it is about is not in these files")?;
    if let Some(differs) = measured.differs {
        view.note("metric_name", NoteKind::Differs, differs);
    }
    let mut keys: Keys = vec![("metric", text(&measured.metric)), (subject, text(of))];
    keys.extend(statistic(view, measured.statistic).map(|statistic| ("statistic", text(statistic))));
    keys.push(("period", seconds(period)));
    keys.push(("evaluation-periods", Toml::from(i64::from(view.count("evaluation_periods").unwrap_or(1).max(1)))));
    if let Some(datapoints) = view.count("datapoints_to_alarm").filter(|number| *number > 0) {
        keys.push(("datapoints-to-alarm", Toml::from(i64::from(datapoints))));
    }
    keys.push(("comparison", text(comparison)));
    keys.push(("threshold", Toml::from(measured.value(threshold))));
    match view.text("treat_missing_data").as_deref() {
        Some("ignore") => keys.push(("missing-data", text("ignore"))),
        Some("breaching") => keys.push(("missing-data", text("breaching"))),
        Some("notBreaching") => keys.push(("missing-data", text("not-breaching"))),
        _ => {}
    }
    keys.extend(actions(context, view));
    Ok(keys)
}

fn statistic(view: &View<'_>, forced: Option<&'static str>) -> Option<&'static str> {
    let name = if view.has("extended_statistic") { "extended_statistic" } else { "statistic" };
    let written = view.text(name)?;
    if let Some(forced) = forced {
        return Some(forced);
    }
    let known = metric::statistic(&written);
    if known.is_none() {
        view.note(name, NoteKind::Differs, format!("`{written}` is not computed: the average is"));
    }
    known
}

/// Whose metric it is: by its dimensions, or else by the policy that it triggers.
fn subject<'a>(context: &'a Context<'_>, view: &View<'_>) -> Option<(&'static str, &'a str)> {
    let dimensions = match view.raw("dimensions") {
        Some(Value::Map(dimensions)) => dimensions,
        _ => Default::default(),
    };
    let scaling = |name: &str, kind: &str| {
        let found = dimensions.get(name).and_then(|value| context.world.find(value, &[kind]))?;
        Some(("scaling-group", context.name(found)))
    };
    let target_group = || {
        let found = dimensions.get("TargetGroup").and_then(|value| context.world.find(value, &[TARGET_GROUP]))?;
        Some(("target-group", context.name(found)))
    };
    let by_policy = || {
        let actions = view.list("alarm_actions");
        let policy = actions.iter().find_map(|action| context.world.find(action, &[POLICY, APP_POLICY]))?;
        Some(("scaling-group", context.name(policy::group_of(context, policy)?)))
    };
    scaling("AutoScalingGroupName", super::SCALING_GROUP)
        .or_else(|| scaling("ServiceName", super::SERVICE))
        .or_else(target_group)
        .or_else(by_policy)
}

/// What an alarm does beside triggering policies: nothing that AWS does can be done here, but each change is logged.
fn actions(context: &Context<'_>, view: &View<'_>) -> Keys {
    let mut keys = Keys::new();
    let states =
        [("alarm_actions", "on-alarm"), ("ok_actions", "on-ok"), ("insufficient_data_actions", "on-insufficient-data")];
    for (theirs, ours) in states {
        let is_policy = |action: &Value| context.world.find(action, &[POLICY, APP_POLICY]).is_some();
        if view.list(theirs).iter().any(|action| !is_policy(action)) {
            let message = format!("only logged: put a `webhook` or `command` into `{ours}`");
            view.note(theirs, NoteKind::Complete, message);
            keys.push((ours, Toml::Array(vec![text("log")])));
        }
    }
    view.saw(&["actions_enabled", "unit"]);
    keys
}
