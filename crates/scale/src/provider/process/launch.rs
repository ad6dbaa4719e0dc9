//! From a launch template to a running process. All of it blocks for a moment: it runs away from the threads that serve
//! requests.
//!
//! rlimits are set right after the program was started, and its cgroup is entered then: what it does in its first
//! microseconds is not limited. Setting them before would take code between fork and exec, which cannot be safe Rust.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::census::{ADDRESS, GROUP, INSTANCE, OWNER};
use super::cgroup::Cgroup;
use super::entry::Entry;
use super::keeper::{Charge, keep};
use super::leader::{Identity, Leader};
use super::record::{Files, Record};
use super::user::User;
use super::{Plan, ports, roll, user};
use crate::InstanceId;
use crate::provider::{ProviderError, environment};
use crate::template::Placeholders;

/// An instance that nobody has taken over yet: it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Unclaimed(Option<Arc<Entry>>);

impl Unclaimed {
    pub(super) fn claim(mut self) -> Option<Arc<Entry>> {
        self.0.take()
    }

    pub(super) fn entry(&self) -> Option<&Arc<Entry>> {
        self.0.as_ref()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(entry) = self.0.take() {
            entry.order(Signal::KILL, Duration::ZERO);
        }
    }
}

/// A process that runs, and why it must not, if so.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) instance: Unclaimed,
    pub(super) refused: Option<ProviderError>,
}

/// Starts a process for an instance. In a runtime only.
pub(super) fn start(plan: &Plan, instance: &InstanceId) -> Result<Started, ProviderError> {
    let template = &plan.template;
    let port = ports::reserve(&template.ports, template.address)?;
    let address = std::net::SocketAddr::new(template.address, port.port());
    let with = Placeholders { port: port.port(), instance: instance.as_str(), group: plan.setting.group.as_str() };
    let attempt = format!("starting `{}`", template.command.first().map_or("", String::as_str));
    let fail = |reason: String| ProviderError::Launch { attempt: attempt.clone(), reason };

    let user = user::find(template.user.as_deref(), template.group.as_deref()).map_err(&fail)?;
    let mut command = command(plan, &with, user.as_ref()).map_err(&fail)?;
    command.env(INSTANCE, instance.as_str()).env(ADDRESS, address.to_string());
    let files = Files::of(&plan.setting.folder, &plan.setting.group);
    write_to(&mut command, &files, instance, template.log_lines).map_err(&fail)?;

    // From here to its entry on the roll, nobody else may take it for a stray.
    let _launching = roll::launching(instance);
    let mut child = command.spawn().map_err(|error| {
        files.remove(instance);
        fail(explain(&command, user.as_ref(), &error))
    })?;
    let leader = watch(&mut child).map_err(|error| fail(format!("watching it: {error}")))?;
    let identity = leader.identity();
    let cgroup = Cgroup::enclose(&plan.limits, instance, identity.pid);
    let charge = Charge {
        instance: instance.clone(),
        owner: Arc::clone(&plan.setting.owner),
        group: plan.setting.group.clone(),
        leader,
        address: address.into(),
        files: files.clone(),
        port,
        cgroup,
    };
    let entry = roll::enter(identity, || keep(charge));
    let record = Record {
        instance: instance.clone(),
        owner: plan.setting.owner.to_string(),
        handle: entry.handle.clone(),
        address: address.to_string(),
    };
    if let Err(error) = files.write(&record) {
        // A full disk is no reason to have nobody who answers.
        tracing::warn!(%instance, %error, "its record cannot be written: a later program finds it by its environment only");
    }
    let refused = limit(plan, identity.pid).map_err(fail).err();
    Ok(Started { instance: Unclaimed(Some(entry)), refused })
}

fn command(plan: &Plan, with: &Placeholders<'_>, user: Option<&User>) -> Result<Command, String> {
    let mut words = plan.template.command.iter().map(|word| with.fill(word));
    let program = words.next().filter(|program| !program.is_empty()).ok_or("the launch template's command is empty")?;
    let base = &plan.setting.base;
    // A name without `/` is looked for in PATH.
    let program = if program.contains('/') { base.join(program) } else { program.into() };
    let folder = match &plan.template.folder {
        Some(folder) => base.join(with.fill(&folder.to_string_lossy())),
        None => base.clone(),
    };
    if !folder.is_dir() {
        return Err(format!("its folder {} is not there", folder.display()));
    }
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).stdin(Stdio::null()).process_group(0).env_clear();
    command.envs(variables(plan, with, user)?);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    Ok(command)
}

