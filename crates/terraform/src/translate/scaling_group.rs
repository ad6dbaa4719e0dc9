//! Auto Scaling groups, and services, which scale in the same way.

use std::collections::BTreeMap;

use toml::Value as Toml;

use super::{Context, SERVICE, policy, ports, ports::Ports, service, template};
use crate::NoteKind;
use crate::toml_text::{Toml as Text, inline, seconds, text, texts};
use crate::value::Value;
use crate::view::View;
use crate::world::Resource;

const ATTACHMENTS: [&str; 2] = ["aws_autoscaling_attachment", "aws_autoscaling_traffic_source_attachment"];

/// AWS's defaults.
const COOLDOWN: u32 = 300;
const GRACE: u32 = 300;

/// The target group that each scaling group fills. One of several: the first that is named.
pub(super) fn fills<'a>(context: &Context<'a>) -> BTreeMap<String, &'a Resource> {
    let mut fills = BTreeMap::new();
    for group in context.scaling() {
        let address = group.address(context.world.program);
        let mut arns: Vec<Value> = match context.peek(group, "target_group_arns") {
            Some(Value::List(arns)) => arns,
            arns => arns.into_iter().collect(),
        };
        let of_block = |kind: &str, name: &str| {
            let blocks = group.body.blocks.iter().filter(|block| block.kind == kind).cloned().collect::<Vec<_>>();
            let arn = |block: crate::syntax::Block| {
                let attribute = block.body.attribute(name)?;
                Some(context.world.evaluator.value(&attribute.expr, &group.scope))
            };
            blocks.into_iter().filter_map(arn).collect::<Vec<_>>()
        };
        arns.extend(of_block("traffic_source", "identifier"));
        arns.extend(of_block("load_balancer", "target_group_arn"));
        for kind in ATTACHMENTS {
            let belongs = |it: &&Resource| policy::group_of(context, it).is_some_and(|of| std::ptr::eq(of, group));
            for attachment in context.world.of_kind(kind).filter(belongs) {
                arns.extend(
                    ["lb_target_group_arn", "alb_target_group_arn"]
                        .iter()
                        .filter_map(|name| context.peek(attachment, name)),
                );
                let view = context.world.view(attachment);
                view.saw(&["autoscaling_group_name", "lb_target_group_arn", "alb_target_group_arn"]);
                arns.extend(view.block("traffic_source").and_then(|source| {
                    source.saw(&["type"]);
                    source.raw("identifier")
                }));
            }
        }
        let found: Vec<_> = arns.iter().filter_map(|arn| context.target_group(arn)).collect();
        if let Some(first) = found.first() {
            fills.insert(address.clone(), *first);
        }
        if found.iter().any(|other| !std::ptr::eq(*other, found[0])) {
            let message = "a scaling group fills one target group here: the first one";
            context.world.note(group.place, NoteKind::Differs, address, message);
        }
    }
    fills
}

pub(super) fn all(context: &Context<'_>, ports: &mut Ports) -> Text {
    let mut toml = Text::default();
    for group in context.scaling() {
        let view = context.world.view(group);
        if group.kind == SERVICE {
            service::write(context, group, &view, ports, &mut toml);
        } else {
            write(context, group, &view, ports, &mut toml);
        }
        policy::all(context, group, &mut toml);
    }
    toml
}

/// How many instances there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) desired: Option<u32>,
}

/// The table's head: which target group, and how many.
pub(super) fn head(context: &Context<'_>, group: &Resource, view: &View<'_>, bounds: Bounds, toml: &mut Text) {
    let name = context.name(group);
    let filled = context.fills.get(&group.address(context.world.program));
    toml.blank();
    let target_group = match filled {
        Some(filled) => context.name(filled).to_owned(),
        None => {
            view.note_whole(
                NoteKind::Complete,
                "it fills no target group of these files: one is made, without a health check",
            );
            let made = format!("{}-instances", &name[..name.len().min(53)]);
            toml.comment("TO COMPLETE: the files name no target group for these instances; give this one a health check and a listener.");
            toml.table(&format!("target-group.{made}"));
            toml.blank();
            made
        }
    };
    toml.comment(&context.origin(group));
    toml.table(&format!("scaling-group.{name}"));
    toml.set("target-group", text(&target_group));
    let max = bounds.max.clamp(1, 1000);
    let min = bounds.min.min(max);
    toml.set("min", i64::from(min));
    if let Some(desired) = bounds.desired {
        toml.set("desired", i64::from(desired.clamp(min, max)));
    }
    toml.set("max", i64::from(max));
}

