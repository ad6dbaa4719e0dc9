//! Orders from the admin address, and why they are refused.

use equipoise_admin::scaling as admin;
use equipoise_admin::scaling::ScalingError;
use equipoise_scale::{GroupView, InstanceId, Order, OrderError, Process};

use super::{spelled, time, word};

/// What can be suspended.
const PROCESSES: [Process; 7] = [
    Process::Launch,
    Process::Terminate,
    Process::ReplaceUnhealthy,
    Process::AlarmNotification,
    Process::ScheduledActions,
    Process::AddToTargetGroup,
    Process::InstanceRefresh,
];

/// The fleet's order for one that was given to `group`.
pub(crate) fn order(order: admin::Order, group: &GroupView) -> Result<Order, ScalingError> {
    Ok(match order {
        admin::Order::SetDesired { desired, honor_cooldown } => Order::SetDesired { desired, honor_cooldown },
        admin::Order::Refresh => Order::Refresh,
        admin::Order::CancelRefresh => Order::CancelRefresh,
        admin::Order::RollBack => Order::RollBack,
        admin::Order::Suspend(names) => Order::Suspend(processes(&names)?),
        admin::Order::Resume(names) => Order::Resume(processes(&names)?),
        admin::Order::Protect { instance, protected } => Order::Protect(known(&instance, group)?, protected),
        admin::Order::Terminate { instance, shrink } => Order::Terminate { instance: known(&instance, group)?, shrink },
    })
}

fn processes(names: &[String]) -> Result<Vec<Process>, ScalingError> {
    let process = |name: &String| {
        spelled(name).ok_or_else(|| ScalingError::NoSuch {
            what: "process",
            value: name.clone(),
            known: PROCESSES.iter().map(word).collect(),
        })
    };
    names.iter().map(process).collect()
}

fn known(instance: &str, group: &GroupView) -> Result<InstanceId, ScalingError> {
    let found = group.instances.iter().find(|one| one.id.as_str() == instance);
    found.map(|one| one.id.clone()).ok_or_else(|| no_instance(instance, group))
}

fn no_instance(instance: &str, group: &GroupView) -> ScalingError {
    let known = group.instances.iter().map(|one| one.id.to_string()).collect();
    ScalingError::NoInstance { group: group.name.to_string(), instance: instance.to_owned(), known }
}

/// Why the fleet does not follow an order.
pub(crate) fn refusal(error: OrderError, group: &GroupView) -> ScalingError {
    match error {
        OrderError::NoInstance { instance, .. } => no_instance(&instance, group),
        OrderError::OutOfBounds { group, desired, min, max } => {
            ScalingError::OutOfBounds { group: group.to_string(), desired, min, max }
        }
        OrderError::CoolingDown { group, until } => {
            ScalingError::CoolingDown { group: group.to_string(), until: time(until) }
        }
        OrderError::NoRefresh { group } => ScalingError::NoRefresh { group: group.to_string() },
        // The group was there a moment ago, so it has just left.
        _ => ScalingError::NoGroup { name: group.name.to_string(), known: Vec::new() },
    }
}
