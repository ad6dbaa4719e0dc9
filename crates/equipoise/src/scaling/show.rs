//! What there is to see of scaling, and what can be asked for, from outside: the same for the admin address and for embedding
//! programs.

use equipoise_admin::scaling as admin;
use equipoise_admin::scaling::{MetricQuery, MetricSeries, ScalingError, Taken};
use equipoise_admin::status::Health;
use equipoise_metrics::series::Refused;
use equipoise_scale::{GroupView, Instance, Metric, SeriesKey, Subject};
use equipoise_target::{AlarmName, Condition, GroupName, ScalingGroupName};

use super::mirror::{self, Seen};
use super::{Scaling, State, plan, sample};
use crate::core::{Core, Stage};
use crate::error::chain;
use crate::metrics::lock;

/// Who gives orders from outside, as the history tells it.
const SOMEBODY: &str = "a user request";

impl Core {
    /// Every scaling group by name.
    pub(crate) fn scaling_groups(&self) -> Vec<admin::ScalingGroup> {
        let Some(scaling) = self.scaling.get() else { return Vec::new() };
        let state = lock(&scaling.state);
        let names = state.fleet.groups().into_iter().map(|(name, _)| name);
        names.filter_map(|name| state.fleet.view(&name)).map(|view| scaling.show(self, &state, &view)).collect()
    }

    /// Every alarm by name.
    pub(crate) fn alarms(&self) -> Vec<admin::Alarm> {
        let Some(scaling) = self.scaling.get() else { return Vec::new() };
        let plan = plan(&self.serving.load().config);
        let views = lock(&scaling.state).fleet.alarms().views();
        views.iter().map(|view| mirror::alarm(view, &plan)).collect()
    }

    /// Follows an order, and gives the group as it is then.
    pub(crate) fn scaling_order(&self, name: &str, order: admin::Order) -> Result<admin::ScalingGroup, ScalingError> {
        let scaling = self.scaling.get().ok_or(ScalingError::NotHere)?;
        if self.stage() >= Stage::Draining {
            return Err(ScalingError::Draining);
        }
        let (group, view) = scaling.view(name)?;
        let order = mirror::order(order, &view)?;
        scaling.order(&group, order, SOMEBODY).map_err(|error| mirror::refusal(error, &view))?;
        let (_, view) = scaling.view(name)?;
        Ok(scaling.show(self, &lock(&scaling.state), &view))
    }

    /// The latest activities of a group, the newest first.
    pub(crate) async fn activities(&self, group: &str, limit: usize) -> Result<Vec<admin::Activity>, ScalingError> {
        let scaling = self.scaling.get().ok_or(ScalingError::NotHere)?;
        let missing = || scaling.no_group(group);
        let name = ScalingGroupName::new(group).map_err(|_| missing())?;
        let kept = scaling.keeper.activities(&name, limit).await.map_err(|error| history(&error))?;
        if kept.is_empty() {
            // A group that is gone has its history still; one that never was has none.
            scaling.view(group)?;
        }
        Ok(kept.iter().map(mirror::activity).collect())
    }

    /// The latest changes of an alarm's state, the newest first.
    pub(crate) async fn alarm_history(
        &self,
        alarm: &str,
        limit: usize,
    ) -> Result<Vec<admin::AlarmTransition>, ScalingError> {
        let scaling = self.scaling.get().ok_or(ScalingError::NotHere)?;
        let missing = || {
            let known = lock(&scaling.state).fleet.alarms().views();
            let known = known.iter().map(|view| view.name.to_string()).collect();
            ScalingError::NoAlarm { name: alarm.to_owned(), known }
        };
        let name = AlarmName::new(alarm).map_err(|_| missing())?;
        let kept = scaling.keeper.transitions(&name, limit).await.map_err(|error| history(&error))?;
        if kept.is_empty() && lock(&scaling.state).fleet.alarms().state(&name).is_none() {
            return Err(missing());
        }
        Ok(kept.iter().map(mirror::transition).collect())
    }

    /// A metric's last whole periods.
    pub(crate) fn metric(&self, query: &MetricQuery) -> Result<MetricSeries, ScalingError> {
        let scaling = self.scaling.get().ok_or(ScalingError::NotHere)?;
        let key = mirror::key(&query.subject, &query.metric)?;
        let statistic = mirror::statistic(&query.statistic)?;
        scaling.is_there(self, &key)?;
        let now = scaling.now();
        let count = query.count.min(MetricQuery::MOST_POINTS);
        let points = scaling.series.points(&key, statistic, query.period.as_secs().max(1), count, now.seconds());
        Ok(mirror::series(query, &points, now))
    }

