//! Is what scaling groups and alarms need on this machine? Only a warning when not: nothing of it is needed to serve, and it
//! may still come.

use std::fs::{File, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use equipoise_config::{Code, Config, Needed, Report};

/// Adds what is not there.
pub(crate) fn look_at_all(config: &Config, report: &mut Report) {
    for need in config.needs() {
        let Some((message, help)) = look_at(&need.what) else { continue };
        let key: Vec<_> = need.key.iter().map(String::as_str).collect();
        report.add_warning(Code::NotThere, &key, message, help);
    }
}

/// What is wrong with it, and what to do.
fn look_at(needed: &Needed) -> Option<(String, &'static str)> {
    match needed {
        Needed::Program(program) if is_path(program) => {
            let found = program.metadata();
            let message = match found {
                Ok(found) if is_program(&found) => return None,
                Ok(_) => format!("`{}` is no program that can be run", program.display()),
                Err(error) => format!("there is no program `{}`: {error}", program.display()),
            };
            Some((message, "a relative path starts at the folder of the configuration file that says it"))
        }
        Needed::Program(program) => {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            let is_there =
                |folder: std::path::PathBuf| folder.join(program).metadata().is_ok_and(|found| is_program(&found));
            if std::env::split_paths(&folders).any(is_there) {
                return None;
            }
            Some((
                format!("there is no program `{}` in PATH", program.display()),
                "write its whole path, or install it",
            ))
        }
        Needed::Folder(folder) if folder.is_dir() => None,
        Needed::Folder(folder) => {
            Some((format!("there is no folder `{}`", folder.display()), "instances cannot be launched without it"))
        }
        Needed::File(file) => {
            let error = File::open(file).err()?;
            let message = format!("cannot read `{}`: {error}", file.display());
            Some((message, "it is read at each launch: instances cannot be launched without it"))
        }
    }
}

fn is_path(program: &Path) -> bool {
    program.as_os_str().as_encoded_bytes().contains(&b'/')
}

fn is_program(found: &Metadata) -> bool {
    found.is_file() && found.permissions().mode() & 0o111 != 0
}
