//! Services of ECS: scaling groups whose instances are tasks.

use toml::Value as Toml;

use super::ports::Ports;
use super::scaling_group::{Bounds, head};
use super::{APP_TARGET, Context, container, policy, ports, template};
use crate::NoteKind;
use crate::toml_text::{Toml as Text, inline};
use crate::view::View;
use crate::world::Resource;

const TASK: &str = "aws_ecs_task_definition";

pub(super) fn write(context: &Context<'_>, service: &Resource, view: &View<'_>, ports: &mut Ports, toml: &mut Text) {
    view.saw(&["cluster", "scheduling_strategy", "propagate_tags", "enable_ecs_managed_tags"]);
    let balanced = view.block("load_balancer");
    let wanted = balanced.as_ref().and_then(|block| {
        block.saw(&["target_group_arn"]);
        block.text("container_name")
    });
    let container_port = balanced.as_ref().and_then(|block| block.count("container_port"));
    head(context, service, view, bounds(context, service, view), toml);
    refresh(view, toml);
    let task = view.raw("task_definition").and_then(|task| context.world.find(&task, &[TASK]));
    let grace = view.count("health_check_grace_period_seconds").unwrap_or(60);
    let address = service.address(context.world.program);
    let group_port = ports::of_group(context, &address);
    let mut launch = match task {
        Some(task) => {
            let view = context.world.view(task);
            let mut launch = container::launch(&view, &context.origin(task), wanted.as_deref());
            launch.port = container_port.or_else(|| container::port(&view));
            launch
        }
        None => {
            view.note_whole(
                NoteKind::Complete,
                "its task definition is not in these files: name the program that instances run",
            );
            template::Launch { source: "files that are not here".to_owned(), ..Default::default() }
        }
    };
    launch.port = launch.port.or(group_port);
    let range = ports.range(launch.port, bounds(context, service, view).max);
    template::write(context.name(service), &launch, &range, grace, toml);
}

/// From its target of Application Auto Scaling; without one it has as many tasks as it says.
fn bounds(context: &Context<'_>, service: &Resource, view: &View<'_>) -> Bounds {
    let desired = view.count("desired_count");
    let belongs = |target: &&Resource| policy::group_of(context, target).is_some_and(|of| std::ptr::eq(of, service));
    let Some(target) = context.world.of_kind(APP_TARGET).find(belongs) else {
        let count = desired.unwrap_or(1);
        return Bounds { min: count, max: count, desired: None };
    };
    let target = context.world.view(target);
    target.saw(&["resource_id", "scalable_dimension", "service_namespace"]);
    Bounds { min: target.count("min_capacity").unwrap_or(1), max: target.count("max_capacity").unwrap_or(1), desired }
}

fn refresh(view: &View<'_>, toml: &mut Text) {
    view.saw(&["deployment_maximum_percent"]);
    let mut keys = Vec::new();
    let healthy = view.count("deployment_minimum_healthy_percent");
    keys.extend(healthy.map(|share| ("min-healthy", Toml::from(i64::from(share.min(100))))));
    if let Some(breaker) = view.block("deployment_circuit_breaker") {
        breaker.saw(&["enable"]);
        keys.extend(breaker.flag("rollback").map(|back| ("roll-back", Toml::from(back))));
    }
    if !keys.is_empty() {
        toml.set("refresh", inline(keys));
    }
}
