//! Policies that need no alarm: target tracking, and forecasts.

use toml::Value as Toml;

use super::metric::{self, Measured};
use super::policy::Policy;
use crate::NoteKind;
use crate::toml_text::{seconds, text};
use crate::view::View;

/// What Application Auto Scaling waits after it scaled a service, when nothing is said.
const APP_COOLDOWN: u32 = 300;

/// Everything of a policy that could not be carried over counts as seen to.
const ALL: [&str; 6] = [
    "target_value",
    "disable_scale_in",
    "predefined_metric_specification",
    "customized_metric_specification",
    "scale_in_cooldown",
    "scale_out_cooldown",
];

pub(super) fn target_tracking(view: &View<'_>, app: bool) -> Option<Policy> {
    let name = if app { "target_tracking_scaling_policy_configuration" } else { "target_tracking_configuration" };
    let block = view.block(name)?;
    let warm_up = view.count("estimated_instance_warmup");
    let (measured, statistic) = match measured(&block) {
        Ok(measured) => measured,
        Err(why) => {
            block.saw(&ALL);
            block.note_whole(NoteKind::Left, why);
            return None;
        }
    };
    let target = block.number("target_value")?;
    if let Some(differs) = measured.differs {
        block.note("target_value", NoteKind::Differs, differs);
    }
    let mut keys = vec![("metric", text(&measured.metric)), ("target", Toml::from(measured.value(target)))];
    keys.extend(statistic.map(|statistic| ("statistic", text(statistic))));
    if block.flag("disable_scale_in") == Some(true) {
        keys.push(("scale-in", Toml::from(false)));
    }
    if app {
        let out = block.count("scale_out_cooldown").unwrap_or(APP_COOLDOWN);
        keys.push(("out-cooldown", seconds(out)));
        keys.push(("in-cooldown", seconds(block.count("scale_in_cooldown").unwrap_or(APP_COOLDOWN))));
    }
    keys.extend(warm_up.map(|warm_up| ("warm-up", seconds(warm_up))));
    Some(("target-tracking", keys))
}

fn measured(block: &View<'_>) -> Result<(Measured, Option<&'static str>), String> {
    if let Some(predefined) = block.block("predefined_metric_specification") {
        predefined.saw(&["resource_label"]);
        let name = predefined.text("predefined_metric_type").ok_or("its metric is not known")?;
        return Ok((metric::predefined(&name)?, None));
    }
    let custom = block.block("customized_metric_specification").ok_or("it names no metric")?;
    custom.saw(&["metric_dimension", "dimensions", "unit", "metrics"]);
    let name = custom.text("metric_name").ok_or("arithmetic with metrics has no counterpart")?;
    let measured = metric::of_alarm(&custom.text("namespace").unwrap_or_default(), &name, 60.0)?;
    let statistic = custom.text("statistic").and_then(|name| metric::statistic(&name));
    let statistic = measured.statistic.or(statistic).filter(|statistic| *statistic != "average");
    Ok((measured, statistic))
}

pub(super) fn predictive(view: &View<'_>) -> Option<Policy> {
    let block = view.block("predictive_scaling_configuration")?;
    let specification = block.block("metric_specification")?;
    let pair = specification
        .block("predefined_metric_pair_specification")
        .or_else(|| specification.block("predefined_load_metric_specification"));
    let Some(pair) = pair else {
        specification.note_whole(NoteKind::Left, "metrics of one's own cannot be forecast");
        return None;
    };
    pair.saw(&["resource_label"]);
    let name = pair.text("predefined_metric_type")?;
    let measured = match metric::predefined(&name) {
        Ok(measured) => measured,
        Err(why) => {
            pair.note_whole(NoteKind::Left, why);
            return None;
        }
    };
    let target = specification.number("target_value")?;
    let mut keys = vec![("metric", text(&measured.metric)), ("target", Toml::from(measured.value(target)))];
    // Minutes at AWS are given in seconds.
    keys.extend(block.count("scheduling_buffer_time").map(|lead| ("lead", seconds(lead.min(3600)))));
    if block.text("mode").as_deref() != Some("ForecastAndScale") {
        keys.push(("forecast-only", Toml::from(true)));
    }
    block.saw(&["max_capacity_breach_behavior", "max_capacity_buffer"]);
    Some(("predictive", keys))
}
