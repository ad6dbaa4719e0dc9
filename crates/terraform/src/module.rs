//! The files of a folder, and of the local modules that it calls, sorted by what they declare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hcl_edit::expr::Expression;

use crate::source::{Place, Source, SourceKind, inside, read_folder};
use crate::syntax::{Attribute, Block, Body, Reader};
use crate::{ImportError, Note, NoteKind, SyntaxError};

/// Modules that call modules that call modules; calls in all. Beyond it they are noted and left alone.
const DEEPEST: usize = 8;
const MOST_MODULES: usize = 64;

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<Source>,
    /// The first is the folder itself.
    pub(crate) modules: Vec<Module>,
    pub(crate) notes: Vec<Note>,
}

/// A folder's declarations.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Empty, or `web.` for what `module "web"` holds.
    pub(crate) prefix: String,
    pub(crate) folder: PathBuf,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) locals: BTreeMap<String, Rc<Expression>>,
    pub(crate) outputs: BTreeMap<String, Rc<Expression>>,
    pub(crate) children: BTreeMap<String, usize>,
    pub(crate) resources: Vec<Block>,
}

/// `variable "name"`.
#[derive(Debug, Default)]
pub(crate) struct Variable {
    pub(crate) default: Option<Rc<Expression>>,
    /// Its value, and the module whose words that is said in.
    pub(crate) given: Option<(usize, Rc<Expression>)>,
}

impl Program {
    pub(crate) fn read(root: &Path) -> Result<Self, ImportError> {
        let mut program = Self { root: root.to_owned(), ..Self::default() };
        program.read_module(root.to_owned(), String::new(), 0)?;
        let is_code = |file: &Source| matches!(file.kind, SourceKind::Native | SourceKind::Json);
        if !program.files.iter().any(is_code) {
            return Err(ImportError::NoFiles { folder: root.to_owned() });
        }
        Ok(program)
    }

    /// Reads a folder and what it calls, and gives the module's index.
    fn read_module(&mut self, folder: PathBuf, prefix: String, depth: usize) -> Result<usize, ImportError> {
        let bodies = self.parse(&folder, depth == 0)?;
        let index = self.modules.len();
        self.modules.push(Module { prefix, folder, ..Module::default() });
        let mut calls = Vec::new();
        let mut values = Vec::new();
        for (kind, body) in bodies {
            match kind {
                SourceKind::Native | SourceKind::Json => {
                    body.blocks.into_iter().for_each(|block| self.declare(index, block, &mut calls));
                }
                SourceKind::Values | SourceKind::JsonValues => values.extend(body.attributes),
            }
        }
        for Attribute { name, expr, .. } in values {
            self.modules[index].variables.entry(name).or_default().given = Some((index, expr));
        }
        for call in calls {
            self.call(index, &call, depth)?;
        }
        Ok(index)
    }

    /// Only the folder itself has files of values.
    fn parse(&mut self, folder: &Path, with_values: bool) -> Result<Vec<(SourceKind, Body)>, ImportError> {
        let (mut bodies, mut errors): (Vec<_>, Vec<SyntaxError>) = (Vec::new(), Vec::new());
        for source in read_folder(folder, &self.root)? {
            let kind = source.kind;
            if !with_values && matches!(kind, SourceKind::Values | SourceKind::JsonValues) {
                continue;
            }
            match (Reader { source: &source, file: self.files.len() }).body() {
                Ok(body) => bodies.push((kind, body)),
                Err(error) => errors.push(error),
            }
            self.files.push(source);
        }
        if errors.is_empty() { Ok(bodies) } else { Err(ImportError::Syntax(errors)) }
    }

    fn declare(&mut self, index: usize, block: Block, calls: &mut Vec<Block>) {
        let module = &mut self.modules[index];
        let named = |name: &str| block.body.attribute(name).map(|attribute| attribute.expr.clone());
        match (block.kind.as_str(), block.labels.as_slice()) {
            ("resource", [_, _]) => module.resources.push(block),
            ("variable", [name]) => module.variables.entry(name.clone()).or_default().default = named("default"),
            ("output", [name]) => {
                if let Some(expr) = named("value") {
                    module.outputs.insert(name.clone(), expr);
                }
            }
            ("locals", []) => {
                for Attribute { name, expr, .. } in &block.body.attributes {
                    module.locals.insert(name.clone(), expr.clone());
                }
            }
            ("module", [_]) => calls.push(block),
            ("data", [kind, name]) => {
                let message = "looked up at AWS: nothing is asked here".to_owned();
                self.note(block.place, NoteKind::Left, format!("data.{kind}.{name}"), message);
            }
            // Where Terraform keeps its state, how it logs in, what it prints, what moved: nothing that would balance.
            _ => {}
        }
    }

    fn call(&mut self, caller: usize, block: &Block, depth: usize) -> Result<(), ImportError> {
        let name = block.labels.first().cloned().unwrap_or_default();
        let source = block.body.attribute("source").and_then(|source| source.expr.as_str().map(str::to_owned));
        let local = source.as_deref().filter(|source| source.starts_with("./") || source.starts_with("../"));
        let folder = local.and_then(|source| inside(&self.root, &self.modules[caller].folder.join(source)));
        let subject = format!("module.{name}");
        let Some(folder) = folder.filter(|_| depth < DEEPEST && self.modules.len() < MOST_MODULES) else {
            let source = source.unwrap_or_else(|| "unknown source".to_owned());
            let message = format!("not read: {source} is no folder below the one that is imported, or too deep");
            self.note(block.place, NoteKind::Left, subject, message);
            return Ok(());
        };
        for repeat in ["count", "for_each"] {
            if let Some(attribute) = block.body.attribute(repeat) {
                let message = "the module is carried over once".to_owned();
                self.note(attribute.place, NoteKind::Differs, format!("{subject}.{repeat}"), message);
            }
        }
        // What the folder is called in messages starts at the root as it was given.
        let folder = self
            .root
            .canonicalize()
            .ok()
            .and_then(|root| folder.strip_prefix(root).ok().map(Path::to_owned))
            .map_or(folder, |below| self.root.join(below));
        let prefix = format!("{}{name}.", self.modules[caller].prefix);
        let child = self.read_module(folder, prefix, depth + 1)?;
        for Attribute { name, expr, .. } in &block.body.attributes {
            if let Some(variable) = self.modules[child].variables.get_mut(name) {
                variable.given = Some((caller, expr.clone()));
            }
        }
        self.modules[caller].children.insert(name, child);
        Ok(())
    }

    pub(crate) fn note(&mut self, place: Place, kind: NoteKind, subject: String, message: String) {
        let file = self.file_name(place);
        self.notes.push(Note { kind, file, line: place.line, subject, message });
    }

    pub(crate) fn file_name(&self, place: Place) -> String {
        self.files.get(place.file).map(|file| file.name.clone()).unwrap_or_default()
    }
}
