//! What a launch template's settings may not be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;

use super::{CommandTemplate, DockerTemplate, LaunchTemplate, ProcessTemplate, ResourceLimits};
use crate::Problem;
use crate::problem::{HOUR, Problems, SECOND};

/// Signals that may ask a process to stop.
const STOP_SIGNALS: [&str; 7] = ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"];

impl LaunchTemplate {
    /// What is wrong with these settings; empty when nothing is. Paths begin with the kind, such as `process`.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let (kind, found) = match self {
            Self::Process(template) => ("process", template.problems()),
            Self::Docker(template) => ("docker", template.problems()),
            Self::Command(template) => ("command", template.problems()),
        };
        found.done().into_iter().map(|problem| problem.within(&[kind])).collect()
    }
}

fn program(problems: &mut Problems, field: &str, command: &[String]) {
    if command.first().is_none_or(String::is_empty) {
        problems.say(field, "it names no program", "write the program and its arguments");
    }
    // Neither can be handed to a program: its arguments end with a zero byte.
    if command.iter().any(|argument| argument.contains('\0')) {
        problems.say(field, "an argument holds a zero byte", "remove it");
    }
}

fn variables(problems: &mut Problems, values: &BTreeMap<String, String>, files: &BTreeMap<String, PathBuf>) {
    let named =
        values.keys().map(|name| ("environment", name)).chain(files.keys().map(|name| ("environment-files", name)));
    for (field, name) in named {
        if name.is_empty() || name.contains(['=', '\0']) {
            let found = Problem::new(name, format!("`{name}` is no name of a variable"), "use one without `=`");
            problems.include(&[field], vec![found]);
        }
    }
    for name in files.keys().filter(|name| values.contains_key(*name)) {
        let found = Problem::new(name, format!("`{name}` is set in `environment` too"), "remove one of the two");
        problems.include(&["environment-files"], vec![found]);
    }
    for (name, _) in values.iter().filter(|(_, value)| value.contains('\0')) {
        let found = Problem::new(name, "its value holds a zero byte", "remove it");
        problems.include(&["environment"], vec![found]);
    }
}

impl ProcessTemplate {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        program(&mut problems, "command", &self.command);
        variables(&mut problems, &self.environment, &self.environment_files);
        problems.include(&["limits"], self.limits.problems());
        problems.duration("grace", self.grace, SECOND..=HOUR);
        if !STOP_SIGNALS.contains(&self.stop_signal.as_str()) {
            let help = format!("use one of {}", STOP_SIGNALS.join(", "));
            problems.say("stop-signal", format!("`{}` is no signal to stop by", self.stop_signal), help);
        }
        problems.duration("stop-timeout", self.stop_timeout, Duration::ZERO..=HOUR);
        problems.number("log-lines", self.log_lines, 0..=10_000);
        if self.address.is_multicast() {
            problems.say("address", format!("nothing listens on {}", self.address), "use an address of this machine");
        }
        problems
    }
}

impl DockerTemplate {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        if self.image.trim().is_empty() {
            problems.say("image", "it names no image", "write an image, such as \"todo:1.2\"");
        }
        if !self.command.is_empty() {
            program(&mut problems, "command", &self.command);
        }
        variables(&mut problems, &self.environment, &self.environment_files);
        if self.port == 0 {
            problems.say("port", "0 is out of range", "use 1 to 65535");
        }
        problems.include(&["limits"], self.limits.problems());
        problems.duration("grace", self.grace, SECOND..=HOUR);
        problems.duration("stop-timeout", self.stop_timeout, Duration::ZERO..=HOUR);
        problems
    }
}

impl CommandTemplate {
    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for (field, command) in
            [("launch", &self.launch), ("list", &self.list), ("describe", &self.describe), ("stop", &self.stop)]
        {
            program(&mut problems, field, command);
        }
        variables(&mut problems, &self.environment, &BTreeMap::new());
        problems.duration("timeout", self.timeout, SECOND..=HOUR);
        problems.duration("grace", self.grace, SECOND..=HOUR);
        problems.duration("interval", self.interval, SECOND..=HOUR);
        problems
    }
}

impl ResourceLimits {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        if let Some(cpu) = self.cpu.filter(|cpu| !(0.01..=1024.0).contains(cpu)) {
            problems.say("cpu", format!("{cpu} processors are out of range"), "use 0.01 to 1024");
        }
        for (field, size) in [("memory", &self.memory), ("address-space", &self.address_space)] {
            let Some(text) = size else { continue };
            match text.parse::<ByteSize>() {
                Ok(size) if size.as_u64() == 0 => problems.say(field, "0 bytes are out of range", "use more than 0"),
                Ok(_) => (),
                Err(_) => problems.say(field, format!("`{text}` is no size"), "use a size such as \"256MiB\""),
            }
        }
        if self.tasks == Some(0) {
            problems.say("tasks", "0 tasks are out of range", "use 1 or more");
        }
        if self.open_files.is_some_and(|files| files < 3) {
            problems.say("open-files", "a process has three open files from its start", "use 3 or more");
        }
        problems.done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: &str, expected: &[&str]) {
        let template: LaunchTemplate = toml::from_str(settings).unwrap();
        let found: Vec<String> = template
            .problems()
            .iter()
            .map(|problem| format!("{}: {}", problem.path.join("."), problem.message))
            .collect();
        assert_eq!(found, expected, "{settings}");
    }

    #[test]
    fn a_template_of_processes_says_what_is_wrong_with_it() {
        check("process = { command = [\"a\"], ports = \"1\" }", &[]);
        check("process = { command = [], ports = \"1\" }", &["process.command: it names no program"]);
        check(
            "process = { command = [\"a\"], ports = \"1\", stop-signal = \"SIGTERM\", grace = \"0s\", log-lines = 10001 }",
            &[
                "process.grace: 0s is out of range",
                "process.stop-signal: `SIGTERM` is no signal to stop by",
                "process.log-lines: 10001 is out of range",
            ],
        );
        check(
            "process = { command = [\"a\"], ports = \"1\", environment = { \"A=B\" = \"\", C = \"\" }, environment-files = { C = \"c\" } }",
            &[
                "process.environment.A=B: `A=B` is no name of a variable",
                "process.environment-files.C: `C` is set in `environment` too",
            ],
        );
        check(
            "process = { command = [\"a\"], ports = \"1\", limits = { cpu = 0.0, memory = \"much\", tasks = 0, open-files = 2 } }",
            &[
                "process.limits.cpu: 0 processors are out of range",
                "process.limits.memory: `much` is no size",
                "process.limits.tasks: 0 tasks are out of range",
                "process.limits.open-files: a process has three open files from its start",
            ],
        );
    }

    #[test]
    fn templates_of_containers_and_of_commands_say_what_is_wrong_with_them() {
        check("docker = { image = \"a\", port = 80 }", &[]);
        check(
            "docker = { image = \" \", port = 0 }",
            &["docker.image: it names no image", "docker.port: 0 is out of range"],
        );
        check(
            "command = { launch = [\"a\"], list = [\"a\"], describe = [], stop = [\"\"], interval = \"0s\" }",
            &[
                "command.describe: it names no program",
                "command.stop: it names no program",
                "command.interval: 0s is out of range",
            ],
        );
    }
}