    /// Takes numbers that somebody else measured: all of them, or none.
    pub(crate) fn push_metrics(&self, data: &[admin::Datum]) -> Result<Taken, ScalingError> {
        let scaling = self.scaling.get().ok_or(ScalingError::NotHere)?;
        let now = scaling.now();
        let refused = |datum: &admin::Datum, reason: &str| ScalingError::NotTaken {
            metric: datum.metric.clone(),
            reason: reason.to_owned(),
        };
        let mut keys = Vec::with_capacity(data.len());
        for datum in data {
            let key = mirror::key(&datum.subject, &datum.metric)?;
            if !matches!(key.metric, Metric::Custom(_)) {
                return Err(refused(datum, "only metrics that begin with `custom.` can be pushed"));
            }
            if !datum.value.is_finite() {
                return Err(refused(datum, "it is no number"));
            }
            scaling.is_there(self, &key)?;
            keys.push(key);
        }
        for (datum, key) in data.iter().zip(keys) {
            let pushed = sample::push(&scaling.series, key, now, datum.value);
            pushed.map_err(|error: Refused| refused(datum, &chain(&error)))?;
        }
        Ok(Taken { taken: data.len() })
    }
}

impl Scaling {
    fn show(&self, core: &Core, state: &State, view: &GroupView) -> admin::ScalingGroup {
        let serving = core.serving.load();
        let settings = serving.config.scaling_groups.get(&view.name);
        mirror::group(view, &state.fleet.forecasts(&view.name), settings, |instance| {
            seen(core, state, &view.name, instance)
        })
    }

    fn view(&self, name: &str) -> Result<(ScalingGroupName, GroupView), ScalingError> {
        let found = ScalingGroupName::new(name).ok().and_then(|name| {
            let view = lock(&self.state).fleet.view(&name)?;
            Some((name, view))
        });
        found.ok_or_else(|| self.no_group(name))
    }

    fn no_group(&self, name: &str) -> ScalingError {
        let known = lock(&self.state).fleet.groups().into_iter().map(|(name, _)| name.to_string()).collect();
        ScalingError::NoGroup { name: name.to_owned(), known }
    }

    /// Whether there is somebody of whom this can be said: now, or not long ago.
    fn is_there(&self, core: &Core, key: &SeriesKey) -> Result<(), ScalingError> {
        match &key.subject {
            _ if self.series.written(key).is_some() => Ok(()),
            Subject::ScalingGroup(name) => self.view(name.as_str()).map(drop),
            Subject::TargetGroup(name) => core.serving.load().group(name).map(drop).ok_or_else(|| {
                let serving = core.serving.load();
                let known = serving.config.target_groups.iter().map(|group| group.name.to_string()).collect();
                ScalingError::NoTargetGroup { name: name.to_string(), known }
            }),
            Subject::Instance(group, id) => {
                let (_, view) = self.view(group.as_str())?;
                let found = view.instances.iter().any(|instance| instance.id == *id);
                found.then_some(()).ok_or_else(|| ScalingError::NoInstance {
                    group: group.to_string(),
                    instance: id.to_string(),
                    known: view.instances.iter().map(|instance| instance.id.to_string()).collect(),
                })
            }
        }
    }
}

/// What the data plane and the health checks know of an instance.
fn seen(core: &Core, state: &State, group: &ScalingGroupName, instance: &Instance) -> Seen {
    let entry = state.roster.entries.get(&(group.clone(), instance.id.clone()));
    let Some((entry, target)) = entry.and_then(|entry| Some((entry, entry.target.as_ref()?))) else {
        return Seen::default();
    };
    let health = |target_group: &GroupName| match core.monitor.condition(target_group, target.address()) {
        Condition::Ready => Health::Healthy,
        Condition::Degraded { .. } => Health::Degraded,
        Condition::Unhealthy | Condition::Out => Health::Unhealthy,
    };
    Seen { health: entry.joined.as_ref().map_or(Health::Unknown, health), in_flight: target.in_flight() }
}

fn history(error: &super::store::StoreError) -> ScalingError {
    ScalingError::History { reason: chain(error) }
}
