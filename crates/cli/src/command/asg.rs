//! `asg`: scaling groups of the running balancer.

use equipoise_admin::client::Client;
use equipoise_admin::scaling::{Order, ScalingGroup};

use crate::args::{AsgCommand, OutputArgs};
use crate::failure::Failure;
use crate::output::{Format, Style, json_to_stdout, to_stdout};

mod activities;
mod text;

pub(super) use text::time;

pub(crate) async fn run(client: &Client, command: AsgCommand) -> Result<(), Failure> {
    let (group, orders, output) = match command {
        AsgCommand::List(output) => return list(client, output).await,
        AsgCommand::Show(arguments) => return show(client, &arguments.group, arguments.output).await,
        AsgCommand::Activities { group, limit, follow: true, output } => {
            return activities::follow(client, &group, limit, output.output).await;
        }
        AsgCommand::Activities { group, limit, output, .. } => {
            return activities::show(client, &group, limit, output.output).await;
        }
        AsgCommand::SetDesired { group, desired, honor_cooldown, output } => {
            (group, vec![Order::SetDesired { desired, honor_cooldown }], output)
        }
        AsgCommand::Refresh { group, cancel: true, output, .. } => (group, vec![Order::CancelRefresh], output),
        AsgCommand::Refresh { group, roll_back: true, output, .. } => (group, vec![Order::RollBack], output),
        AsgCommand::Refresh { group, output, .. } => (group, vec![Order::Refresh], output),
        AsgCommand::Suspend(wanted) => (wanted.group, vec![Order::Suspend(wanted.processes)], wanted.output),
        AsgCommand::Resume(wanted) => (wanted.group, vec![Order::Resume(wanted.processes)], wanted.output),
        AsgCommand::Protect(wanted) => (wanted.group, protect(wanted.instances, true), wanted.output),
        AsgCommand::Unprotect(wanted) => (wanted.group, protect(wanted.instances, false), wanted.output),
        AsgCommand::Terminate { group, instance, shrink, output } => {
            (group, vec![Order::Terminate { instance, shrink }], output)
        }
    };
    follow_orders(client, &group, &orders, output).await
}

fn protect(instances: Vec<String>, protected: bool) -> Vec<Order> {
    instances.into_iter().map(|instance| Order::Protect { instance, protected }).collect()
}

async fn list(client: &Client, output: OutputArgs) -> Result<(), Failure> {
    let groups = client.scaling_groups().await?;
    match output.output {
        Format::Json => json_to_stdout(&groups),
        Format::Table => to_stdout(&text::list(&groups, Style::of_stdout())),
    }
}

async fn show(client: &Client, name: &str, output: OutputArgs) -> Result<(), Failure> {
    let group = client.scaling_group(name).await?;
    match output.output {
        Format::Json => json_to_stdout(&group),
        Format::Table => to_stdout(&text::whole(&group, Style::of_stdout())),
    }
}

/// One after the other; the first that is refused ends it.
async fn follow_orders(client: &Client, name: &str, orders: &[Order], output: OutputArgs) -> Result<(), Failure> {
    let mut group = ScalingGroup::default();
    for order in orders {
        group = client.order(name, order).await?;
    }
    match output.output {
        Format::Json => json_to_stdout(&group),
        Format::Table => to_stdout(&text::head(&group, Style::of_stdout())),
    }
}
