//! `import`: a configuration made of somebody else's files.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use equipoise_terraform::{Import, ImportError, Note, NoteKind};
use serde_json::json;

use crate::args::{ImportCommand, TerraformArgs};
use crate::failure::{Code, Failure};
use crate::output::{Format, Style, json_to_stdout, to_stderr, to_stdout};
use crate::table::{Cell, Table};

pub(crate) fn run(command: &ImportCommand) -> Result<(), Failure> {
    let ImportCommand::Terraform(arguments) = command;
    let import = equipoise_terraform::import(&arguments.folder).map_err(failure)?;
    if let Some(out) = &arguments.out {
        write(out, &import.toml, arguments.force)?;
    }
    tell(&import, arguments)
}

fn failure(error: ImportError) -> Failure {
    match &error {
        ImportError::Syntax(errors) => {
            let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
            to_stderr(&texts.join("\n"));
            let files = if errors.len() == 1 { "a file is" } else { "files are" };
            Failure::new(Code::Failed, anyhow::anyhow!("{files} not in Terraform's language"))
        }
        ImportError::NoFiles { .. } => {
            Failure::new(Code::Failed, error).hint("name the folder that `terraform apply` runs in")
        }
        _ => Failure::new(Code::Failed, error),
    }
}

/// What somebody completed by hand is not lost by a second import.
fn write(out: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let exists = error.kind() == io::ErrorKind::AlreadyExists;
        let failure =
            Failure::new(Code::Failed, anyhow::Error::new(error).context(format!("writing {}", out.display())));
        if exists { failure.hint("name another file, or replace this one with --force") } else { failure }
    })
}

fn tell(import: &Import, arguments: &TerraformArgs) -> Result<(), Failure> {
    let Import { toml, notes } = import;
    match (arguments.output.output, &arguments.out) {
        (Format::Json, Some(out)) => json_to_stdout(&json!({ "out": out, "notes": notes })),
        (Format::Json, None) => json_to_stdout(&json!({ "configuration": toml, "notes": notes })),
        (Format::Table, Some(out)) => {
            to_stdout(&format!("{}{}", list(notes, Style::of_stdout()), summary(notes, Some(out))))
        }
        (Format::Table, None) => {
            to_stdout(toml)?;
            to_stderr(&format!("{}{}", list(notes, Style::of_stderr()), summary(notes, None)));
            Ok(())
        }
    }
}

fn list(notes: &[Note], style: Style) -> String {
    let mut table = Table::new(&["PLACE", "", "WHAT", "WHY"]);
    for Note { kind, file, line, subject, message } in notes {
        let kind = match kind {
            NoteKind::Complete => Cell::painted("complete", Style::warning),
            NoteKind::Differs => Cell::painted("differs", Style::strong),
            NoteKind::Left => Cell::painted("left out", Style::faint),
        };
        table.row([format!("{file}:{line}").into(), kind, subject.into(), message.into()]);
    }
    let mut text = table.render(style);
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn summary(notes: &[Note], out: Option<&Path>) -> String {
    let count = |kind: NoteKind| notes.iter().filter(|note| note.kind == kind).count();
    let counts = format!(
        "{} to complete, {} work in another way, {} left out",
        count(NoteKind::Complete),
        count(NoteKind::Differs),
        count(NoteKind::Left)
    );
    match out {
        Some(out) => {
            let out = out.display();
            format!("wrote {out} ({counts})\ncomplete what is marked TO COMPLETE, then: equipoise check -c {out}\n")
        }
        None => format!("{counts}\n"),
    }
}
