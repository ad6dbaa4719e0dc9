//! The whole way from text to [`Config`].

use std::path::{Path, PathBuf};

use equipoise_target::PluginName;
use toml::Spanned;
use toml::de::DeValue;

use crate::check::{self, Built, Origin};
use crate::config::{Config, Listener};
use crate::document::{Document, World};
use crate::finding::Finding;
use crate::locate::{Locator, node};
use crate::path::{KeyPath, Step};
use crate::read::{self, Removed};
use crate::report::{Location, Report};
use crate::source::Sources;
use crate::tree::{Environment, Parsed, Tree};

/// A configuration that was accepted.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What to run.
    pub config: Config,
    /// What its author may want to know.
    pub warnings: Report,
    /// Every file that it came from, secret files included: those to watch.
    pub files: Vec<PathBuf>,
}

/// Reads and checks a configuration file, or a folder of `*.toml` files.
///
/// # Errors
/// A report of everything that is wrong.
pub fn load(path: &Path, environment: Environment<'_>) -> Result<Loaded, Report> {
    Sources::read(path)?.check(environment, &[])
}

/// Reads and checks a configuration text. Relative paths in it are relative to the current folder.
///
/// # Errors
/// A report of everything that is wrong.
pub fn parse(text: &str, environment: Environment<'_>) -> Result<Loaded, Report> {
    Sources::from_text("configuration", text).check(environment, &[])
}

/// A name that a configuration may use as that of a plugin without defining it: code of an embedding program.
pub type Native = (PluginName, World);

/// Checks a document that was built in code. Relative paths in it are relative to `base`; what it says of plugins may
/// refer to `natives`.
///
/// # Errors
/// A report of everything that is wrong. Its diagnostics name keys, and no places.
pub fn check(document: &Document, base: &Path, natives: &[Native]) -> Result<Loaded, Report> {
    let (config, findings) = check::check(document, natives, &Built(base));
    finish(config, Locator::nowhere().report(findings), Vec::new())
}

impl Sources {
    /// Reads and checks these texts. `environment` looks variables up for `${NAME}`; what they say of plugins may refer to
    /// `natives`.
    ///
    /// # Errors
    /// A report of everything that is wrong.
    pub fn check(&self, environment: Environment<'_>, natives: &[Native]) -> Result<Loaded, Report> {
        let mut findings = Vec::new();
        let parsed = Parsed::new(self, &mut findings);
        let complete = parsed.is_complete();
        let filled = parsed.fill(self, environment, &mut findings);
        let mut tree = parsed.merge(&filled, &mut findings);
        if !complete {
            return Err(Locator::new(self, None).report(findings));
        }
        let (config, findings) = self.document(&mut tree, natives, findings);
        let files = self.paths().map(Path::to_owned).chain(filled.secrets().iter().cloned()).collect();
        let locator = Locator::new(self, Some(&tree.root));
        let places = config.iter().flat_map(|config| &config.plugins).flat_map(|plugin| {
            let table = KeyPath::root().key("plugin").key(plugin.name.as_str());
            locator.places(&table, ["component", "world", "grants", "digest"]).collect::<Vec<_>>()
        });
        let admin = KeyPath::root().key("admin");
        let admin = locator.places(&admin, ["token-file"]).collect::<Vec<_>>();
        let tls =
            config.iter().flat_map(|config| &config.listeners).flat_map(|listener| tls_places(&locator, listener));
        let needs = config.iter().flat_map(|config| needs_places(&locator, config));
        let places = places.chain(admin).chain(tls).chain(needs).collect();
        finish(config, locator.report(findings).with_places(places), files)
    }

    fn document(
        &self,
        tree: &mut Tree<'_>,
        natives: &[Native],
        mut findings: Vec<Finding>,
    ) -> (Option<Config>, Vec<Finding>) {
        let (document, removed) = read::read(tree, &mut findings);
        let origin = Text { sources: self, tree, removed: &removed, sound: findings.is_empty() };
        let (config, more) = check::check(&document, natives, &origin);
        let locator = Locator::new(self, Some(&tree.root));
        let placed = more.into_iter().map(|finding| locator.placed(finding, |path| removed.original(&tree.root, path)));
        findings.extend(placed);
        (config, findings)
    }
}

/// Where a listener names files, which others look at.
fn tls_places(locator: &Locator<'_>, listener: &Listener) -> Vec<(String, Location)> {
    let Some(tls) = &listener.tls else { return Vec::new() };
    let table = KeyPath::root().key("listener").key(listener.name.as_str()).key("tls");
    let of_certificate =
        |index| locator.places(&table.key("certificates").index(index), ["chain", "key"]).collect::<Vec<_>>();
    let certificates = (0..tls.certificates.len()).flat_map(of_certificate);
    certificates.chain(locator.places(&table.key("client-auth"), ["ca"])).collect()
}

/// Where scaling groups and alarms name what they need of the machine.
fn needs_places(locator: &Locator<'_>, config: &Config) -> Vec<(String, Location)> {
    let needs = config.needs();
    let places = needs.iter().filter_map(|need| {
        let (last, table) = need.key.split_last()?;
        let table = table.iter().fold(KeyPath::root(), |table, step| table.step(step));
        locator.places(&table, [last.as_str()]).next()
    });
    places.collect()
}

fn finish(config: Option<Config>, report: Report, files: Vec<PathBuf>) -> Result<Loaded, Report> {
    match config {
        Some(config) if !report.has_errors() => Ok(Loaded { config, warnings: report, files }),
        _ => Err(report),
    }
}

/// A document that was read from text.
struct Text<'a> {
    sources: &'a Sources,
    tree: &'a Tree<'a>,
    removed: &'a Removed,
    sound: bool,
}

impl Text<'_> {
    /// Whether something was taken out of it, or out of a list in it.
    fn lacks(&self, node: &Spanned<DeValue<'_>>) -> bool {
        let inside = match node.get_ref() {
            DeValue::Array(list) => list.iter().any(|entry| self.lacks(entry)),
            DeValue::Table(table) => table.values().any(|value| value.get_ref().is_array() && self.lacks(value)),
            _ => false,
        };
        inside || self.removed.from(node.span().start)
    }
}

impl Origin for Text<'_> {
    fn base(&self, path: &KeyPath) -> PathBuf {
        let locator = Locator::new(self.sources, Some(&self.tree.root));
        locator.file(path).and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
    }

    fn contains(&self, path: &KeyPath) -> bool {
        node(&self.tree.root, path).is_some()
    }

    fn is_written(&self, path: &KeyPath) -> bool {
        self.contains(path)
    }

    fn excused(&self, path: &KeyPath) -> bool {
        let Some((table, last)) = path.split() else { return false };
        // The root, which is no value, starts at 0.
        let place = node(&self.tree.root, &table).map_or(0, |node| node.span().start);
        let inside = node(&self.tree.root, path).is_some_and(|node| self.removed.from(node.span().start));
        match last {
            Step::Key(key) => inside || self.removed.key(place, key),
            Step::Index(_) => inside,
        }
    }

    fn is_maimed(&self, path: &KeyPath) -> bool {
        node(&self.tree.root, path).is_some_and(|node| self.lacks(node))
    }

    fn is_unread(&self, section: &str, name: &str) -> bool {
        self.removed.lost(&KeyPath::root().key(section).key(name))
    }

    fn is_partial(&self) -> bool {
        !self.sound
    }
}
