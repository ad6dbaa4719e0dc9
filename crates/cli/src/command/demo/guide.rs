//! What the demo tells its user to try.

use std::fmt::Write;
use std::path::Path;

use super::folder::Folder;
use super::instances::{Instance, Instances};
use crate::args::DemoArgs;
use crate::output::Style;

pub(crate) fn guide(ports: &DemoArgs, folder: &Folder, instances: &Instances, style: Style) -> String {
    let program = std::env::current_exe().map_or_else(|_| "equipoise".to_owned(), |path| shown(&path));
    let DemoArgs { port, admin_port, .. } = ports;
    let json = "-H 'content-type: application/json'";
    let mut text = String::new();
    let mut say = |heading: &str, lines: &[String]| {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "\n{}", style.strong(heading));
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    };
    say(
        "Equipoise balances three instances of a todo application.",
        &[
            format!("listener  http://127.0.0.1:{port}"),
            format!("admin     http://127.0.0.1:{admin_port}"),
            format!("folder    {} (removed at the end)", folder.path().display()),
        ],
    );
    say(
        "Ask, and see in `x-instance` who answers:",
        &[
            format!("curl -i http://127.0.0.1:{port}/api/v1/todos"),
            format!("curl {json} -d '{{\"title\":\"try Equipoise\"}}' http://127.0.0.1:{port}/api/v1/todos"),
            format!("curl -i 'http://127.0.0.1:{port}/api/v1/todos?country=nz'   # the plugin decides"),
            format!("curl http://127.0.0.1:{port}/api/v1/echo"),
            format!("{program} --admin 127.0.0.1:{admin_port} status"),
            format!("curl http://127.0.0.1:{admin_port}/metrics"),
        ],
    );
    if let (Some(one), Some(two)) = (instances.iter().next(), instances.iter().nth(1)) {
        say("Break something, and watch the line below:", &breaks(one, two, json));
    }
    say("Change something while requests run; saving is enough:", &changes(folder));
    say("Ctrl-C drains and ends.", &[]);
    text.push('\n');
    text
}

fn breaks(one: &Instance, two: &Instance, json: &str) -> Vec<String> {
    let chaos = format!("http://127.0.0.1:{}/api/v1/chaos/storage", one.port);
    let mut lines = vec![
        format!("curl {json} -d '{{\"available\":false}}' {chaos}   # the port stays open"),
        format!("curl {json} -d '{{\"available\":true}}' {chaos}"),
    ];
    lines.extend(two.pid().map(|pid| format!("kill -9 {pid}   # starts again after a few seconds")));
    lines
}

fn changes(folder: &Folder) -> Vec<String> {
    let (one, other) = (shown(&folder.component()), shown(&folder.other_component()));
    vec![
        format!("$EDITOR {}   # weights, rules; mistakes are told here", shown(&folder.configuration())),
        format!("cp {other} {one}   # the same plugin in C: see `x-routed-by`"),
    ]
}

/// A path as a shell takes it.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_is_quoted_for_the_shell() {
        assert_eq!(shown(Path::new("/a/b-c.toml")), "/a/b-c.toml");
        assert_eq!(shown(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