fn variables(plan: &Plan, with: &Placeholders<'_>, user: Option<&User>) -> Result<Vec<(OsString, OsString)>, String> {
    let mut all: Vec<(OsString, OsString)> = Vec::new();
    let mut set = |name: &str, value: &OsStr| all.push((name.into(), value.into()));
    for (name, value) in environment::kept() {
        set(name, &value);
    }
    if let Some(home) = user.and_then(|user| user.home.as_ref()) {
        set("HOME", home.as_os_str());
    }
    set("PORT", OsStr::new(&with.port.to_string()));
    for (name, value) in &plan.template.environment {
        set(name, OsStr::new(&with.fill(value)));
    }
    for (name, path) in &plan.template.environment_files {
        set(name, OsStr::new(&environment::secret(name, &plan.setting.base.join(path))?));
    }
    // Ours come last: by them the instance is found again.
    set(GROUP, OsStr::new(plan.setting.group.as_str()));
    set(OWNER, OsStr::new(&*plan.setting.owner));
    Ok(all)
}

fn write_to(command: &mut Command, files: &Files, instance: &InstanceId, lines: u32) -> Result<(), String> {
    let prepare = || -> io::Result<(Stdio, Stdio)> {
        files.prepare()?;
        if lines == 0 {
            return Ok((Stdio::null(), Stdio::null()));
        }
        let log = files.new_log(instance)?;
        Ok((log.try_clone()?.into(), log.into()))
    };
    let (output, errors) = prepare().map_err(|error| format!("making its log: {error}"))?;
    command.stdout(output).stderr(errors);
    Ok(())
}

/// What the kernel's refusal means.
fn explain(command: &Command, user: Option<&User>, error: &io::Error) -> String {
    let program = Path::new(command.get_program());
    let named = program.components().count() > 1;
    match error.kind() {
        ErrorKind::NotFound if !named => "there is no such program in PATH".to_owned(),
        ErrorKind::NotFound if program.exists() => {
            format!("{} names an interpreter or a loader that is not there", program.display())
        }
        ErrorKind::NotFound => format!("there is no program {}", program.display()),
        ErrorKind::PermissionDenied if user.is_some() && error.raw_os_error() == Some(PERM) => {
            "becoming another user or group takes root, or the capabilities CAP_SETUID and CAP_SETGID".to_owned()
        }
        ErrorKind::PermissionDenied => format!("{} may not be executed: {error}", program.display()),
        _ => error.to_string(),
    }
}

const PERM: i32 = rustix::io::Errno::PERM.raw_os_error();

/// Watches a child; one that cannot be watched is ended at once.
fn watch(child: &mut Child) -> io::Result<Leader> {
    let watched = Identity::of(Pid::from_child(child)).ok_or_else(|| io::Error::from(ErrorKind::NotFound));
    let watched = watched.and_then(Leader::watch);
    if watched.is_err() {
        let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
        let _ = child.wait();
    }
    watched
}

fn limit(plan: &Plan, pid: Pid) -> Result<(), String> {
    let wanted = [
        ("open-files", Resource::Nofile, plan.limits.open_files),
        ("core", Resource::Core, plan.limits.core),
        ("address-space", Resource::As, plan.limits.address_space),
    ];
    for (key, resource, value) in wanted {
        let Some(value) = value else { continue };
        let both = Rlimit { current: Some(value), maximum: Some(value) };
        match rustix::process::prlimit(Some(pid), resource, both) {
            // It has ended already; how is told by others.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(format!("setting `limits.{key}` to {value}: {error}")),
        }
    }
    Ok(())
}

/// Where a group's logs and records are kept.
pub(super) fn files(plan: &Plan) -> Files {
    Files::of(&plan.setting.folder, &plan.setting.group)
}
