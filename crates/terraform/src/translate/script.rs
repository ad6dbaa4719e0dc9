//! The program that a script starts in the end: what an instance's user data is about, behind all the installing.

use std::collections::BTreeMap;

/// What can be guessed from a script.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Started {
    pub(super) command: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    /// The image, when the script starts a container.
    pub(super) image: Option<String>,
}

/// How much a line looks like the program; the last of the best ones is it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Line,
    Background,
    Unit,
    Container,
}

/// What sets a machine up, or belongs to the shell.
const SETUP: [&str; 62] = [
    "[",
    "[[",
    "adduser",
    "amazon-linux-extras",
    "apt",
    "apt-get",
    "aws",
    "cat",
    "cd",
    "chmod",
    "chown",
    "cp",
    "curl",
    "date",
    "dnf",
    "do",
    "docker",
    "done",
    "echo",
    "else",
    "esac",
    "export",
    "fi",
    "for",
    "function",
    "git",
    "groupadd",
    "gunzip",
    "if",
    "install",
    "ln",
    "mkdir",
    "mount",
    "mv",
    "npm",
    "pip",
    "pip3",
    "printf",
    "rm",
    "rpm",
    "sed",
    "service",
    "set",
    "sleep",
    "snap",
    "source",
    "sudo",
    "sysctl",
    "systemctl",
    "tar",
    "tee",
    "then",
    "touch",
    "ulimit",
    "unzip",
    "update-ca-trust",
    "useradd",
    "usermod",
    "wget",
    "while",
    "yum",
    "}",
];

/// Reads a script of a shell.
pub(super) fn started(script: &str) -> Started {
    let mut started = Started::default();
    if script.trim_start().starts_with("#cloud-config") {
        return started;
    }
    let mut best: Option<Rank> = None;
    let script = script.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut ends: Option<String> = None;
    for line in script.lines().map(str::trim) {
        let inside = ends.is_some();
        if ends.as_deref() == Some(line) {
            ends = None;
            continue;
        }
        ends = ends.or_else(|| here_document(line));
        let Some((rank, line)) = (if inside { unit(line, &mut started) } else { command(line, &mut started) }) else {
            continue;
        };
        let words = words(line);
        if words.is_empty() || best > Some(rank) {
            continue;
        }
        best = Some(rank);
        if rank == Rank::Container {
            container(&words, &mut started);
        } else {
            (started.command, started.image) = (words, None);
        }
    }
    started
}

/// The word that ends a here-document which begins on this line.
fn here_document(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("<<").filter(|(_, rest)| !rest.starts_with('<'))?;
    let word: String = rest
        .trim_start_matches(['-', ' ', '\'', '"'])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// A line of a file that the script writes, such as a unit of systemd.
fn unit<'a>(line: &'a str, started: &mut Started) -> Option<(Rank, &'a str)> {
    if let Some(command) = line.strip_prefix("ExecStart=") {
        return Some((Rank::Unit, command.trim_start_matches(['-', '@', '+', '!'])));
    }
    if let Some(variables) = line.strip_prefix("Environment=") {
        words(variables).iter().for_each(|word| variable(word, started));
    }
    None
}

fn command<'a>(line: &'a str, started: &mut Started) -> Option<(Rank, &'a str)> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if let Some(variables) = line.strip_prefix("export ") {
        words(variables).iter().for_each(|word| variable(word, started));
        return None;
    }
    if line.contains("docker run ") || line.contains("podman run ") {
        return Some((Rank::Container, line));
    }
    let mut rank = Rank::Line;
    let mut rest = line.strip_suffix('&').map_or(line, |line| {
        rank = Rank::Background;
        line.trim_end()
    });
    // Variables in front of a command are its own.
    while let Some((first, after)) = rest.split_once(' ') {
        if is_assignment(first) {
            variable(first, started);
        } else if matches!(first, "sudo" | "exec" | "nohup") {
            rank = Rank::Background;
        } else {
            break;
        }
        rest = after.trim_start();
    }
    let first = rest.split_whitespace().next()?;
    let is_setup = SETUP.contains(&first) || is_assignment(first) || rest.contains("()") || first.ends_with(')');
    (!is_setup).then_some((rank, rest))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn variable(word: &str, started: &mut Started) {
    if let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_name(name)) {
        started.environment.insert(name.to_owned(), value.to_owned());
    }
}