fn write(context: &Context<'_>, group: &Resource, view: &View<'_>, ports: &mut Ports, toml: &mut Text) {
    let bounds = Bounds {
        min: view.count("min_size").unwrap_or(1),
        max: view.count("max_size").unwrap_or(1),
        desired: view.count("desired_capacity"),
    };
    view.saw(&["target_group_arns", "traffic_source", "termination_policies", "suspended_processes"]);
    head(context, group, view, bounds, toml);
    if view.text("health_check_type").as_deref() != Some("ELB") {
        toml.set("health", text("process"));
    }
    termination(view, toml);
    if view.flag("protect_from_scale_in") == Some(true) {
        toml.set("protect-from-scale-in", true);
    }
    toml.set("default-cooldown", seconds(view.count("default_cooldown").unwrap_or(COOLDOWN)));
    if let Some(warm_up) = view.count("default_instance_warmup").filter(|seconds| *seconds > 0) {
        toml.set("warm-up", seconds(warm_up));
    }
    suspended(view, toml);
    if let Some(refresh) = view.block("instance_refresh") {
        refresh_of(&refresh, toml);
    }
    if let Some(pool) = view.block("warm_pool") {
        warm_pool(&pool, toml);
    }
    let address = group.address(context.world.program);
    let port = ports::of_group(context, &address);
    let range = ports.range(port, bounds.max);
    let grace = view.count("health_check_grace_period").unwrap_or(GRACE);
    let launch = template::of_group(context, view, port);
    template::write(context.name(group), &launch, &range, grace, toml);
}

fn termination(view: &View<'_>, toml: &mut Text) {
    let policies = view.texts("termination_policies");
    let ours = policies.iter().find_map(|policy| match policy.as_str() {
        "OldestInstance" => Some("oldest"),
        "NewestInstance" => Some("newest"),
        "OldestLaunchTemplate" | "OldestLaunchConfiguration" | "Default" => Some("oldest-template"),
        _ => None,
    });
    if let Some(ours) = ours {
        toml.set("termination", text(ours));
    }
    if policies.len() > 1 || (ours.is_none() && !policies.is_empty()) {
        view.note("termination_policies", NoteKind::Differs, "one policy here: the first that has a counterpart");
    }
}

fn suspended(view: &View<'_>, toml: &mut Text) {
    let mut ours = Vec::new();
    for process in view.texts("suspended_processes") {
        match process.as_str() {
            "Launch" => ours.push("launch"),
            "Terminate" => ours.push("terminate"),
            "ReplaceUnhealthy" | "HealthCheck" => ours.push("replace-unhealthy"),
            "AlarmNotification" => ours.push("alarm-notification"),
            "ScheduledActions" => ours.push("scheduled-actions"),
            "AddToLoadBalancer" => ours.push("add-to-target-group"),
            "InstanceRefresh" => ours.push("instance-refresh"),
            other => view.note("suspended_processes", NoteKind::Left, format!("there is no process like `{other}`")),
        }
    }
    ours.dedup();
    if !ours.is_empty() {
        toml.set("suspend", texts(ours));
    }
}

fn refresh_of(refresh: &View<'_>, toml: &mut Text) {
    refresh.saw(&["strategy", "triggers"]);
    let Some(preferences) = refresh.block("preferences") else { return };
    let mut keys = Vec::new();
    let percent = |number: u32| Toml::from(i64::from(number.min(100)));
    keys.extend(preferences.count("min_healthy_percentage").map(|share| ("min-healthy", percent(share))));
    let checkpoints: Vec<_> = preferences
        .list("checkpoint_percentages")
        .iter()
        .filter_map(|share| share.as_number().and_then(crate::view::whole).map(percent))
        .collect();
    if !checkpoints.is_empty() {
        keys.push(("checkpoints", Toml::Array(checkpoints)));
    }
    keys.extend(preferences.count("checkpoint_delay").map(|delay| ("checkpoint-wait", seconds(delay))));
    keys.extend(preferences.flag("auto_rollback").map(|back| ("roll-back", Toml::from(back))));
    if !keys.is_empty() {
        toml.set("refresh", inline(keys));
    }
}

fn warm_pool(pool: &View<'_>, toml: &mut Text) {
    let size = pool.count("min_size").filter(|size| *size > 0).unwrap_or(1);
    pool.note_whole(NoteKind::Differs, "the pool has a fixed size here, its min_size");
    pool.saw(&["pool_state", "max_group_prepared_capacity"]);
    let reuse = pool.block("instance_reuse_policy").and_then(|policy| policy.flag("reuse_on_scale_in")) == Some(true);
    toml.set("warm-pool", inline([("size", Toml::from(i64::from(size.min(1000)))), ("reuse", Toml::from(reuse))]));
}
