//! Ahead of the load: what was seen a season ago, one day or one week, is expected again.

use std::time::Duration;

use equipoise_target::PolicyName;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::book::{Forecast, ForecastPoint, Wish};
use super::forecast::{self, Plan};
use crate::Metric;
use crate::alarm::reason::number;

/// Settings of a predictive policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Predictive {
    /// What the forecast is of: a metric of the whole group, such as `request-count`, or one of each instance.
    pub metric: Metric,
    /// The value of the metric that one instance is meant for, above 0.
    pub target: f64,
    /// What the load repeats after: "1min" to "7days", default "1day".
    #[serde(default = "day", with = "humantime_serde")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub season: Duration,
    /// How long before it is needed an instance is launched: "0s" to "1h"; as long as instances took from launch to service
    /// lately when not set.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub lead: Option<Duration>,
    /// Which quantile of the same time in earlier seasons is expected, in percent: 50 to 99, default 90.
    #[serde(default = "ninety")]
    #[cfg_attr(feature = "schema", schemars(range(min = 50, max = 99)))]
    pub quantile: u8,
    /// Whether it only shows its forecast. Default: false.
    #[serde(default)]
    pub forecast_only: bool,
}

fn day() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

fn ninety() -> u8 {
    90
}

/// A predictive policy at work.
#[derive(Debug)]
pub(super) struct Forecaster {
    settings: Predictive,
    forecast: Option<Forecast>,
}

impl Forecaster {
    pub(super) fn new(settings: Predictive) -> Self {
        Self { settings, forecast: None }
    }

    /// The step of the most instances from now until one that was launched now would be in service; `None` when nothing is
    /// expected, or nothing follows from it. The forecast is made anew when a step has ended.
    pub(super) fn peak(&mut self, name: &PolicyName, asked: &Asked<'_>) -> Option<ForecastPoint> {
        let plan = Plan::new(self.settings.season)?;
        let now = plan.begin(asked.now);
        if self.forecast.as_ref().is_none_or(|forecast| forecast.made != now) {
            self.forecast = Some(forecast::make(&self.settings, name, asked, plan));
        }
        let forecast =
            self.forecast.as_ref().filter(|_| !self.settings.forecast_only && asked.facts.follow_schedules)?;
        let lead = self.settings.lead.or(asked.facts.boot_time).unwrap_or_default();
        let until = asked.now.after(lead);
        let near = forecast.points.iter().take_while(|point| point.at <= until);
        near.filter(|point| point.capacity.is_some()).max_by_key(|point| point.capacity).copied()
    }

    /// What it wants for that.
    pub(super) fn wish(&self, name: &PolicyName, peak: ForecastPoint) -> Wish {
        let (metric, value) = (&self.settings.metric, number(peak.value.unwrap_or_default()));
        let cause = format!("predictive policy {name} expected a {metric} of {value} at {}", peak.at);
        Wish { policy: name.clone(), desired: peak.capacity, bounds: None, cooldown: None, cause }
    }

    /// What it expects.
    pub(super) fn forecast(&self) -> Option<&Forecast> {
        self.forecast.as_ref()
    }
}
