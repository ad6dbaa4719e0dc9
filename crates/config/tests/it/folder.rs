//! A folder of files.

use std::fs;
use std::path::Path;

use equipoise_config::{Loaded, Report, Sources, load};

use super::{outline, unset};

const WEB: &str = "[listener.web]\nbind = \"127.0.0.1:80\"\ndefault = { forward = \"todo\" }\n";
const TODO: &str = "[target-group.todo]\ntargets = [\"10.0.0.1:80\"]\n";

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Loaded, Report>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let outcome = load(folder.path(), &unset);
    (folder, outcome)
}

#[test]
fn files_are_merged_and_what_is_no_configuration_is_left_alone() {
    let files = [("10-web.toml", WEB), ("20-todo.toml", TODO), (".hidden.toml", "x"), ("notes.txt", "x")];
    let (_folder, outcome) = folder(&files);
    let loaded = outcome.unwrap();
    assert_eq!((loaded.config.listeners.len(), loaded.config.target_groups.len()), (1, 1));
    let names: Vec<_> = loaded.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["10-web.toml", "20-todo.toml"]);
}

#[test]
fn a_table_in_two_files_is_an_error_that_points_to_both() {
    let files = [("a.toml", WEB), ("b.toml", "# more\n[listener.web]\nbind = \"127.0.0.1:81\"\n"), ("c.toml", TODO)];
    let (_folder, outcome) = folder(&files);
    let report = outcome.unwrap_err();
    assert_eq!(outline(&report), ["defined-twice listener.web"]);
    let diagnostic = &report.diagnostics()[0];
    let (place, first) = (diagnostic.location.as_ref().unwrap(), &diagnostic.related[0].location);
    assert_eq!((place.path.file_name().unwrap(), place.line, place.column), ("b.toml".as_ref(), 2, 11));
    assert_eq!((first.path.file_name().unwrap(), first.line, first.column), ("a.toml".as_ref(), 1, 11));
    assert!(report.to_string().contains("first defined here"));
}

#[test]
fn problems_of_every_file_are_reported_with_their_file() {
    let files =
        [("a.toml", "workrs = 1\n"), ("b.toml", "[plugin.a]\nworld = 3\n"), ("c.toml", "[target-group.x]\nport = 0\n")];
    let (_folder, outcome) = folder(&files);
    let report = outcome.unwrap_err();
    let place = |code: &str| {
        let found = report.diagnostics().iter().find(|diagnostic| diagnostic.code.as_str() == code).unwrap();
        found.location.as_ref().unwrap().path.file_name().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(
        (place("unknown-key"), place("missing-key"), place("out-of-range")),
        ("a.toml".into(), "b.toml".into(), "c.toml".into())
    );
}

#[test]
fn syntax_errors_of_every_file_are_reported_and_nothing_is_guessed_about_the_rest() {
    let (_folder, outcome) = folder(&[("a.toml", "x = \n"), ("b.toml", WEB), ("c.toml", "[y\n")]);
    let report = outcome.unwrap_err();
    assert!(report.diagnostics().iter().all(|diagnostic| diagnostic.code.as_str() == "syntax"), "{report}");
    assert_eq!(report.errors(), 2);
}

#[test]
fn relative_paths_start_at_the_file_that_says_them() {
    let plugin =
        "[plugin.a]\ncomponent = \"plugins/a.wasm\"\nworld = \"router\"\n[admin]\ntoken-file = \"/run/token\"\n";
    let (folder, outcome) = folder(&[("a.toml", plugin)]);
    let config = outcome.unwrap().config;
    assert_eq!(config.plugins[0].component, folder.path().join("plugins/a.wasm"));
    assert_eq!(config.admin.token_file.as_deref(), Some(Path::new("/run/token")));
}

#[test]
fn programs_folders_and_files_of_instances_start_at_the_file_that_says_them() {
    let scaled = r#"
        [scaling]
        state = "state.redb"
        [scaling-group.a]
        target-group = "todo"
        max = 1
        [scaling-group.a.launch-template.process]
        command = ["bin/a", "./b"]
        environment-files = { PASSWORD = "password" }
        ports = "6500-6599"
        [scaling-group.a.hook.h]
        on = "launching"
        command = ["./hook", "./word"]
        [scaling-group.b]
        target-group = "todo"
        max = 1
        [scaling-group.b.launch-template.command]
        launch = ["engine", "./word"]
        list = ["./list"]
        describe = ["/describe"]
        stop = ["engine/stop"]
        [alarm.x]
        metric = "latency"
        target-group = "todo"
        comparison = "less-than"
        threshold = 1
        on-ok = [{ command = ["page/me", "./word"] }]
    "#;
    let (folder, outcome) = folder(&[("a.toml", scaled), ("b.toml", TODO), ("password", "never told")]);
    let config = outcome.unwrap().config;
    let written = equipoise_config::effective(&config);
    let here = folder.path().to_str().unwrap();
    let whole = |name: &str| format!("\"{here}{name}\"");
    for name in ["/state.redb", "/bin/a", "/password", "", "/hook", "/list", "/engine/stop", "/page/me"] {
        assert!(written.contains(&whole(name)), "{name}: {written}");
    }
    for name in ["\"./b\"", "\"./word\"", "\"engine\"", "\"/describe\""] {
        assert!(written.contains(name), "{name}: {written}");
    }
    // What stands in a file of variables is read at launch, and belongs to no configuration.
    assert!(!written.contains("never told") && !config.named_files().contains(&folder.path().join("password")));
}

#[test]
fn what_cannot_be_read_is_said() {
    let check = |path: &Path, code: &str| {
        let report = load(path, &unset).unwrap_err();
        assert_eq!(report.diagnostics()[0].code.as_str(), code, "{report}");
        assert!(report.to_string().contains(path.to_str().unwrap()), "{report}");
    };
    let (folder, _) = folder(&[("notes.txt", "")]);
    check(folder.path(), "no-files");
    check(&folder.path().join("gone.toml"), "unreadable");
    let emptied = folder.path().join("emptied.toml");
    fs::write(&emptied, "\n").unwrap();
    check(&emptied, "empty-file");
    fs::write(&emptied, "# nothing yet\n").unwrap();
    assert!(load(&emptied, &unset).is_ok());
    let binary = folder.path().join("binary.toml");
    fs::write(&binary, b"a = 1\nb = \"\xff\"\n").unwrap();
    let report = load(&binary, &unset).unwrap_err();
    let place = report.diagnostics()[0].location.as_ref().unwrap();
    assert_eq!((report.diagnostics()[0].code.as_str(), place.line, place.column), ("not-utf8", 2, 6));
}

#[test]
fn sources_tell_a_change_from_a_touch() {
    let (folder, _) = folder(&[("a.toml", TODO)]);
    let before = Sources::read(folder.path()).unwrap();
    fs::write(folder.path().join("a.toml"), TODO).unwrap();
    assert_eq!(Sources::read(folder.path()).unwrap(), before);
    fs::write(folder.path().join("a.toml"), format!("{TODO}# new\n")).unwrap();
    assert_ne!(Sources::read(folder.path()).unwrap(), before);
}
