use std::time::Duration;

use equipoise_scale::{ActivityStatus, Moment, Order, OrderError, Process};

use crate::shell::{START, Shell, name};

/// The practical's own: two simple policies, a cooldown of two minutes.
const TWO_ALARMS: [(&str, &str); 2] = [
    (
        "cpu-high",
        "period = \"120s\"\nevaluation-periods = 2\ncomparison = \"greater-than-or-equal\"\nthreshold = 20.0\n\
         on-alarm = [\"log\"]",
    ),
    ("cpu-low", "period = \"120s\"\nevaluation-periods = 2\ncomparison = \"less-than-or-equal\"\nthreshold = 10.0"),
];
const PRACTICAL: &str = "min = 1\nmax = 4\ndefault-cooldown = \"120s\"\n\
    [policy.scale-out.simple]\nalarm = \"cpu-high\"\nadjustment = \"change-in-capacity\"\nby = 1\n\
    [policy.scale-in.simple]\nalarm = \"cpu-low\"\nadjustment = \"change-in-capacity\"\nby = -1\n";

/// When the desired capacity changed, and to what, by the history.
fn changes(shell: &Shell) -> Vec<(Moment, u32)> {
    let mut changes: Vec<_> = shell
        .history
        .values()
        .filter_map(|activity| {
            let (_, rest) = activity.cause.split_once("triggered policy")?;
            let (_, to) = rest.split_once(" to ")?;
            let to = to.split_once('.')?.0;
            Some((activity.start, to.parse().unwrap()))
        })
        .collect();
    changes.dedup();
    changes
}

#[test]
fn the_practical_goes_from_one_to_four_and_back_and_each_step_says_why() {
    let mut shell = Shell::with_alarms(PRACTICAL, &TWO_ALARMS);
    shell.load(480, 5.0);
    assert_eq!(shell.view().desired, 1);
    shell.load(2400, 160.0);
    assert_eq!(shell.serving().len(), 4);
    shell.load(2400, 8.0);
    assert_eq!(shell.serving().len(), 1);
    let changes = changes(&shell);
    let capacities: Vec<_> = changes.iter().map(|(_, to)| *to).collect();
    assert_eq!(capacities, [2, 3, 4, 3, 2, 1]);
    for pair in changes.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= Duration::from_secs(120), "{changes:?}");
    }
    let first = shell.history.values().find(|activity| activity.cause.contains("triggered")).unwrap();
    let at = first.start;
    assert_eq!(
        first.cause,
        format!(
            "At {at} a monitor alarm cpu-high in state ALARM triggered policy scale-out changing the desired capacity from \
             1 to 2. At {at} an instance was started in response to a difference between desired and actual capacity, \
             increasing the capacity from 1 to 2."
        )
    );
    assert_eq!(shell.statuses(ActivityStatus::InProgress), 0);
}

#[test]
fn a_cooldown_counts_from_the_end_of_what_it_follows() {
    let mut shell = Shell::with_alarms(PRACTICAL, &TWO_ALARMS);
    shell.lazy.insert("check");
    while shell.view().desired == 1 {
        shell.load(1, 90.0);
    }
    let honor = Order::SetDesired { desired: 3, honor_cooldown: true };
    shell.load(5, 90.0);
    let error = shell.order(honor.clone()).unwrap_err();
    let until = shell.now.after(Duration::from_secs(120));
    assert_eq!(
        error,
        OrderError::CoolingDown { group: name(), until },
        "it ends that long after its launch at the soonest"
    );
    shell.lazy.clear();
    shell.obey();
    assert_eq!(shell.view().cooldown_until, Some(until));
    shell.load(119, 0.0);
    assert!(shell.order(honor.clone()).is_err());
    shell.load(1, 0.0);
    shell.order(honor).unwrap();
}

#[test]
fn alarms_are_told_and_have_done_what_they_say() {
    let mut shell = Shell::with_alarms(PRACTICAL, &TWO_ALARMS);
    let mut told = Vec::new();
    for _ in 0..1000 {
        shell.now = shell.now.after(Duration::from_secs(1));
        shell.measured.0.insert(shell.now.seconds() - 1, 90.0);
        let effects = shell.fleet.tick(&shell.measured, &shell.busy, shell.now);
        told.extend(effects.iter().filter_map(|effect| match effect {
            equipoise_scale::Effect::Alarmed(transition) => Some(format!("{} {:?}", transition.alarm, transition.to)),
            equipoise_scale::Effect::Act { alarm, action, .. } => Some(format!("{alarm} does {action:?}")),
            _ => None,
        }));
    }
    let high: Vec<_> = told.into_iter().filter(|told| told.starts_with("cpu-high")).collect();
    assert!(high.ends_with(&["cpu-high Alarm".to_owned(), "cpu-high does Log".to_owned()]), "{high:?}");
}

#[test]
fn suspended_alarms_change_nothing() {
    let mut shell = Shell::with_alarms(PRACTICAL, &TWO_ALARMS);
    shell.order(Order::Suspend(vec![Process::AlarmNotification])).unwrap();
    shell.load(1000, 90.0);
    assert_eq!(shell.view().desired, 1);
    shell.order(Order::Resume(Vec::new())).unwrap();
    shell.load(1, 90.0);
    assert_eq!(shell.view().desired, 2);
}

#[test]
fn of_several_policies_the_one_that_wants_most_wins() {
    let both = "[policy.a.simple]\nalarm = \"cpu-high\"\nadjustment = \"exact-capacity\"\nby = 2\n\
        [policy.b.simple]\nalarm = \"cpu-high\"\nadjustment = \"exact-capacity\"\nby = 9\n\
        [policy.c.simple]\nalarm = \"cpu-high\"\nadjustment = \"exact-capacity\"\nby = 3\n";
    let mut shell = Shell::with_alarms(both, &TWO_ALARMS);
    shell.load(600, 90.0);
    assert_eq!(shell.view().desired, 4, "never more than the maximum");
    assert!(
        shell.activity("Launching").cause.contains("triggered policy b changing the desired capacity from 1 to 4.")
    );
}

#[test]
fn target_tracking_makes_alarms_that_can_be_seen_and_comes_to_rest() {
    let tracking = "min = 1\nmax = 9\n[policy.cpu.target-tracking]\nmetric = \"cpu-utilization\"\ntarget = 50.0\n";
    let mut shell = Shell::with_alarms(tracking, &[]);
    shell.load(1800, 200.0);
    assert_eq!(shell.view().desired, 4);
    let made = shell.fleet.alarms().views();
    assert_eq!(made.iter().filter(|view| view.made_by.is_some()).count(), 2);
    shell.load(3600, 60.0);
    assert_eq!(shell.view().desired, 2);
    assert_eq!(shell.statuses(ActivityStatus::InProgress), 0);
}

#[test]
fn a_schedule_moves_the_bounds_and_the_configuration_has_them_back() {
    let schedule = "min = 1\nmax = 9\n[policy.day.scheduled]\ncron = \"5 10 * * *\"\nmin = 3\n";
    let mut shell = Shell::with_alarms(schedule, &[]);
    shell.load(301, 0.0);
    assert_eq!((shell.view().desired, shell.view().bounds.min, shell.view().bounds.max), (3, 3, 9));
    assert!(shell.order(Order::SetDesired { desired: 2, honor_cooldown: false }).is_err());
    let cause = &shell.activity("Launching").cause;
    assert!(cause.contains("changing the desired capacity from 1 to 3."), "{cause}");
    assert!(shell.now.since(START) > Duration::from_secs(300));
    shell.configure_text("min = 1\nmax = 9");
    assert_eq!(shell.view().bounds.min, 1);
}
