//! What every kind of provider keeps: each test here runs over all of them. What one kind does beside that is tested in a
//! file of its own.

mod command;
mod docker;
mod engine;
mod process;
mod stage;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use self::stage::{Act, Kind, PATIENCE, Stage, alive, eventually, kill};
use super::*;

const KINDS: [Kind; 3] = [Kind::Process, Kind::Command, Kind::Docker];

#[tokio::test]
async fn an_instance_is_launched_listed_measured_and_stopped() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Stays);
        assert_eq!(provider.list().await.unwrap(), [], "{kind:?}");
        let instance = stage.instance(1);
        let launched = provider.launch(&instance).await.unwrap();
        assert!(launched.address.socket().is_some_and(|address| address.port() > 0), "{kind:?}: {launched:?}");
        let found = Found { instance: instance.clone(), launched: launched.clone() };
        assert_eq!(provider.list().await.unwrap(), [found], "{kind:?}");
        let usage = provider.usage(&launched.handle).await.unwrap();
        assert!(usage.memory.is_some_and(|bytes| bytes > 0) && usage.cpu.is_some(), "{kind:?}: {usage:?}");
        provider.stop(&launched.handle).await.unwrap();
        assert_eq!(alive(&instance), [], "{kind:?}");
        assert_eq!(provider.list().await.unwrap(), [], "{kind:?}");
        timeout(PATIENCE, provider.ended(&launched.handle)).await.unwrap();
    }
}

#[tokio::test]
async fn an_instance_that_somebody_kills_is_told_to_have_ended() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Stays);
        let launched = provider.launch(&stage.instance(1)).await.unwrap();
        let ended = provider.ended(&launched.handle);
        kill(&stage.instance(1)).await;
        let ended = timeout(PATIENCE, ended).await.unwrap();
        assert!(!ended.reason.is_empty(), "{kind:?}");
        assert_eq!(provider.list().await.unwrap(), [], "{kind:?}");
        assert!(provider.usage(&launched.handle).await.is_err(), "{kind:?}");
    }
}

#[tokio::test]
async fn stopping_what_is_gone_is_success() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Stays);
        let launched = provider.launch(&stage.instance(1)).await.unwrap();
        let (one, two) = tokio::join!(provider.stop(&launched.handle), provider.stop(&launched.handle));
        one.unwrap();
        two.unwrap();
        provider.stop(&launched.handle).await.unwrap();
        for stranger in ["", "no-such-instance", "999999:1:0"] {
            provider.stop(&Handle(stranger.into())).await.unwrap();
            timeout(PATIENCE, provider.ended(&Handle(stranger.into()))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_launch_that_is_given_up_half_way_leaves_nothing() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Stays);
        for (number, millis) in [0, 1, 3, 10, 30, 60].into_iter().enumerate() {
            let instance = stage.instance(number as u64);
            // Whoever is launched in time is no launch given up.
            if let Ok(launched) = timeout(Duration::from_millis(millis), provider.launch(&instance)).await {
                provider.stop(&launched.unwrap().handle).await.unwrap();
            }
        }
        eventually(async || {
            let listed = provider.list().await.unwrap();
            listed.is_empty() && (0..6).all(|number| alive(&stage.instance(number)).is_empty())
        })
        .await;
    }
}

#[tokio::test]
async fn another_program_of_the_same_owner_adopts_what_runs() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let instance = stage.instance(1);
        let launched = stage.provider(Act::Stays).launch(&instance).await.unwrap();
        let next = stage.provider(Act::Exits);
        let found = Found { instance: instance.clone(), launched: launched.clone() };
        assert_eq!(next.list().await.unwrap(), [found], "{kind:?}");
        assert!(next.usage(&launched.handle).await.is_ok(), "{kind:?}");
        for stranger in [stage.of_group("other"), stage.of_owner("somebody-else")] {
            assert_eq!(stranger.list().await.unwrap(), [], "{kind:?}");
        }
        let ended = next.ended(&launched.handle);
        next.stop(&launched.handle).await.unwrap();
        timeout(PATIENCE, ended).await.unwrap();
        assert_eq!(alive(&instance), [], "{kind:?}");
    }
}

#[tokio::test]
async fn an_instance_that_ends_at_once_says_why() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Exits);
        let reason = match provider.launch(&stage.instance(1)).await {
            Err(error) => error.to_string(),
            // On a busy machine it may take longer to end than a launch waits.
            Ok(launched) => timeout(PATIENCE, provider.ended(&launched.handle)).await.unwrap().reason,
        };
        if kind == Kind::Command {
            assert!(reason.contains("ended"), "{reason}");
        } else {
            assert!(reason.contains("exited with code 3; last lines: no storage"), "{kind:?}: {reason}");
        }
        assert_eq!(provider.list().await.unwrap(), [], "{kind:?}");
    }
}

#[tokio::test]
async fn an_instance_that_ignores_the_stop_signal_is_killed() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Ignores);
        let launched = provider.launch(&stage.instance(1)).await.unwrap();
        stage.wait_for_trap(&stage.instance(1)).await;
        provider.stop(&launched.handle).await.unwrap();
        assert_eq!(alive(&stage.instance(1)), [], "{kind:?}");
        assert_eq!(provider.list().await.unwrap(), [], "{kind:?}");
    }
}

#[tokio::test]
async fn instances_that_are_launched_together_have_addresses_of_their_own() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let launches: Vec<_> = (1..=6)
            .map(|number| {
                let (provider, instance) = (stage.provider(Act::Stays), stage.instance(number));
                tokio::spawn(async move { provider.launch(&instance).await })
            })
            .collect();
        let mut addresses = BTreeSet::new();
        let mut handles = Vec::new();
        for launch in launches {
            let launched = launch.await.unwrap().unwrap();
            addresses.insert(launched.address.to_string());
            handles.push(launched.handle);
        }
        assert_eq!(addresses.len(), 6, "{kind:?}: {addresses:?}");
        let provider = stage.provider(Act::Stays);
        assert_eq!(provider.list().await.unwrap().len(), 6, "{kind:?}");
        for handle in handles {
            provider.stop(&handle).await.unwrap();
        }
        assert_eq!(provider.list().await.unwrap(), [], "{kind:?}");
    }
}

#[tokio::test]
async fn processor_time_grows_with_the_work_and_never_falls() {
    for kind in KINDS {
        let stage = Stage::new(kind, "todo").await;
        let provider = stage.provider(Act::Burns);
        let launched = provider.launch(&stage.instance(1)).await.unwrap();
        let mut before = Duration::ZERO;
        eventually(async || {
            let cpu = provider.usage(&launched.handle).await.unwrap().cpu.unwrap();
            assert!(cpu >= before, "{kind:?}: {cpu:?} after {before:?}");
            before = cpu;
            cpu >= Duration::from_millis(100)
        })
        .await;
        provider.stop(&launched.handle).await.unwrap();
    }
}
