//! Arguments of `asg`, `alarms` and `metrics`.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use equipoise_admin::scaling::Subject;

use super::OutputArgs;

/// What a scaling group does by itself, as the configuration spells it.
const PROCESSES: [&str; 7] = [
    "launch",
    "terminate",
    "replace-unhealthy",
    "alarm-notification",
    "scheduled-actions",
    "add-to-target-group",
    "instance-refresh",
];

/// What to do with scaling groups.
#[derive(Debug, Subcommand)]
pub(crate) enum AsgCommand {
    /// List scaling groups with their capacity
    List(OutputArgs),
    /// Show a scaling group: instances, policies, what it is at
    Show(GroupArgs),
    /// Set how many instances a scaling group should have
    ///
    /// Policies change it further from there. Refused outside of the group's minimum and maximum.
    #[command(after_help = "Example:\n  equipoise asg set-desired web 3")]
    SetDesired {
        /// Name of the scaling group
        group: String,
        /// How many instances
        desired: u32,
        /// Refuse while a cooldown is under way
        #[arg(long)]
        honor_cooldown: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Replace every instance, a few at a time
    ///
    /// A changed launch template starts this by itself. `asg activities GROUP --follow` shows it.
    #[command(after_help = "Examples:\n  equipoise asg refresh web\n  equipoise asg refresh web --roll-back")]
    Refresh {
        /// Name of the scaling group
        group: String,
        /// Stop replacing; what was replaced stays
        #[arg(long, conflicts_with = "roll_back")]
        cancel: bool,
        /// Go back to the launch template from before
        #[arg(long)]
        roll_back: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show what a scaling group did, and why
    ///
    /// The newest stands last. As JSON, the newest comes first; with --follow, each is one line.
    #[command(
        after_help = "Examples:\n  equipoise asg activities web --limit 20\n  equipoise asg activities web --follow"
    )]
    Activities {
        /// Name of the scaling group
        group: String,
        /// How many: 1 to 1000
        #[arg(long, default_value_t = 100, value_name = "NUMBER", value_parser = limit)]
        limit: usize,
        /// Go on with new ones and with the ends of those under way, until interrupted
        #[arg(long, short)]
        follow: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a scaling group stop doing something by itself
    #[command(
        after_help = "Examples:\n  equipoise asg suspend web terminate replace-unhealthy\n  equipoise asg suspend web"
    )]
    Suspend(ProcessesArgs),
    /// Let a scaling group do it again
    #[command(after_help = "Example:\n  equipoise asg resume web")]
    Resume(ProcessesArgs),
    /// Make scaling in leave instances alone
    #[command(after_help = "Example:\n  equipoise asg protect web i-0123456789abcdef")]
    Protect(InstancesArgs),
    /// Let scaling in choose these instances again
    Unprotect(InstancesArgs),
    /// Stop an instance, when the requests that it has are done; another takes its place
    #[command(after_help = "Example:\n  equipoise asg terminate web i-0123456789abcdef --shrink")]
    Terminate {
        /// Name of the scaling group
        group: String,
        /// Name of the instance, `i-` and 16 hexadecimal digits
        instance: String,
        /// Want one instance less from now on, so that no other takes its place
        #[arg(long)]
        shrink: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// One scaling group.
#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    /// Name of the scaling group
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Processes of a scaling group.
#[derive(Debug, Args)]
pub(crate) struct ProcessesArgs {
    /// Name of the scaling group
    pub(crate) group: String,
    /// What it does by itself; everything when none is named
    #[arg(value_name = "PROCESS", value_parser = PossibleValuesParser::new(PROCESSES))]
    pub(crate) processes: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Instances of a scaling group.
#[derive(Debug, Args)]
pub(crate) struct InstancesArgs {
    /// Name of the scaling group
    pub(crate) group: String,
    /// Names of the instances, `i-` and 16 hexadecimal digits
    #[arg(required = true, value_name = "INSTANCE")]
    pub(crate) instances: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What to do with alarms.
#[derive(Debug, Subcommand)]
pub(crate) enum AlarmsCommand {
    /// List alarms with their states, those that policies made among them
    List(OutputArgs),
    /// Show when an alarm changed its state, and why; the newest stands last
    #[command(after_help = "Example:\n  equipoise alarms history cpu-high --limit 10")]
    History {
        /// Name of the alarm
        alarm: String,
        /// How many: 1 to 1000
        #[arg(long, default_value_t = 100, value_name = "NUMBER", value_parser = limit)]
        limit: usize,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// What to do with metrics.
#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Show a metric, period by period
    #[command(after_help = "Examples:\n  equipoise metrics get scaling-group/web cpu-utilization\n  \
        equipoise metrics get target-group/web latency --statistic p99 --period 10s --since 10min\n  \
        equipoise metrics get instance/web/i-0123456789abcdef memory --statistic maximum")]
    Get(MetricArgs),
    /// Push a number that you measured, for alarms and policies to read
    #[command(after_help = "Example:\n  equipoise metrics put scaling-group/web custom.jobs 12")]
    Put {
        /// Whose: scaling-group/NAME, instance/GROUP/ID or target-group/NAME
        subject: Subject,
        /// Of what: `custom.` and a name
        metric: String,
        /// The number
        #[arg(allow_negative_numbers = true, value_parser = finite)]
        value: f64,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Which metric.
#[derive(Debug, Args)]
pub(crate) struct MetricArgs {
    /// Whose: scaling-group/NAME, instance/GROUP/ID or target-group/NAME
    pub(crate) subject: Subject,
    /// Of what, such as cpu-utilization, request-count-per-target, latency or custom.NAME
    pub(crate) metric: String,
    /// What is made of a period's samples: average, sum, minimum, maximum, sample-count, p50, p90, p95, p99
    #[arg(long, default_value = "average", value_name = "STATISTIC")]
    pub(crate) statistic: String,
    /// Length of a period in whole seconds
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = period)]
    pub(crate) period: Duration,
    /// How far back
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) since: Duration,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn limit(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|limit| (1..=1000).contains(limit))
        .ok_or_else(|| "write a number from 1 to 1000".to_owned())
}

fn period(text: &str) -> Result<Duration, String> {
    let period = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let fits = period.as_secs() > 0 && period.subsec_nanos() == 0;
    if fits { Ok(period) } else { Err("write whole seconds, such as 60s".to_owned()) }
}

fn finite(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| "write a number, such as 12.5".to_owned())
}
