//! `man`: the manual, made from the same definition as `--help`.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Cli;
use crate::failure::Failure;
use crate::output::to_stdout;

pub(crate) fn run(folder: Option<&Path>) -> Result<(), Failure> {
    match folder {
        Some(folder) => pages(folder),
        None => to_stdout(&page(Cli::command())?),
    }
}

fn page(command: clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).context("making the manual page")?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// One page for the program and one for each command, as packages ship them.
fn pages(folder: &Path) -> Result<(), Failure> {
    let made = fs::create_dir_all(folder).and_then(|()| write_pages(folder));
    made.with_context(|| format!("writing manual pages to {}", folder.display()))?;
    Ok(())
}

fn write_pages(folder: &Path) -> io::Result<()> {
    clap_mangen::generate_to(Cli::command(), folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command() {
        let folder = tempfile::tempdir().unwrap();
        pages(folder.path()).unwrap();
        for page in ["equipoise.1", "equipoise-check.1", "equipoise-config-show.1", "equipoise-asg-set-desired.1"] {
            assert!(folder.path().join(page).is_file(), "{page}");
        }
    }

    #[test]
    fn the_page_names_the_exit_codes() {
        assert!(page(Cli::command()).unwrap().contains("78"));
    }
}
