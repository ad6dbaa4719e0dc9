//! Scaling groups, instances and activities.

use equipoise_admin::scaling as admin;
use equipoise_admin::status::Health;
use equipoise_scale as scale;
use equipoise_scale::{GroupView, LaunchTemplate};

use super::policy::policies;
use super::{time, word};

/// What the data plane knows of an instance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) health: Health,
    pub(crate) in_flight: u32,
}

/// A scaling group; `settings` are `None` when it is no longer configured.
pub(crate) fn group(
    view: &GroupView,
    forecasts: &[scale::Forecast],
    settings: Option<&scale::ScalingGroup>,
    seen: impl Fn(&scale::Instance) -> Seen,
) -> admin::ScalingGroup {
    let serves = |instance: &&scale::Instance| instance.lifecycle == scale::Lifecycle::InService;
    admin::ScalingGroup {
        name: view.name.to_string(),
        target_group: view.target_group.to_string(),
        provider: settings.map(|settings| provider(&settings.launch_template).to_owned()).unwrap_or_default(),
        min: view.bounds.min,
        max: view.bounds.max,
        desired: view.desired,
        in_service: count(view.instances.iter().filter(serves).count()),
        template: view.template,
        cooldown_until: view.cooldown_until.map(time),
        suspended: view.suspended.iter().map(word).collect(),
        refresh: view.refresh.as_ref().map(|view| refresh(view, settings)),
        back_off: view.back_off.as_ref().map(back_off),
        warm_pool: view.warm_pool.map(|pool| admin::WarmPool { size: pool.size, ready: pool.ready }),
        instances: view.instances.iter().map(|one| instance(one, seen(one))).collect(),
        policies: settings.map(|settings| policies(&view.name, settings)).unwrap_or_default(),
        forecasts: forecasts.iter().map(forecast).collect(),
    }
}

fn forecast(forecast: &scale::Forecast) -> admin::Forecast {
    let point = |point: &scale::ForecastPoint| admin::ForecastPoint {
        at: time(point.at),
        value: point.value,
        capacity: point.capacity,
    };
    admin::Forecast {
        policy: forecast.policy.to_string(),
        forecast_only: forecast.only,
        made: time(forecast.made),
        seasons: forecast.seasons,
        points: forecast.points.iter().map(point).collect(),
    }
}

fn provider(template: &LaunchTemplate) -> &'static str {
    match template {
        LaunchTemplate::Process(_) => "process",
        LaunchTemplate::Docker(_) => "docker",
        LaunchTemplate::Command(_) => "command",
    }
}

fn refresh(view: &scale::RefreshView, settings: Option<&scale::ScalingGroup>) -> admin::Refresh {
    let state = match (view.rolling_back, view.paused_until) {
        (true, _) => "rolling-back",
        (false, Some(_)) => "checkpoint",
        (false, None) => "in-progress",
    };
    admin::Refresh {
        template: view.to,
        state: state.to_owned(),
        replaced: view.replaced,
        of: view.total,
        failures: view.failures,
        max_failures: settings.map_or(0, |settings| settings.refresh.max_failures),
        since: time(view.started),
        until: view.paused_until.map(time),
    }
}

fn back_off(view: &scale::BackOffView) -> admin::BackOff {
    admin::BackOff { until: time(view.until), failures: view.failures, reason: view.reason.clone() }
}

fn instance(instance: &scale::Instance, seen: Seen) -> admin::Instance {
    admin::Instance {
        id: instance.id.to_string(),
        lifecycle: lifecycle(instance.lifecycle),
        since: time(instance.since),
        launched: time(instance.launched),
        template: instance.template,
        address: instance.address.as_ref().map(ToString::to_string),
        protected: instance.protected,
        health: seen.health,
        reason: instance.unhealthy.clone().unwrap_or_default(),
        in_flight: seen.in_flight,
    }
}

fn lifecycle(lifecycle: scale::Lifecycle) -> admin::Lifecycle {
    match lifecycle {
        scale::Lifecycle::Pending => admin::Lifecycle::Pending,
        scale::Lifecycle::Warming => admin::Lifecycle::Warming,
        scale::Lifecycle::Pooled => admin::Lifecycle::Pooled,
        scale::Lifecycle::InService => admin::Lifecycle::InService,
        scale::Lifecycle::Draining => admin::Lifecycle::Draining,
        scale::Lifecycle::Stopping => admin::Lifecycle::Stopping,
    }
}

/// One line of the history.
pub(crate) fn activity(activity: &scale::Activity) -> admin::Activity {
    let status = match activity.status {
        scale::ActivityStatus::InProgress => admin::ActivityStatus::InProgress,
        scale::ActivityStatus::Successful => admin::ActivityStatus::Successful,
        scale::ActivityStatus::Failed => admin::ActivityStatus::Failed,
        scale::ActivityStatus::Cancelled => admin::ActivityStatus::Cancelled,
    };
    admin::Activity {
        id: activity.id,
        group: activity.group.to_string(),
        instance: activity.instance.as_ref().map(ToString::to_string),
        description: activity.description.clone(),
        cause: activity.cause.clone(),
        start: time(activity.start),
        end: activity.end.map(time),
        status,
        message: activity.message.clone(),
    }
}

/// Groups hold at most some thousands.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
