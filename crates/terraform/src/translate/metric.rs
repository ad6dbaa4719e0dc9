//! CloudWatch's metrics as ours, with their units.

/// A metric that is measured here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    pub(super) metric: String,
    /// What a value at AWS is multiplied by.
    pub(super) factor: f64,
    /// Statistics that mean the same; the alarm's own without one.
    pub(super) statistic: Option<&'static str>,
    /// What works in another way.
    pub(super) differs: Option<&'static str>,
}

/// A minute, which AWS counts requests and bytes of target tracking by; we count by the second.
const MINUTE: f64 = 60.0;

impl Measured {
    fn same(metric: &str) -> Self {
        Self { metric: metric.to_owned(), factor: 1.0, statistic: None, differs: None }
    }

    fn per_second(metric: &str, period: f64) -> Self {
        let differs = Some("counted by the second here: the number is divided by the period's seconds");
        Self { factor: 1.0 / period.max(1.0), statistic: Some("average"), differs, ..Self::same(metric) }
    }

    /// The number that stands for one of AWS's.
    pub(super) fn value(&self, value: f64) -> f64 {
        let scaled = value * self.factor;
        if self.factor == 1.0 { value } else { (scaled * 1000.0).round() / 1000.0 }
    }
}

/// The metric of an alarm over `period` seconds, or why there is none.
pub(super) fn of_alarm(namespace: &str, name: &str, period: f64) -> Result<Measured, String> {
    Ok(match name {
        "CPUUtilization" => Measured::same("cpu-utilization"),
        "MemoryUtilization" | "mem_used_percent" => Measured::same("memory-utilization"),
        "HealthyHostCount" => Measured::same("healthy-count"),
        "GroupInServiceInstances" => Measured::same("in-service"),
        "RequestCount" => Measured::per_second("request-count", period),
        "RequestCountPerTarget" => Measured::per_second("request-count-per-target", period),
        "NetworkIn" => Measured::per_second("network-received", period),
        "NetworkOut" => Measured::per_second("network-sent", period),
        "TargetResponseTime" => {
            let differs = Some("in milliseconds here: the number is a thousand times AWS's seconds");
            Measured { factor: 1000.0, differs, ..Measured::same("latency") }
        }
        "UnHealthyHostCount" => {
            return Err(
                "unhealthy targets are not counted; an alarm on `healthy-count` below a number says as much".to_owned()
            );
        }
        name if name.starts_with("HTTPCode_") => {
            return Err("failures are not counted, their share is: use `error-rate`, in percent".to_owned());
        }
        name if !namespace.starts_with("AWS/") && !name.is_empty() => custom(name),
        name => return Err(format!("`{name}` of {namespace} is not measured here")),
    })
}

/// The metric that target tracking or a forecast names, or why there is none.
pub(super) fn predefined(name: &str) -> Result<Measured, String> {
    Ok(match name {
        "ASGAverageCPUUtilization"
        | "ECSServiceAverageCPUUtilization"
        | "ASGCPUUtilization"
        | "ASGTotalCPUUtilization" => Measured::same("cpu-utilization"),
        "ECSServiceAverageMemoryUtilization" => Measured::same("memory-utilization"),
        "ASGAverageNetworkIn" | "ASGNetworkIn" => Measured::per_second("network-received", MINUTE),
        "ASGAverageNetworkOut" | "ASGNetworkOut" => Measured::per_second("network-sent", MINUTE),
        "ALBRequestCountPerTarget" | "ALBRequestCount" | "ALBTargetGroupRequestCount" => {
            Measured::per_second("request-count-per-target", MINUTE)
        }
        name => return Err(format!("`{name}` is not measured here")),
    })
}

fn custom(name: &str) -> Measured {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "_.:-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(fits).take(63).collect();
    let differs = Some("your own metric: push it over the admin API, or let `scrape` read it");
    Measured { differs, ..Measured::same(&format!("custom.{name}")) }
}

/// A statistic as ours.
pub(super) fn statistic(name: &str) -> Option<&'static str> {
    Some(match name {
        "Average" => "average",
        "Sum" => "sum",
        "Minimum" => "minimum",
        "Maximum" => "maximum",
        "SampleCount" => "sample-count",
        "p50" | "p50.0" => "p50",
        "p90" | "p90.0" => "p90",
        "p95" | "p95.0" => "p95",
        "p99" | "p99.0" => "p99",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_change_with_their_units() {
        let check = |measured: Result<Measured, String>, metric: &str, from: f64, to: f64| {
            let measured = measured.unwrap();
            assert_eq!((measured.metric.as_str(), measured.value(from)), (metric, to));
        };
        check(of_alarm("AWS/EC2", "CPUUtilization", 120.0), "cpu-utilization", 20.0, 20.0);
        check(of_alarm("AWS/ApplicationELB", "TargetResponseTime", 60.0), "latency", 0.25, 250.0);
        check(
            of_alarm("AWS/ApplicationELB", "RequestCountPerTarget", 60.0),
            "request-count-per-target",
            1000.0,
            16.667,
        );
        check(predefined("ALBRequestCountPerTarget"), "request-count-per-target", 600.0, 10.0);
        check(of_alarm("Todo", "Open Jobs", 60.0), "custom.Open-Jobs", 1.0, 1.0);
        assert!(of_alarm("AWS/ApplicationELB", "UnHealthyHostCount", 60.0).is_err());
        assert!(of_alarm("AWS/EC2", "StatusCheckFailed", 60.0).is_err());
    }
}
