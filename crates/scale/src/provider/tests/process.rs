//! What processes do beside what all kinds do.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::timeout;

use super::stage::{Act, Kind, PATIENCE, Stage, alive, eventually, kill, process};
use crate::provider::{Handle, Provider, ProviderError, provider};
use crate::{InstanceId, LaunchTemplate};

/// Tells this program to be a balancer for a while.
const BALANCER: &str = "TEST_BALANCER";

async fn launched(provider: &Arc<dyn Provider>, instance: &InstanceId) -> Handle {
    provider.launch(instance).await.unwrap().handle
}

/// Its log, once it has written something.
async fn log(provider: &Arc<dyn Provider>, handle: &Handle) -> Vec<String> {
    let mut lines = Vec::new();
    eventually(async || {
        lines = provider.log(handle).await;
        !lines.is_empty()
    })
    .await;
    lines
}

fn template(text: &str) -> LaunchTemplate {
    toml::from_str(text).unwrap()
}

#[tokio::test]
async fn a_process_that_forks_away_is_ended_and_what_it_left_is_killed() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let provider = stage.process("setsid sleep 600 & sleep 600 & exit 0", "");
    let reason = match provider.launch(&stage.instance(1)).await {
        Err(error) => error.to_string(),
        Ok(launched) => timeout(PATIENCE, provider.ended(&launched.handle)).await.unwrap().reason,
    };
    assert!(reason.contains("exited with code 0; it left 2 processes behind, now killed"), "{reason}");
    assert_eq!(alive(&stage.instance(1)), []);
}

#[tokio::test]
async fn stopping_ends_everything_that_an_instance_started_wherever_it_went() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let script = "sleep 600 & setsid sleep 600 & setsid env -i sleep 600 & echo $! >away; wait";
    let provider = stage.process(script, "stop-timeout = '100ms'");
    let handle = launched(&provider, &stage.instance(1)).await;
    // The shell and two children; the third has neither its environment nor its group, only a parent.
    eventually(async || alive(&stage.instance(1)).len() == 3).await;
    let away = fs::read_to_string(stage.folder.path().join("away")).unwrap();
    let away = format!("/proc/{}/stat", away.trim());
    assert!(fs::read_to_string(&away).is_ok());
    provider.stop(&handle).await.unwrap();
    assert_eq!(alive(&stage.instance(1)), []);
    assert!(fs::read_to_string(&away).map_or(true, |stat| stat.contains(") Z ")));
}

#[tokio::test]
async fn what_a_shell_leaves_at_work_has_its_time_to_end() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let done = stage.folder.path().join("done");
    // The shell ends at once when asked to; its child works on.
    let child =
        format!("trap 'sleep 0.3; touch {}; exit' TERM; echo here; while :; do sleep 0.1; done", done.display());
    let child_script = stage.folder.path().join("child");
    fs::write(&child_script, child).unwrap();
    let provider = stage.process("sh ./child & wait", "stop-timeout = '20s'");
    let handle = launched(&provider, &stage.instance(1)).await;
    log(&provider, &handle).await;
    provider.stop(&handle).await.unwrap();
    assert!(done.exists());
}

#[tokio::test]
async fn a_stop_that_is_given_up_half_way_goes_on() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let provider = stage.provider(Act::Ignores);
    let handle = launched(&provider, &stage.instance(1)).await;
    stage.wait_for_trap(&stage.instance(1)).await;
    let stopped = timeout(Duration::from_millis(1), provider.stop(&handle)).await;
    assert!(stopped.is_err());
    timeout(PATIENCE, provider.ended(&handle)).await.unwrap();
    assert_eq!(alive(&stage.instance(1)), []);
}