/// `docker run`, its options, an image, and perhaps a command.
fn container(words: &[String], started: &mut Started) {
    const ALONE: [&str; 10] = ["-d", "--detach", "--rm", "-i", "-t", "-it", "-ti", "-dit", "--init", "--privileged"];
    let mut words = words.iter().skip_while(|word| *word != "run").skip(1);
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            started.image = Some(word.clone());
            started.command = words.cloned().collect();
            return;
        }
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None if ALONE.contains(&word.as_str()) => (word.as_str(), None),
            None => (word.as_str(), words.next().cloned()),
        };
        if let ("-e" | "--env", Some(value)) = (option, value) {
            variable(&value, started);
        }
    }
}

/// Words as a shell takes them apart. Redirections, and what follows a pipe or another command, are left out.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut open, mut quote) = (Vec::new(), String::new(), false, None);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some('"') | None, '\\') => word.extend(chars.next()),
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, '>' | '<' | '|' | ';') => {
                // `2>` is a redirection too.
                if c == '>' && matches!(word.as_str(), "1" | "2" | "&") {
                    word.clear();
                }
                break;
            }
            (None, '&') if chars.peek().is_none_or(|next| matches!(next, '&' | '>' | ' ')) => break,
            (None, c) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    open = false;
                }
            }
            (None, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, command: &[&str], environment: &[(&str, &str)]) {
        let started = started(script);
        assert_eq!(started.command, command, "{started:?}");
        let variables: Vec<_> =
            started.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(variables, environment);
    }

    #[test]
    fn the_program_is_found_behind_what_installs_it() {
        let script = "#!/bin/bash\nset -e\nyum update -y\nexport LOG=debug\ncd /opt\n./todo --port 6400 \\\n  --data 'my data' > /var/log/x 2>&1 &\n";
        check(script, &["./todo", "--port", "6400", "--data", "my data"], &[("LOG", "debug")]);
        check("nohup java -jar app.jar 2>&1", &["java", "-jar", "app.jar"], &[]);
        check("A=1 B=2 exec node server.js", &["node", "server.js"], &[("A", "1"), ("B", "2")]);
        check("#cloud-config\nruncmd:\n - x", &[], &[]);
        check("apt-get install -y nginx\nsystemctl start nginx", &[], &[]);
    }

    #[test]
    fn a_unit_of_systemd_says_it_better_than_a_line() {
        let script = "cat > /etc/systemd/system/x.service <<'UNIT'\n[Service]\nEnvironment=\"A=b c\" D=e\nExecStart=-/opt/x serve\nUNIT\nsystemctl start x\nfinish --now\n";
        check(script, &["/opt/x", "serve"], &[("A", "b c"), ("D", "e")]);
    }

    #[test]
    fn a_container_gives_its_image_variables_and_command() {
        let script = "docker run -d --rm -p 6400:6400 -e DB=x --env=LOG=y --name todo example/todo:1 serve --fast";
        check(script, &["serve", "--fast"], &[("DB", "x"), ("LOG", "y")]);
        assert_eq!(started(script).image.as_deref(), Some("example/todo:1"));
        check("docker run -e", &[], &[]);
    }

    #[test]
    fn quotes_and_escapes_are_those_of_a_shell() {
        assert_eq!(words(r#"a "b c" 'd "e' f\ g "" h"#), ["a", "b c", "d \"e", "f g", "", "h"]);
        assert_eq!(words("x && y"), ["x"]);
        assert_eq!(words("'unclosed"), ["unclosed"]);
    }
}
