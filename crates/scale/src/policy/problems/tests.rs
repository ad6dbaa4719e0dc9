use super::*;

#[track_caller]
fn check(settings: &str, expected: &[&str]) {
    let policy: Policy = toml::from_str(settings).unwrap();
    let found: Vec<String> =
        policy.problems().iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.message)).collect();
    assert_eq!(found, expected, "{settings}");
}

#[test]
fn a_simple_policy_says_what_is_wrong_with_it() {
    let simple = |rest: &str| format!("simple = {{ alarm = \"a\", {rest} }}");
    check(&simple("adjustment = \"change-in-capacity\", by = -1, cooldown = \"0s\""), &[]);
    check(&simple("adjustment = \"change-in-capacity\", by = 0"), &["simple.by: 0 instances more change nothing"]);
    check(&simple("adjustment = \"exact-capacity\", by = 0"), &[]);
    check(&simple("adjustment = \"exact-capacity\", by = -1"), &["simple.by: -1 is out of range"]);
    check(&simple("adjustment = \"percent-change-in-capacity\", by = -101"), &["simple.by: -101 is out of range"]);
    check(
        &simple("adjustment = \"change-in-capacity\", by = 1, at-least = 2, cooldown = \"2days\""),
        &[
            "simple.at-least: only a change in percent has a least number of instances",
            "simple.cooldown: 2days is out of range",
        ],
    );
}

#[test]
fn steps_lie_side_by_side() {
    let steps =
        |steps: &str| format!("step = {{ alarm = \"a\", adjustment = \"change-in-capacity\", steps = [{steps}] }}");
    check(&steps("{ from = 0, to = 10, by = 1 }, { from = 10, by = 2 }"), &[]);
    check(&steps("{ from = 10, by = 2 }, { from = 0, to = 10, by = 1 }"), &[]);
    check(&steps("{ to = 0, by = -1 }"), &[]);
    check(&steps(""), &["step.steps: 0 steps are out of range"]);
    check(
        &steps("{ from = 0, to = 10, by = 1 }, { from = 5, by = 2 }"),
        &["step.steps.1.from: the steps overlap from 5 to 10"],
    );
    check(
        &steps("{ from = 0, to = 10, by = 1 }, { from = 15, by = 2 }"),
        &["step.steps.1.from: no step is for what is between 10 and 15"],
    );
    check(&steps("{ from = 0, to = 10, by = 1 }"), &["step.steps.0.to: no step is for what is above 10"]);
    check(&steps("{ from = -10, to = 0, by = -1 }"), &["step.steps.0.from: no step is for what is below -10"]);
    check(&steps("{ from = 10, to = 0, by = 1 }"), &["step.steps.0.to: the step ends before it begins"]);
    check(&steps("{ from = nan, by = 1 }"), &["step.steps.0.to: the step ends before it begins"]);
}

#[test]
fn target_tracking_says_what_is_wrong_with_it() {
    let tracking = |rest: &str| format!("target-tracking = {{ metric = \"cpu-utilization\", {rest} }}");
    check(&tracking("target = 20.0"), &[]);
    check(&tracking("target = 0"), &["target-tracking.target: 0 is out of range"]);
    check(&tracking("target = inf"), &["target-tracking.target: inf is out of range"]);
    check(
        &tracking("target = 1, period = \"1500ms\", out-periods = 0, in-periods = 101, in-cooldown = \"25h\""),
        &[
            "target-tracking.period: 1s 500ms is no whole number of seconds",
            "target-tracking.out-periods: 0 is out of range",
            "target-tracking.in-periods: 101 is out of range",
            "target-tracking.in-cooldown: 1day 1h is out of range",
        ],
    );
}

#[test]
fn a_schedule_says_what_is_wrong_with_it() {
    let scheduled = |rest: &str| format!("scheduled = {{ {rest} }}");
    check(&scheduled("cron = \"0 8 * * *\", desired = 3"), &[]);
    check(
        &scheduled("cron = \"0 8 * * *\", time-zone = \"Europe/Nowhere\""),
        &[
            "scheduled.time-zone: there is no time zone `Europe/Nowhere`",
            "scheduled.cron: it changes nothing when it falls due",
        ],
    );
    check(&scheduled("cron = \"0 0 31 2 *\", min = 3"), &["scheduled.cron: `0 0 31 2 *` never falls due"]);
    check(
        &scheduled("cron = \"0 8 * * *\", min = 3, max = 2, desired = 2000"),
        &["scheduled.desired: 2000 is out of range", "scheduled.min: a minimum of 3 exceeds the maximum of 2"],
    );
}

#[test]
fn a_predictive_policy_says_what_is_wrong_with_it() {
    let predictive = |rest: &str| format!("predictive = {{ target = 100, {rest} }}");
    check(&predictive("metric = \"request-count\""), &[]);
    check(&predictive("metric = \"request-count\", season = \"7days\", quantile = 99, lead = \"1h\""), &[]);
    check(
        &predictive("metric = \"latency\", season = \"8days\", quantile = 100, lead = \"2h\""),
        &[
            "predictive.season: 8days is out of range",
            "predictive.lead: 2h is out of range",
            "predictive.quantile: 100 is out of range",
            "predictive.metric: `latency` does not tell how much there is to do",
        ],
    );
    check(
        &predictive("metric = \"request-count\", season = \"130s\""),
        &["predictive.season: metrics are not kept finely enough for such a season"],
    );
}
