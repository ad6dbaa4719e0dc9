//! What holds for any numbers.

use proptest::prelude::*;

use super::schedule::Schedule;
use super::target_tracking::instances;
use crate::{Adjustment, AdjustmentKind, Moment};

fn kind() -> impl Strategy<Value = AdjustmentKind> {
    prop_oneof![
        Just(AdjustmentKind::ChangeInCapacity),
        Just(AdjustmentKind::ExactCapacity),
        Just(AdjustmentKind::PercentChangeInCapacity)
    ]
}

fn cron() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "0 8 * * MON-FRI",
        "30 2 * * *",
        "*/7 1-3 * * *",
        "15 */10 * * * *",
        "0 0 29 2 *",
        "59 59 23 L * *",
        "0 12 * * 5L",
    ])
}

fn zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
}

proptest! {
    #[test]
    fn an_adjustment_goes_the_way_of_its_sign(kind in kind(), by in any::<i32>(), at_least in 0..50_u32, from in 0..1001_u32) {
        let to = Adjustment { kind, by, at_least }.apply(from);
        match kind {
            AdjustmentKind::ExactCapacity => prop_assert_eq!(i64::from(to), i64::from(by.max(0))),
            _ if by >= 0 => prop_assert!(to >= from),
            _ => prop_assert!(to <= from),
        }
    }

    #[test]
    fn so_many_instances_are_enough_and_one_fewer_is_not(load in 0.0..1e7_f64, share in 0.01..1e4_f64) {
        let wanted = instances(load, share);
        let slack = 1e-6 * load.max(1.0);
        prop_assert!(f64::from(wanted) * share + slack >= load);
        prop_assert!(wanted == 0 || f64::from(wanted - 1) * share <= load + slack);
    }

    /// Seventy years, with every change of clocks in them.
    #[test]
    fn between_two_times_of_a_schedule_there_is_none(cron in cron(), zone in zone(), at in 0..2_208_988_800_000_u64, part in 0.0..1.0_f64) {
        let schedule = Schedule::new(cron, zone).unwrap();
        let now = Moment::from_millis(at);
        let next = schedule.next(now).unwrap();
        prop_assert!(next > now);
        prop_assert_eq!(schedule.last(next), Some(next));
        let between = Moment::from_millis(now.millis() + ((next.millis() - now.millis()) as f64 * part) as u64);
        prop_assume!(between < next);
        prop_assert_eq!(schedule.next(between), Some(next));
        let before = schedule.last(between);
        prop_assert!(before.is_none_or(|before| before <= now), "{before:?} is between {now} and {next}");
    }
}
