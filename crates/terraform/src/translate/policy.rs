//! Scaling policies of Auto Scaling groups and of services.

use std::collections::BTreeSet;

use toml::Value as Toml;

use super::{APP_POLICY, APP_TARGET, Context, POLICY, SCALING_GROUP, SERVICE, alarm, names, tracking};
use crate::NoteKind;
use crate::toml_text::{Toml as Text, inline, seconds, text};
use crate::value::Value;
use crate::view::View;
use crate::world::Resource;

const SCHEDULE: &str = "aws_autoscaling_schedule";
const APP_SCHEDULE: &str = "aws_appautoscaling_scheduled_action";

/// A policy, ready to be written: its kind, and keys with values.
pub(super) type Policy = (&'static str, Vec<(&'static str, Toml)>);

/// The scaling group that something names: a policy, a schedule, or a target of Application Auto Scaling.
pub(super) fn group_of<'a>(context: &Context<'a>, resource: &Resource) -> Option<&'a Resource> {
    if let Some(name) = context.peek(resource, "autoscaling_group_name") {
        return context.world.find(&name, &[SCALING_GROUP]);
    }
    let id = context.peek(resource, "resource_id")?;
    if let Some(target) = context.world.find(&id, &[APP_TARGET]) {
        return group_of(context, target);
    }
    // service/CLUSTER/SERVICE
    let (text, _) = id.in_template();
    let service = text.rsplit('/').next().unwrap_or_default().to_owned();
    let named = context.world.find(&Value::Text(service.clone()), &[SERVICE]);
    let reference = service.strip_prefix("${").and_then(|rest| rest.strip_suffix(".name}"));
    let is = |resource: &&Resource| reference == Some(format!("{SERVICE}.{}", resource.name).as_str());
    named.or_else(|| context.world.of_kind(SERVICE).find(is))
}

/// Writes the policies of a group.
pub(super) fn all(context: &Context<'_>, group: &Resource, toml: &mut Text) {
    let mut taken = BTreeSet::new();
    for kind in [POLICY, APP_POLICY, SCHEDULE, APP_SCHEDULE] {
        let belongs = |policy: &&Resource| group_of(context, policy).is_some_and(|of| std::ptr::eq(of, group));
        for policy in context.world.of_kind(kind).filter(belongs) {
            let view = context.world.view(policy);
            view.saw(&[
                "autoscaling_group_name",
                "resource_id",
                "scalable_dimension",
                "service_namespace",
                "policy_type",
            ]);
            for (kind, keys) in read(context, policy, &view) {
                let name = names::unique(&policy.name, &mut taken);
                toml.blank();
                toml.comment(&context.origin(policy));
                toml.table(&format!("scaling-group.{}.policy.{name}.{kind}", context.name(group)));
                keys.into_iter().for_each(|(key, value)| toml.set(key, value));
            }
        }
    }
}

fn read(context: &Context<'_>, policy: &Resource, view: &View<'_>) -> Vec<Policy> {
    match policy.kind.as_str() {
        SCHEDULE => return schedule(view).into_iter().collect(),
        APP_SCHEDULE => return app_schedule(view).into_iter().collect(),
        _ => {}
    }
    let app = policy.kind == APP_POLICY;
    let usual = if app { "StepScaling" } else { "SimpleScaling" };
    let kind = view.text("policy_type").unwrap_or_else(|| usual.to_owned());
    match kind.as_str() {
        "TargetTrackingScaling" => tracking::target_tracking(view, app).into_iter().collect(),
        "PredictiveScaling" => tracking::predictive(view).into_iter().collect(),
        "StepScaling" if app => view
            .block("step_scaling_policy_configuration")
            .map_or_else(Vec::new, |block| triggered(context, policy, &block, step)),
        "StepScaling" => triggered(context, policy, view, step),
        _ => triggered(context, policy, view, simple),
    }
}

