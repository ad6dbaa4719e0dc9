//! From resources to tables: one file for each kind of thing that has a counterpart.

use std::collections::BTreeMap;

use crate::NoteKind;
use crate::toml_text::Toml;
use crate::value::Value;
use crate::world::{Resource, World};

mod alarm;
mod container;
mod health_check;
mod listener;
mod metric;
mod names;
mod policy;
mod ports;
pub(crate) mod reason;
mod route;
mod rule;
mod scaling_group;
mod script;
mod security;
mod service;
mod target_group;
mod template;
mod tracking;

use names::Names;

/// What a listener, target group or scaling group is made of.
const LOAD_BALANCER: &str = "aws_lb";
const LISTENER: &str = "aws_lb_listener";
const TARGET_GROUP: &str = "aws_lb_target_group";
const SCALING_GROUP: &str = "aws_autoscaling_group";
const SERVICE: &str = "aws_ecs_service";
const POLICY: &str = "aws_autoscaling_policy";
const APP_POLICY: &str = "aws_appautoscaling_policy";
const APP_TARGET: &str = "aws_appautoscaling_target";
const ALARM: &str = "aws_cloudwatch_metric_alarm";

/// What every part of the translation looks up.
#[derive(Debug)]
struct Context<'a> {
    world: &'a World<'a>,
    names: Names,
    /// The target group that each scaling group fills, by the scaling group's address.
    fills: BTreeMap<String, &'a Resource>,
}

/// The configuration; `None` when there is nothing to make one of.
pub(crate) fn translate<'a>(world: &'a World<'a>) -> Option<String> {
    let known = [LISTENER, TARGET_GROUP, SCALING_GROUP, SERVICE];
    if !world.resources.iter().any(|resource| known.contains(&resource.kind.as_str())) {
        return None;
    }
    let mut context = Context { world, names: Names::of(world), fills: BTreeMap::new() };
    context.fills = scaling_group::fills(&context);
    let mut ports = ports::Ports::new(&context);
    let body = [
        listener::all(&context),
        target_group::all(&context),
        scaling_group::all(&context, &mut ports),
        alarm::all(&context),
    ];
    rest(&context);
    let mut text = head(&context);
    body.iter().for_each(|part| text.append(part));
    Some(text.into_text())
}

fn head(context: &Context<'_>) -> Toml {
    let files: Vec<_> = context.world.program.files.iter().map(|file| file.name.as_str()).collect();
    let mut text = Toml::default();
    text.comment(&format!("Written by `equipoise import terraform` from {}.", files.join(", ")));
    text.comment("What only you can say is marked TO COMPLETE. `equipoise check -c` says whether all is well.");
    text
}

/// What nobody translated is named.
fn rest(context: &Context<'_>) {
    for resource in context.world.resources.iter().filter(|resource| !resource.taken.get()) {
        let address = resource.address(context.world.program);
        context.world.note(resource.place, NoteKind::Left, address, reason::of_resource(&resource.kind));
    }
}

impl<'a> Context<'a> {
    /// An attribute's value, without counting as a look at it.
    fn peek(&self, resource: &Resource, name: &str) -> Option<Value> {
        let attribute = resource.body.attribute(name)?;
        Some(self.world.evaluator.value(&attribute.expr, &resource.scope)).filter(|value| *value != Value::Null)
    }

    /// Where a resource stands, for a comment.
    fn origin(&self, resource: &Resource) -> String {
        let file = self.world.program.file_name(resource.place);
        format!("{}, {file}:{}", resource.address(self.world.program), resource.place.line)
    }

    fn name(&self, resource: &Resource) -> &str {
        self.names.of_resource(&resource.address(self.world.program))
    }

    /// The target group that an ARN means.
    fn target_group(&self, value: &Value) -> Option<&'a Resource> {
        self.world.find(value, &[TARGET_GROUP])
    }

    /// Everything that scales: Auto Scaling groups and services.
    fn scaling(&self) -> impl Iterator<Item = &'a Resource> + use<'a> {
        let world = self.world;
        world.of_kind(SCALING_GROUP).chain(world.of_kind(SERVICE))
    }
}
