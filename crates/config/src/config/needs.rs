//! What instances, hooks and alarms need of the machine, for whoever looks whether it is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use equipoise_scale::{Action, Alarm, LaunchTemplate, ScalingGroup};

use super::Config;

/// Something that has to be there when instances are launched, hooks run or alarms act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The key that names it, step by step; a position in a list is `[0]`.
    pub key: Vec<String>,
    /// What it is.
    pub what: Needed,
}

/// What is needed. What has `{port}`, `{instance}` or `{group}` in it is another one for each instance, and is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// A program: a path, or a name that is looked for in PATH.
    Program(PathBuf),
    /// A folder.
    Folder(PathBuf),
    /// A file that is read.
    File(PathBuf),
}

impl Needed {
    fn path(&self) -> &Path {
        match self {
            Self::Program(path) | Self::Folder(path) | Self::File(path) => path,
        }
    }
}

impl Config {
    /// What scaling groups and alarms need of this machine.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for (name, group) in &self.scaling_groups {
            of_group(&mut Needs { table: vec!["scaling-group".into(), name.to_string()], found: &mut needs }, group);
        }
        for (name, alarm) in &self.alarms {
            of_alarm(&mut Needs { table: vec!["alarm".into(), name.to_string()], found: &mut needs }, alarm);
        }
        needs.retain(|need| !need.what.path().as_os_str().as_encoded_bytes().contains(&b'{'));
        needs
    }
}

/// What is needed by the settings of one table.
struct Needs<'n> {
    table: Vec<String>,
    found: &'n mut Vec<Need>,
}

impl Needs<'_> {
    fn add(&mut self, key: &[&str], what: Needed) {
        let key = self.table.iter().cloned().chain(key.iter().map(|step| (*step).to_owned())).collect();
        self.found.push(Need { key, what });
    }

    fn program(&mut self, key: &[&str], command: &[impl AsRef<Path>]) {
        if let Some(program) = command.first() {
            self.add(key, Needed::Program(program.as_ref().to_owned()));
        }
    }

    fn files(&mut self, kind: &str, files: &BTreeMap<String, PathBuf>) {
        for (variable, file) in files {
            self.add(&["launch-template", kind, "environment-files", variable], Needed::File(file.clone()));
        }
    }
}

fn of_group(needs: &mut Needs<'_>, group: &ScalingGroup) {
    match &group.launch_template {
        LaunchTemplate::Process(process) => {
            needs.program(&["launch-template", "process", "command"], &process.command);
            if let Some(folder) = &process.folder {
                needs.add(&["launch-template", "process", "folder"], Needed::Folder(folder.clone()));
            }
            needs.files("process", &process.environment_files);
        }
        LaunchTemplate::Docker(docker) => needs.files("docker", &docker.environment_files),
        LaunchTemplate::Command(command) => {
            let programs = [
                ("launch", &command.launch),
                ("list", &command.list),
                ("describe", &command.describe),
                ("stop", &command.stop),
            ];
            for (key, program) in programs {
                needs.program(&["launch-template", "command", key], program);
            }
        }
    }
    for (name, hook) in &group.hook {
        needs.program(&["hook", name.as_str(), "command"], &hook.command);
    }
}

fn of_alarm(needs: &mut Needs<'_>, alarm: &Alarm) {
    let lists =
        [("on-alarm", &alarm.on_alarm), ("on-ok", &alarm.on_ok), ("on-insufficient-data", &alarm.on_insufficient_data)];
    for (key, actions) in lists {
        for (index, action) in actions.iter().enumerate() {
            if let Action::Command(command) = action {
                needs.program(&[key, &format!("[{index}]"), "command"], command);
            }
        }
    }
}
