//! Every file of `tests/diagnostics/*.toml` has its report beside it, to the letter: what a user sees is a promise too.
//!
//! After a change of wording: `UPDATE_SNAPSHOTS=1 cargo test -p equipoise-config`, and read the difference.

use std::fs;
use std::path::{Path, PathBuf};

use equipoise_config::Sources;

use super::unset;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    paths.sort();
    paths
}

fn report(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    match Sources::from_text(name, fs::read_to_string(path).unwrap()).check(&unset, &[]) {
        Ok(loaded) => format!("{}\n", loaded.warnings),
        Err(report) => format!("{report}\n"),
    }
}

#[test]
fn reports_are_as_they_were_read_and_found_good() {
    let mut different = Vec::new();
    for path in fixtures() {
        let (found, snapshot) = (report(&path), path.with_extension("txt"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(snapshot, found).unwrap();
        } else if fs::read_to_string(&snapshot).unwrap_or_default() != found {
            different.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn no_report_is_empty() {
    for path in fixtures() {
        assert!(report(&path).len() > 10, "{}", path.display());
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let report = super::refused("workers = true\n");
    let coloured = report.render(true);
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    for piece in coloured.split('\u{1b}') {
        plain.push_str(piece.strip_prefix('[').and_then(|rest| rest.split_once('m')).map_or(piece, |(_, rest)| rest));
    }
    assert_eq!(plain, report.render(false));
}

#[test]
fn programs_get_the_same_as_json() {
    let report =
        super::refused("workers = true\n[listener.web]\nbind = \"127.0.0.1:80\"\ndefault = { forward = \"a\" }\n");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["errors"], 2);
    let first = &json["diagnostics"][0];
    assert_eq!((&first["code"], &first["key"]), (&"wrong-type".into(), &"workers".into()));
    assert_eq!((&first["location"]["line"], &first["location"]["column"]), (&1.into(), &11.into()));
    assert_eq!(json["diagnostics"][1]["code"], "unknown-target-group");
}

#[test]
fn windows_line_ends_and_other_alphabets_keep_lines_and_columns_right() {
    let text = "# größe 漢字\r\n[listener.web]\r\nbind = \"127.0.0.1:80\" # é\r\ndefault = { respond = { body = \"漢字é\", status = 99 } }\r\n";
    let report = super::refused(text);
    let place = report.diagnostics()[0].location.clone().unwrap();
    assert_eq!((place.line, place.column, place.end_line), (4, 23, 4), "{report}");
    assert_eq!(&text[place.span], "{ body = \"漢字é\", status = 99 }");
    assert!(!report.to_string().contains('\r'));
}

#[test]
fn a_line_of_a_megabyte_is_shown_in_part() {
    let text = format!("[listener.web]\nallow = [{}\"x\"]\n", "\"10.0.0.0/8\", ".repeat(100_000));
    let report = super::refused(&text);
    assert!(report.to_string().len() < 4000, "{}", report.to_string().len());
}

#[test]
fn a_document_without_a_text_is_reported_by_its_keys() {
    use equipoise_config::{Document, check, document};
    let mut document = Document::default();
    document.listener.insert("web".to_owned().try_into().unwrap(), document::Listener::default());
    let report = check(&document, Path::new("/"), &[]).unwrap_err();
    assert_eq!(super::outline(&report), ["missing-key listener.web", "missing-key listener.web"]);
    assert!(report.diagnostics().iter().all(|diagnostic| diagnostic.location.is_none()));
    assert!(report.to_string().contains("in `listener.web`"), "{report}");
}

#[test]
fn code_of_an_embedding_program_needs_no_plugin_table() {
    let text = "[listener.web]\nbind = \"127.0.0.1:80\"\ndefault = { plugin = \"mine\", forward = \"g\" }\n\
                [target-group.g]\ntargets = [\"127.0.0.1:81\"]\n";
    let native = |world| [("mine".to_owned().try_into().unwrap(), world)];
    let checked = |world| Sources::from_text("x.toml", text).check(&unset, &native(world));
    assert!(checked(equipoise_config::World::Router).is_ok());
    let report = checked(equipoise_config::World::Balancer).unwrap_err().to_string();
    assert!(report.contains("there is no plugin `mine`"), "{report}");
}

#[test]
fn what_a_named_file_turns_out_to_be_is_reported_where_it_is_named() {
    use equipoise_config::Code;
    let text = "[plugin.geo]\ncomponent = \"geo.wasm\"\nworld = \"router\"\n";
    let mut report = super::loaded(text).warnings;
    report.add(Code::MissingGrant, &["plugin", "geo", "grants"], "it asks for \"log\"", "add it");
    report.add(Code::UnreadableComponent, &["plugin", "geo", "component"], "no such file", "build it");
    report.add(Code::NoPlugins, &["plugin", "elsewhere", "component"], "none here", "build it");
    let place = |code| {
        let found = report.diagnostics().iter().find(|diagnostic| diagnostic.code == code).unwrap();
        found.location.as_ref().map(|place| (place.line, place.column))
    };
    assert_eq!(place(Code::UnreadableComponent), Some((2, 13)));
    assert_eq!(place(Code::MissingGrant), Some((1, 9)), "what is not written stands at its table");
    assert_eq!(place(Code::NoPlugins), None);
    assert_eq!((report.errors(), report.has_errors()), (3, true));
    assert!(report.to_string().contains("2 | component = \"geo.wasm\""), "{report}");
}
