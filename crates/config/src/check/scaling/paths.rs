//! Paths of scaling groups and alarms, as they are meant: relative to the file that says them.

use std::path::{Path, PathBuf};

use equipoise_scale::{Action, Alarm, LaunchTemplate, ScalingGroup};

use super::super::Checker;
use crate::effective::readable;
use crate::path::KeyPath;

impl Checker<'_> {
    /// The group with absolute paths.
    pub(super) fn with_paths(&self, path: &KeyPath, written: &ScalingGroup) -> ScalingGroup {
        let mut group = written.clone();
        self.template_paths(&path.key("launch-template"), &mut group.launch_template);
        for (name, hook) in &mut group.hook {
            self.first_path(&path.key("hook").key(name.as_str()).key("command"), &mut hook.command);
        }
        group
    }

    /// The alarm with absolute paths.
    pub(super) fn alarm_with_paths(&self, path: &KeyPath, written: &Alarm) -> Alarm {
        let mut alarm = written.clone();
        let lists = [
            ("on-alarm", &mut alarm.on_alarm),
            ("on-ok", &mut alarm.on_ok),
            ("on-insufficient-data", &mut alarm.on_insufficient_data),
        ];
        for (key, actions) in lists {
            for (index, action) in actions.iter_mut().enumerate() {
                if let Action::Command(command) = action {
                    self.first_path(&path.key(key).index(index).key("command"), command);
                }
            }
        }
        alarm
    }

    fn template_paths(&self, path: &KeyPath, template: &mut LaunchTemplate) {
        match template {
            LaunchTemplate::Process(process) => {
                let path = path.key("process");
                self.first_word(&path.key("command"), &mut process.command);
                // Where it runs is a part of the template: a configuration that moves is another one.
                let folder = process.folder.take().unwrap_or_else(|| ".".into());
                process.folder = Some(self.plain(&folder, &path.key("folder")));
                for (name, file) in &mut process.environment_files {
                    *file = self.plain(file, &path.key("environment-files").key(name));
                }
            }
            LaunchTemplate::Docker(docker) => {
                let path = path.key("docker");
                docker.socket = self.plain(&docker.socket, &path.key("socket"));
                for (name, file) in &mut docker.environment_files {
                    *file = self.plain(file, &path.key("environment-files").key(name));
                }
            }
            LaunchTemplate::Command(command) => {
                let path = path.key("command");
                let programs = [
                    ("launch", &mut command.launch),
                    ("list", &mut command.list),
                    ("describe", &mut command.describe),
                    ("stop", &mut command.stop),
                ];
                programs.into_iter().for_each(|(key, program)| self.first_word(&path.key(key), program));
            }
        }
    }

    /// The first word of a command line, which names the program.
    fn first_word(&self, path: &KeyPath, command: &mut [String]) {
        if let Some(program) = command.first_mut().filter(|program| is_path(Path::new(program))) {
            *program = self.plain(Path::new(program), &path.index(0)).to_string_lossy().into_owned();
        }
    }

    fn first_path(&self, path: &KeyPath, command: &mut [PathBuf]) {
        if let Some(program) = command.first_mut().filter(|program| is_path(program)) {
            *program = self.plain(program, &path.index(0));
        }
    }

    /// The path as it is meant, which can be written down again.
    fn plain(&self, path: &Path, key: &KeyPath) -> PathBuf {
        readable(&self.resolve(path, key))
    }
}

/// Whether a program is named by its path: one without a folder is looked for in PATH.
fn is_path(program: &Path) -> bool {
    program.as_os_str().as_encoded_bytes().contains(&b'/')
}