/// A policy for each alarm that triggers it: here a policy names its alarm.
fn triggered(
    context: &Context<'_>,
    policy: &Resource,
    view: &View<'_>,
    read: fn(&View<'_>, Toml) -> Option<Policy>,
) -> Vec<Policy> {
    let alarms = alarm::triggering(context, policy);
    if alarms.is_empty() {
        view.saw(&[
            "adjustment_type",
            "scaling_adjustment",
            "cooldown",
            "step_adjustment",
            "min_adjustment_magnitude",
            "estimated_instance_warmup",
            "metric_aggregation_type",
        ]);
        view.note_whole(NoteKind::Left, "no alarm that could be carried over triggers it");
    }
    alarms.into_iter().filter_map(|alarm| read(view, text(alarm))).collect()
}

fn adjustment(view: &View<'_>) -> Toml {
    text(match view.text("adjustment_type").as_deref() {
        Some("ExactCapacity") => "exact-capacity",
        Some("PercentChangeInCapacity") => "percent-change-in-capacity",
        _ => "change-in-capacity",
    })
}

fn simple(view: &View<'_>, alarm: Toml) -> Option<Policy> {
    let by = by(view)?;
    let mut keys = vec![("alarm", alarm), ("adjustment", adjustment(view)), ("by", by)];
    at_least(view, &mut keys);
    keys.extend(view.count("cooldown").map(|cooldown| ("cooldown", seconds(cooldown))));
    Some(("simple", keys))
}

fn step(view: &View<'_>, alarm: Toml) -> Option<Policy> {
    let mut steps = Vec::new();
    for block in view.blocks("step_adjustment") {
        let mut step = Vec::new();
        for (theirs, ours) in [("metric_interval_lower_bound", "from"), ("metric_interval_upper_bound", "to")] {
            step.extend(block.number(theirs).map(|bound| (ours, Toml::from(bound))));
        }
        step.push(("by", by(&block)?));
        steps.push(inline(step));
    }
    let mut keys = vec![("alarm", alarm), ("adjustment", adjustment(view)), ("steps", Toml::Array(steps))];
    at_least(view, &mut keys);
    view.saw(&["metric_aggregation_type"]);
    keys.extend(view.count("estimated_instance_warmup").map(|warm_up| ("warm-up", seconds(warm_up))));
    if let Some(cooldown) = view.count("cooldown") {
        view.note(
            "cooldown",
            NoteKind::Differs,
            "steps wait for the warm-up of what they launched: it stands there as that",
        );
        keys.push(("warm-up", seconds(cooldown)));
    }
    Some(("step", keys))
}

fn by(view: &View<'_>) -> Option<Toml> {
    let by = view.number("scaling_adjustment").filter(|by| by.fract() == 0.0 && by.abs() <= 1e6);
    if by.is_none() {
        view.note_whole(NoteKind::Left, "its scaling_adjustment is not known");
    }
    by.map(|by| Toml::from(by as i64))
}

/// A least change is for percentages; AWS ignores it otherwise, and so does this.
fn at_least(view: &View<'_>, keys: &mut Vec<(&'static str, Toml)>) {
    let percent = view.text("adjustment_type").as_deref() == Some("PercentChangeInCapacity");
    let least = view.count("min_adjustment_magnitude").filter(|_| percent);
    keys.extend(least.map(|least| ("at-least", Toml::from(i64::from(least)))));
}

fn schedule(view: &View<'_>) -> Option<Policy> {
    view.saw(&["scheduled_action_name"]);
    let Some(cron) = view.text("recurrence") else {
        view.saw(&["min_size", "max_size", "desired_capacity", "start_time", "end_time", "time_zone"]);
        view.note_whole(NoteKind::Left, "schedules repeat here; one for a single moment has no counterpart");
        return None;
    };
    let mut keys = vec![("cron", text(&cron))];
    keys.extend(view.text("time_zone").map(|zone| ("time-zone", text(&zone))));
    for (theirs, ours) in [("min_size", "min"), ("max_size", "max"), ("desired_capacity", "desired")] {
        // -1 leaves it as it is.
        let number = view.number(theirs).filter(|number| *number >= 0.0).and_then(crate::view::whole);
        keys.extend(number.map(|number| (ours, Toml::from(i64::from(number)))));
    }
    Some(("scheduled", keys))
}

fn app_schedule(view: &View<'_>) -> Option<Policy> {
    let written = view.text("schedule").unwrap_or_default();
    let zone = view.text("timezone");
    let action = view.block("scalable_target_action");
    let sizes = action.map(|action| (action.count("min_capacity"), action.count("max_capacity")));
    let Some(cron) = cron(&written) else {
        view.note(
            "schedule",
            NoteKind::Left,
            format!("`{written}` cannot be said as a cron expression of five fields"),
        );
        return None;
    };
    let mut keys = vec![("cron", text(&cron))];
    keys.extend(zone.map(|zone| ("time-zone", text(&zone))));
    let (min, max) = sizes.unwrap_or_default();
    keys.extend(min.map(|min| ("min", Toml::from(i64::from(min)))));
    keys.extend(max.map(|max| ("max", Toml::from(i64::from(max)))));
    Some(("scheduled", keys))
}

/// AWS's cron expressions have a year, question marks, and weeks that begin with 1 for Sunday.
fn cron(written: &str) -> Option<String> {
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let fields: Vec<_> = written.strip_prefix("cron(")?.strip_suffix(')')?.split_whitespace().collect();
    let [minute, hour, day, month, weekday, "*"] = fields.as_slice() else { return None };
    if fields.iter().any(|field| field.contains(['L', 'W', '#'])) && !weekday.contains("WED") {
        return None;
    }
    let name = |c: char| match c.to_digit(10) {
        Some(digit) => DAYS.get((digit as usize).checked_sub(1)?).map(|day| (*day).to_owned()),
        None => Some(c.to_string()),
    };
    let weekday = weekday.chars().map(name).collect::<Option<String>>()?;
    Some([minute, hour, day, month, &weekday.as_str()].map(|field| field.replace('?', "*")).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_expressions_lose_their_year() {
        assert_eq!(cron("cron(0 8 ? * 2-6 *)").as_deref(), Some("0 8 * * MON-FRI"));
        assert_eq!(cron("cron(0 8 * * ? *)").as_deref(), Some("0 8 * * *"));
        for refused in ["cron(0 8 * * ? 2030)", "rate(5 minutes)", "at(2030-01-01T00:00:00)", "cron(0 8 L * ? *)", ""] {
            assert_eq!(cron(refused), None, "{refused}");
        }
    }
}
