//! Prints what it costs to decide: 1,000 groups of 100 instances, once a second, with three policies each.
//!
//! `cargo run --release -p equipoise-scale --example deciding`

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use equipoise_metrics::series::{Limits, Store};
use equipoise_scale::provider::{Handle, Launched};
use equipoise_scale::{
    Effect, Event, Fleet, InFlight, InstanceId, Metric, Moment, Order, Plan, ScalingGroup, SeriesKey, Subject,
};
use equipoise_target::{AlarmName, ScalingGroupName};

const GROUPS: u32 = 1000;
const INSTANCES: u32 = 100;
const SECONDS: u32 = 600;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut now = Moment::from_millis(1_714_557_600_000);
    let (plan, store) = (plan()?, Store::new(Limits::default()));
    let mut fleet = Fleet::new(1, 1);
    let mut effects = fleet.configure(&plan, now);
    for name in plan.groups.keys() {
        effects.extend(fleet.adopt(name, Vec::new(), now));
    }
    obey(&mut fleet, effects, now)?;

    let (mut spent, mut longest) = (Duration::ZERO, Duration::ZERO);
    let mut changes = 0;
    for second in 0..SECONDS {
        measure(&store, &plan, now.seconds(), second)?;
        now = now.after(Duration::from_secs(1));
        let began = Instant::now();
        let effects = fleet.tick(&store, &Idle, now);
        spent += began.elapsed();
        longest = longest.max(began.elapsed());
        changes +=
            effects.iter().filter(|effect| matches!(effect, Effect::Launch { .. } | Effect::Leave { .. })).count();
        obey(&mut fleet, effects, now)?;
    }
    let there: usize = plan.groups.keys().map(|name| fleet.instances(name).count()).sum();
    let share = spent.as_secs_f64() / f64::from(SECONDS) * 100.0;
    println!("{GROUPS} groups, {there} instances, {} policies, {} alarms", GROUPS * 3, fleet.alarms().views().len());
    println!("deciding once a second took {share:.3} % of a core, the longest second {longest:?}");
    println!("in {SECONDS} seconds {changes} instances came or went");
    change(&mut fleet, &plan, now)
}

/// What one change costs in a group of this size.
fn change(fleet: &mut Fleet, plan: &Plan, now: Moment) -> Result<(), Failure> {
    let began = Instant::now();
    for name in plan.groups.keys() {
        let Some(instance) = fleet.instances(name).next().map(|instance| instance.id.clone()) else { continue };
        let order = Order::Terminate { instance, shrink: false };
        fleet.order(name, order, "an example", now)?;
    }
    println!("replacing an instance took {:?}", began.elapsed() / GROUPS);
    Ok(())
}

fn plan() -> Result<Plan, Failure> {
    let settings = |group: u32| -> Result<ScalingGroup, Failure> {
        Ok(toml::from_str(&format!(
            "target-group = 'todo'\nmin = {}\ndesired = {INSTANCES}\nmax = {}\ndefault-cooldown = '120s'\n\
             [launch-template.process]\ncommand = ['todo', '--port', '{{port}}']\nports = '10000-10999'\n\
             [policy.out.simple]\nalarm = 'high-{group}'\nadjustment = 'change-in-capacity'\nby = 1\n\
             [policy.in.simple]\nalarm = 'low-{group}'\nadjustment = 'change-in-capacity'\nby = -1\n\
             [policy.track.target-tracking]\nmetric = 'request-count-per-target'\ntarget = 50.0\n",
            INSTANCES - 5,
            INSTANCES + 5,
        ))?)
    };
    let alarm = |group: u32, comparison: &str, threshold: &str| {
        toml::from_str(&format!(
            "metric = 'cpu-utilization'\nscaling-group = 'group-{group}'\nperiod = '60s'\nevaluation-periods = 2\n\
             comparison = '{comparison}'\nthreshold = {threshold}\n"
        ))
    };
    let mut plan = Plan { groups: BTreeMap::new(), alarms: BTreeMap::new() };
    for group in 0..GROUPS {
        plan.groups.insert(ScalingGroupName::new(&format!("group-{group}"))?, settings(group)?);
        plan.alarms.insert(AlarmName::new(&format!("high-{group}"))?, alarm(group, "greater-than", "70.0")?);
        plan.alarms.insert(AlarmName::new(&format!("low-{group}"))?, alarm(group, "less-than", "30.0")?);
    }
    Ok(plan)
}

/// A wave of ten minutes, at another place for each group.
fn measure(store: &Store<SeriesKey>, plan: &Plan, at: u64, second: u32) -> Result<(), Failure> {
    for (number, name) in (0u32..).zip(plan.groups.keys()) {
        let phase = f64::from(second + number) / 600.0 * std::f64::consts::TAU;
        for metric in [Metric::CpuUtilization, Metric::RequestCountPerTarget] {
            let key = SeriesKey { subject: Subject::ScalingGroup(name.clone()), metric };
            store.record(key, at, 50.0 + 40.0 * phase.sin())?;
        }
    }
    Ok(())
}

/// Instances that do at once what is asked of them.
fn obey(fleet: &mut Fleet, mut effects: Vec<Effect>, now: Moment) -> Result<(), Failure> {
    while let Some(effect) = effects.pop() {
        let (group, instance, event) = match effect {
            Effect::Launch { group, instance, .. } => {
                let handle = Handle(instance.as_str().into());
                (group, instance, Event::Launched(Launched { handle, address: "127.0.0.1:10000".parse()? }))
            }
            Effect::Check { group, instance } => (group, instance, Event::Passed),
            Effect::Leave { group, instance } => (group, instance, Event::Drained),
            Effect::Stop { group, instance } => (group, instance, Event::Stopped),
            _ => continue,
        };
        effects.extend(fleet.happened(&group, &instance, event, now));
    }
    Ok(())
}

struct Idle;

impl InFlight for Idle {
    fn in_flight(&self, _: &ScalingGroupName, _: &InstanceId) -> u32 {
        0
    }
}