#[tokio::test]
async fn an_environment_is_small_and_says_who_it_is() {
    let stage = Stage::new(Kind::Process, "todo").await;
    fs::write(stage.folder.path().join("secret"), "hush\n").unwrap();
    let more = "log-lines = 1000\nenvironment = { URL = 'http://{group}:{port}/{instance}', EQUIPOISE_OWNER = 'x' }\n\
                environment-files = { KEY = 'secret' }";
    let provider = stage.process("env; echo end; exec sleep 600", more);
    let launched = provider.launch(&stage.instance(1)).await.unwrap();
    let mut lines = Vec::new();
    eventually(async || {
        lines = provider.log(&launched.handle).await;
        lines.last().is_some_and(|line| line == "end")
    })
    .await;
    let port = launched.address.socket().unwrap().port();
    let instance = stage.instance(1);
    let owner = stage.setting().owner;
    for expected in [
        format!("PORT={port}"),
        format!("URL=http://todo:{port}/{instance}"),
        format!("EQUIPOISE_INSTANCE={instance}"),
        "EQUIPOISE_GROUP=todo".to_owned(),
        format!("EQUIPOISE_OWNER={owner}"),
        format!("EQUIPOISE_ADDRESS=127.0.0.1:{port}"),
        "KEY=hush".to_owned(),
    ] {
        assert!(lines.contains(&expected), "{expected} is not in {lines:?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("CARGO")), "{lines:?}");
    assert!(!format!("{provider:?}").contains("hush"));
    provider.stop(&launched.handle).await.unwrap();
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_refused_in_words() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let here = stage.folder.path();
    fs::write(here.join("text"), "not a program").unwrap();
    fs::write(here.join("script"), "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(here.join("script"), fs::Permissions::from_mode(0o755)).unwrap();
    let cases = [
        ("command = ['no-such-program-here']", "there is no such program in PATH"),
        ("command = ['./none']", "there is no program"),
        ("command = ['./text']", "may not be executed"),
        ("command = ['./script']", "names an interpreter or a loader that is not there"),
        ("command = []", "the launch template's command is empty"),
        ("command = ['/bin/sh']\nfolder = 'nowhere'", "its folder"),
        ("command = ['/bin/sh']\nuser = 'no-such-user-here'", "there is no user `no-such-user-here`"),
        ("command = ['/bin/sh']\ngroup = 'no-such-group-here'", "there is no group `no-such-group-here`"),
        ("command = ['/bin/sh']\nenvironment-files = { KEY = 'none' }", "for the variable KEY"),
        ("command = ['/bin/sh']\naddress = '192.0.2.1'", "taking port"),
    ];
    for (number, (lines, expected)) in cases.into_iter().enumerate() {
        let template = template(&format!("[process]\nports = '21000-29999'\n{lines}\n"));
        let provider = provider(&stage.setting(), &template).unwrap();
        let refused = provider.launch(&stage.instance(number as u64)).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{lines}: {refused}");
        assert_eq!(provider.list().await.unwrap(), []);
    }
    let odd = template("[process]\nports = '21000-29999'\ncommand = ['/bin/sh']\nstop-signal = 'STOP'\n");
    assert!(provider(&stage.setting(), &odd).unwrap_err().to_string().contains("no signal `STOP`"));
}

#[tokio::test]
async fn a_range_of_ports_that_is_too_small_is_refused_and_the_group_keeps_what_it_has() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!("[process]\ncommand = ['/bin/sleep', '600']\nports = '{port}'\n");
    let provider = provider(&stage.setting(), &template(&text)).unwrap();
    let handle = launched(&provider, &stage.instance(1)).await;
    let refused = provider.launch(&stage.instance(2)).await.unwrap_err();
    assert!(matches!(&refused, ProviderError::NoPort { range } if range.starts_with(&port.to_string())), "{refused}");
    assert_eq!(provider.list().await.unwrap().len(), 1);
    provider.stop(&handle).await.unwrap();
    let handle = launched(&provider, &stage.instance(2)).await;
    provider.stop(&handle).await.unwrap();
}

#[tokio::test]
async fn limits_hold_for_the_process() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let more = "stop-timeout = '0s'\nlimits = { open-files = 77, core = 0, address-space = '3GiB' }";
    let provider = stage.process("exec sleep 600", more);
    let handle = launched(&provider, &stage.instance(1)).await;
    let pid = alive(&stage.instance(1))[0].as_raw_nonzero();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let value = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(value("Max open files"), ["77", "77"]);
    assert_eq!(value("Max core file size"), ["0", "0"]);
    assert_eq!(value("Max address space"), ["3221225472", "3221225472"]);
    provider.stop(&handle).await.unwrap();
}

/// Only root can become somebody else; without that it is a refusal that is tested.
#[tokio::test]
async fn a_process_runs_as_the_user_of_its_template() {
    let stage = Stage::new(Kind::Process, "todo").await;
    fs::set_permissions(stage.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let provider = stage.process("id -u; id -g; exec sleep 600", "user = '4711'\ngroup = '4712'\nstop-timeout = '1s'");
    let came = provider.launch(&stage.instance(1)).await;
    if !rustix::process::geteuid().is_root() {
        assert!(came.unwrap_err().to_string().contains("takes root"));
        return;
    }
    let handle = came.unwrap().handle;
    let mut lines = Vec::new();
    eventually(async || {
        lines = provider.log(&handle).await;
        lines.len() == 2
    })
    .await;
    assert_eq!(lines, ["4711", "4712"]);
    assert_eq!(provider.list().await.unwrap().len(), 1);
    provider.stop(&handle).await.unwrap();
}

#[tokio::test]
async fn the_last_lines_are_kept_for_those_who_ask_too_late() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let provider = stage.process("for i in 1 2 3 4 5 6 7; do echo line $i; done; exec sleep 600", "log-lines = 3");
    let handle = launched(&provider, &stage.instance(1)).await;
    eventually(async || provider.log(&handle).await == ["line 5", "line 6", "line 7"]).await;
    kill(&stage.instance(1)).await;
    let ended = timeout(PATIENCE, provider.ended(&handle)).await.unwrap();
    assert!(ended.reason.starts_with("killed by signal 9 (KILL); last lines: line 3 | line 4"), "{}", ended.reason);
    assert_eq!(provider.ended(&handle).await, ended);
    assert_eq!(provider.log(&handle).await, ["line 5", "line 6", "line 7"]);
    let files: Vec<_> = fs::read_dir(stage.folder.path().join("state/todo")).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
}

/// No test by itself: the program that the next one kills.
#[test]
fn is_a_balancer_when_told_so() {
    let Ok(told) = std::env::var(BALANCER) else { return };
    let (setting, count): (Vec<String>, u64) = serde_json::from_str(&told).unwrap();
    let setting = crate::provider::Setting {
        group: equipoise_target::ScalingGroupName::new(&setting[0]).unwrap(),
        owner: setting[1].as_str().into(),
        folder: setting[2].as_str().into(),
        base: "/".into(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let provider = provider(&setting, &process("echo here; exec sleep 600", "")).unwrap();
        for number in 0..count {
            let instance = InstanceId::from_number((u64::from(std::process::id()) << 8) + number);
            provider.launch(&instance).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
}

/// Starts another balancer, lets it launch `count` instances, and kills it as nothing can be caught.
async fn killed_balancer(stage: &Stage, count: u64) -> Vec<InstanceId> {
    let setting = stage.setting();
    let told =
        (vec![setting.group.to_string(), setting.owner.to_string(), setting.folder.display().to_string()], count);
    let mut balancer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "provider::tests::process::is_a_balancer_when_told_so", "--nocapture"])
        .env(BALANCER, serde_json::to_string(&told).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = u64::from(balancer.id());
    let instances: Vec<_> = (0..count).map(|number| InstanceId::from_number((pid << 8) + number)).collect();
    let folder = setting.folder.join("todo");
    eventually(async || instances.iter().all(|instance| folder.join(format!("{instance}.json")).exists())).await;
    balancer.kill().unwrap();
    balancer.wait().unwrap();
    instances
}

#[tokio::test]
async fn instances_of_a_balancer_that_was_killed_are_adopted_and_watched() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let instances = killed_balancer(&stage, 3).await;
    // One record was never written: that one is found by its environment.
    fs::remove_file(stage.folder.path().join(format!("state/todo/{}.json", instances[2]))).unwrap();
    let provider = stage.provider(Act::Stays);
    let found = provider.list().await.unwrap();
    let names: BTreeSet<_> = found.iter().map(|found| found.instance.clone()).collect();
    assert_eq!(names, instances.iter().cloned().collect());
    let ports: BTreeSet<_> = found.iter().filter_map(|found| found.launched.address.socket()).collect();
    assert_eq!(ports.len(), 3);
    for found in &found {
        assert_eq!(log(&provider, &found.launched.handle).await, ["here"]);
        assert!(provider.usage(&found.launched.handle).await.unwrap().memory.unwrap() > 0);
    }
    let (killed, stopped) = found.split_first().unwrap();
    let ended = provider.ended(&killed.launched.handle);
    kill(&killed.instance).await;
    let ended = timeout(PATIENCE, ended).await.unwrap();
    assert!(ended.reason.contains("last lines: here"), "{}", ended.reason);
    for stopped in stopped {
        provider.stop(&stopped.launched.handle).await.unwrap();
    }
    assert!(instances.iter().all(|instance| alive(instance).is_empty()));
    assert_eq!(provider.list().await.unwrap(), []);
}

#[tokio::test]
async fn what_an_instance_left_behind_while_nobody_looked_is_killed() {
    let stage = Stage::new(Kind::Process, "todo").await;
    let instances = killed_balancer(&stage, 1).await;
    let variable = format!("{}", instances[0]);
    let mut left = Command::new("/bin/sleep")
        .arg("600")
        .env("EQUIPOISE_INSTANCE", &variable)
        .env("EQUIPOISE_GROUP", "todo")
        .env("EQUIPOISE_OWNER", &*stage.setting().owner)
        .spawn()
        .unwrap();
    let leader = alive(&instances[0]).into_iter().find(|pid| *pid != Pid::from_child(&left)).unwrap();
    rustix::process::kill_process(leader, Signal::KILL).unwrap();
    eventually(async || alive(&instances[0]).len() == 1).await;
    assert_eq!(stage.provider(Act::Stays).list().await.unwrap(), []);
    assert!(!left.wait().unwrap().success());
}

/// A runtime that ends takes its watchers along; the next one in the same process finds what runs again.
#[test]
fn instances_outlive_the_runtime_that_launched_them() {
    let run = |future: std::pin::Pin<Box<dyn Future<Output = Handle>>>| {
        tokio::runtime::Runtime::new().unwrap().block_on(future)
    };
    let stage = tokio::runtime::Runtime::new().unwrap().block_on(Stage::new(Kind::Process, "todo"));
    let provider = stage.provider(Act::Stays);
    let (first, instance) = (Arc::clone(&provider), stage.instance(1));
    let handle = run(Box::pin(async move { launched(&first, &instance).await }));
    assert_eq!(alive(&stage.instance(1)).len(), 1);
    run(Box::pin(async move {
        assert_eq!(provider.list().await.unwrap().len(), 1);
        provider.stop(&handle).await.unwrap();
        let ended = provider.ended(&handle).await;
        assert_eq!(ended.reason, "killed by signal 15 (TERM)");
        handle
    }));
    assert_eq!(alive(&stage.instance(1)), []);
}

/// Children of this test that ended and were not reaped.
fn zombies(of: &[Pid]) -> usize {
    let zombie = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.contains(") Z ")
    };
    of.iter().filter(|pid| zombie(pid)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_kills_leave_no_zombie_no_orphan_and_every_port() {
    const AT_ONCE: u64 = 20;
    const ROUNDS: u64 = 50;
    let stage = Arc::new(Stage::new(Kind::Process, "todo").await);
    // A shell that waits for a child: two processes for each instance. Each port is used six times and more.
    let text = "[process]\ncommand = ['/bin/sh', '-c', 'sleep 600 & wait']\nports = '30000-30149'\n";
    let provider = provider(&stage.setting(), &template(text)).unwrap();
    let mut pids = Vec::new();
    for round in 0..ROUNDS {
        let launches: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let (provider, instance) = (Arc::clone(&provider), stage.instance(round * AT_ONCE + number));
                tokio::spawn(async move { launched(&provider, &instance).await })
            })
            .collect();
        let mut handles = Vec::new();
        for launch in launches {
            handles.push(launch.await.unwrap());
        }
        for handle in &handles {
            let pid: i32 = handle.0.split(':').next().unwrap().parse().unwrap();
            let pid = Pid::from_raw(pid).unwrap();
            // The leader alone: its child is an orphan then.
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
            pids.push(pid);
        }
        for handle in &handles {
            let ended = timeout(PATIENCE, provider.ended(handle)).await.unwrap();
            assert!(ended.reason.starts_with("killed by signal 9 (KILL)"), "{}", ended.reason);
        }
    }
    assert_eq!(zombies(&pids), 0);
    assert_eq!(provider.list().await.unwrap(), []);
    let left: usize = (0..AT_ONCE * ROUNDS).map(|number| alive(&stage.instance(number)).len()).take(20).sum();
    assert_eq!(left, 0);
    let files: Vec<_> = fs::read_dir(stage.folder.path().join("state/todo")).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
}
