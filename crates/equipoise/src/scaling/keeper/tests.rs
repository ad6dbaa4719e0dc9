use equipoise_scale::{ActivityStatus, AlarmState, Moment};

use super::*;
use crate::scaling::store::Memory;

fn activity(group: &str, id: u64) -> Activity {
    Activity {
        id,
        group: ScalingGroupName::new(group).unwrap(),
        instance: None,
        description: "launching".to_owned(),
        cause: "at some time somebody wanted it".to_owned(),
        start: Moment::from_millis(id),
        end: None,
        status: ActivityStatus::InProgress,
        message: None,
    }
}

async fn ids(keeper: &Keeper, group: &str, limit: usize) -> Vec<u64> {
    let activities = keeper.activities(&ScalingGroupName::new(group).unwrap(), limit).await.unwrap();
    activities.into_iter().map(|activity| activity.id).collect()
}

#[tokio::test]
async fn the_last_activities_of_each_group_are_kept_and_read_the_newest_first() {
    let keeper = Keeper::new(Box::new(Memory::default())).unwrap();
    for id in 1..=100 {
        keeper.activity(&activity("web", id), 20);
    }
    keeper.activity(&activity("we", 101), 20);
    assert_eq!(ids(&keeper, "web", 3).await, [100, 99, 98]);
    let kept = ids(&keeper, "web", 1000).await;
    assert!((20..=22).contains(&kept.len()), "{}", kept.len());
    assert_eq!(ids(&keeper, "we", 1000).await, [101]);
}

#[tokio::test]
async fn an_activity_that_ends_takes_the_place_of_what_it_was() {
    let keeper = Keeper::new(Box::new(Memory::default())).unwrap();
    keeper.activity(&activity("web", 1), 20);
    keeper.activity(&Activity { status: ActivityStatus::Successful, ..activity("web", 1) }, 20);
    let kept = keeper.activities(&ScalingGroupName::new("web").unwrap(), 9).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.status).collect::<Vec<_>>(), [ActivityStatus::Successful]);
}

/// A disk that takes nothing until it is told to.
struct Full(Memory, std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Store for Full {
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if self.1.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(StoreError::Engine { attempt: "writing", source: "no space".into() });
        }
        self.0.write(changes)
    }
    fn last(&self, table: Table, prefix: &str, limit: usize) -> Records {
        self.0.last(table, prefix, limit)
    }
    fn keys(&self, table: Table) -> Result<Vec<String>, StoreError> {
        self.0.keys(table)
    }
}

#[tokio::test]
async fn what_a_full_disk_did_not_take_is_written_when_it_takes_again() {
    let full = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let keeper = Keeper::new(Box::new(Full(Memory::default(), full.clone()))).unwrap();
    let transition = Transition {
        alarm: AlarmName::new("high").unwrap(),
        at: Moment::from_millis(7),
        from: AlarmState::Ok,
        to: AlarmState::Alarm,
        reason: "23 is more than 20".to_owned(),
    };
    keeper.transition(&transition);
    assert!(keeper.transitions(&transition.alarm, 9).await.unwrap().is_empty());
    full.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(keeper.transitions(&transition.alarm, 9).await.unwrap(), [transition]);
}
