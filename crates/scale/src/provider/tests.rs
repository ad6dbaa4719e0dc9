//! What every kind of provider keeps, and what each does beside that.

use std::path::Path;
use std::time::Duration;

use equipoise_target::ScalingGroupName;
use tokio::time::timeout;

use super::*;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an instance does.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Runs until it is stopped.
    Stays,
    /// Writes a line and ends with code 3.
    Exits,
    /// Takes no notice of the stop signal.
    Ignores,
    /// Ends, and leaves a process behind in a session of its own.
    ForksAway,
    /// Starts others, one of them in a session of its own, and waits for them.
    Family,
    /// Computes.
    Burns,
}

impl Act {
    /// For a shell. `{instance}` in a command line makes leftovers visible.
    fn script(self) -> &'static str {
        match self {
            Self::Stays => "echo here; exec sleep 600",
            Self::Exits => "echo no storage; exit 3",
            Self::Ignores => "trap '' TERM; echo here; while :; do sleep 1; done",
            Self::ForksAway => "setsid sleep 600 & exit 0",
            Self::Family => "sleep 600 & setsid sleep 600 & echo here; wait",
            Self::Burns => "echo here; while :; do :; done",
        }
    }
}

/// One kind of provider, in a folder of its own.
struct Stage {
    folder: tempfile::TempDir,
    group: &'static str,
}

impl Stage {
    fn new(group: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), group }
    }

    fn setting(&self) -> Setting {
        Setting {
            group: ScalingGroupName::new(self.group).unwrap(),
            owner: format!("test-{}", self.folder.path().display()).into(),
            folder: self.folder.path().join("state"),
            base: self.folder.path().to_path_buf(),
        }
    }

    fn process(&self, act: Act) -> Arc<dyn Provider> {
        let text = format!(
            "[process]\ncommand = ['/bin/sh', '-c', {:?}]\nports = '21000-21999'\nstop-timeout = '1s'\n",
            act.script()
        );
        provider(&self.setting(), &toml::from_str(&text).unwrap()).unwrap()
    }
}

fn id(number: u64) -> InstanceId {
    InstanceId::from_number(number)
}

#[tokio::test]
async fn smoke() {
    let stage = Stage::new("todo");
    let provider = stage.process(Act::Stays);
    let launched = provider.launch(&id(1)).await.unwrap();
    assert_eq!(provider.list().await.unwrap(), [Found { instance: id(1), launched: launched.clone() }]);
    assert_eq!(provider.log(&launched.handle).await, ["here"]);
    let usage = provider.usage(&launched.handle).await.unwrap();
    assert!(usage.memory.unwrap() > 0);
    provider.stop(&launched.handle).await.unwrap();
    let ended = timeout(PATIENCE, provider.ended(&launched.handle)).await.unwrap();
    assert_eq!(ended.reason, "killed by signal 15 (TERM)");
    assert_eq!(provider.list().await.unwrap(), []);
    provider.stop(&launched.handle).await.unwrap();
    let refused = stage.process(Act::Exits).launch(&id(2)).await.unwrap_err();
    assert_eq!(refused.to_string(), "starting `/bin/sh`: exited with code 3; last lines: no storage");
    for (number, act) in [(3, Act::Ignores), (4, Act::Family), (5, Act::Burns)] {
        let provider = stage.process(act);
        let launched = provider.launch(&id(number)).await.unwrap();
        provider.stop(&launched.handle).await.unwrap();
    }
    let refused = stage.process(Act::ForksAway).launch(&id(6)).await.unwrap_err();
    println!("{refused}");
    assert!(Path::new("/proc/self").exists());
}
