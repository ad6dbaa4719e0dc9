//! What the command provider does beside what all kinds do.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::stage::{Kind, PATIENCE, Stage, eventually};
use crate::provider::{Handle, Provider, provider};

/// Four shell lines for four programs.
fn commands(stage: &Stage, lines: [&str; 4], more: &str) -> Arc<dyn Provider> {
    let mut text = format!("[command]\n{more}\n");
    for (name, line) in ["launch", "list", "describe", "stop"].into_iter().zip(lines) {
        text += &format!("{name} = ['/bin/sh', '-c', {line:?}]\n");
    }
    provider(&stage.setting(), &toml::from_str(&text).unwrap()).unwrap()
}

#[tokio::test]
async fn programs_that_fail_or_answer_nonsense_are_told_apart() {
    let stage = Stage::new(Kind::Command, "todo").await;
    let cases = [
        ("echo no money >&2; exit 2", "running `/bin/sh`: exit status: 2: no money"),
        ("exit 1", "running `/bin/sh`: exit status: 1"),
        ("true", "it wrote nothing to its output"),
        ("echo started", "it wrote `started`:"),
        ("echo '{\"handle\": \"x\"}'", "missing field `address`"),
        ("echo '{\"handle\": \"x\", \"address\": \"nowhere\"}'", "its address `nowhere` is neither"),
        ("yes | head -c 3000000", "it wrote more than 1048576 bytes"),
        ("sleep 600", "no end after 1s"),
        ("kill -9 $$", "signal: 9"),
    ];
    for (launch, expected) in cases {
        let provider = commands(&stage, [launch, "echo []", "echo '{}'", "true"], "timeout = '1s'");
        let refused = provider.launch(&stage.instance(1)).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{launch}: {refused}");
    }
    let provider = commands(
        &stage,
        ["true", "echo '[{\"instance\": \"x\", \"handle\": \"y\", \"address\": \"z\"}]'", "exit 1", "exit 4"],
        "",
    );
    assert!(provider.list().await.unwrap_err().to_string().contains("`x` is not the name of an instance"));
    assert!(provider.usage(&Handle("x".into())).await.is_err());
    assert!(provider.stop(&Handle("x".into())).await.unwrap_err().to_string().contains("exit status: 4"));
    let missing = "[command]\nlaunch = ['/no/such/program']\nlist = ['x']\ndescribe = ['x']\nstop = ['x']\n";
    let provider = crate::provider::provider(&stage.setting(), &toml::from_str(missing).unwrap()).unwrap();
    let refused = provider.launch(&stage.instance(1)).await.unwrap_err().to_string();
    assert!(refused.starts_with("running `/no/such/program`: No such file"), "{refused}");
}

#[tokio::test]
async fn what_a_failed_launch_has_started_all_the_same_is_stopped() {
    let stage = Stage::new(Kind::Command, "todo").await;
    let list = format!(
        "echo '[{{\"instance\": \"{}\", \"handle\": \"vm-7\", \"address\": \"127.0.0.1:1\"}}]'",
        stage.instance(1)
    );
    let stop = "echo $EQUIPOISE_HANDLE $EQUIPOISE_GROUP >stopped";
    let provider = commands(&stage, ["exit 1", &list, "echo '{}'", stop], "");
    provider.launch(&stage.instance(1)).await.unwrap_err();
    assert_eq!(fs::read_to_string(stage.folder.path().join("stopped")).unwrap(), "vm-7 todo\n");
}

#[tokio::test]
async fn an_engine_that_cannot_be_asked_for_a_while_ends_no_instance() {
    let stage = Stage::new(Kind::Command, "todo").await;
    let describe = "echo asked >>asked; [ $(wc -l <asked) -ge 3 ] || exit 1; echo '{\"running\": false}'";
    let provider = commands(&stage, ["true", "echo []", describe, "true"], "interval = '10ms'");
    let ended = timeout(PATIENCE, provider.ended(&Handle("x".into()))).await.unwrap();
    assert_eq!(ended.reason, "it is not running");
    assert_eq!(fs::read_to_string(stage.folder.path().join("asked")).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn a_program_that_leaves_something_in_the_background_holds_nobody_up() {
    let stage = Stage::new(Kind::Command, "todo").await;
    let launch = "sleep 600 & echo $! >pid; echo '{\"handle\": \"x\", \"address\": \"127.0.0.1:1\"}'";
    let provider = commands(&stage, [launch, "echo []", "echo '{}'", "kill $(cat pid)"], "timeout = '20s'");
    let launched = timeout(PATIENCE, provider.launch(&stage.instance(1))).await.unwrap().unwrap();
    provider.stop(&launched.handle).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_given_up_is_killed_with_what_it_started() {
    let stage = Stage::new(Kind::Command, "todo").await;
    let provider = commands(&stage, ["true", "sleep 600 & echo $! >pid; wait", "true", "true"], "");
    let path = stage.folder.path().join("pid");
    let written = async { eventually(async || fs::read_to_string(&path).is_ok_and(|pid| pid.ends_with('\n'))).await };
    tokio::select! {
        _ = provider.list() => panic!("it waits"),
        () = written => {}
    }
    let pid = fs::read_to_string(&path).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    eventually(async || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))).await;
    assert!(timeout(Duration::ZERO, provider.list()).await.is_err());
}
