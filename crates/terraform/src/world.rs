//! The resources that the files describe, one by one, however often `count` and `for_each` repeat them.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::eval::{Evaluator, Scope};
use crate::module::Program;
use crate::source::Place;
use crate::syntax::Body;
use crate::value::{Reference, Value};
use crate::view::View;
use crate::{Note, NoteKind};

/// So often one block is repeated; a load balancer has no use for more.
const MOST_REPEATS: usize = 100;
const MOST_RESOURCES: usize = 5_000;
const MOST_NOTES: usize = 5_000;

/// What `count.index` and `each.key` mean for one of several.
pub(crate) type Names = Vec<(String, Value)>;

/// Everything there is to translate.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) program: &'a Program,
    pub(crate) evaluator: Evaluator<'a>,
    pub(crate) resources: Vec<Resource>,
    notes: RefCell<Vec<Note>>,
}

/// One resource.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) module: usize,
    /// Under its newer name: `aws_lb` for `aws_alb`.
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    pub(crate) place: Place,
    pub(crate) body: Rc<Body>,
    pub(crate) scope: Scope,
    /// Whether something became of it.
    pub(crate) taken: Cell<bool>,
}

/// The name under which AWS's provider calls a kind today.
pub(crate) fn canonical(kind: &str) -> Cow<'_, str> {
    kind.strip_prefix("aws_alb").map_or(Cow::Borrowed(kind), |rest| Cow::Owned(format!("aws_lb{rest}")))
}

/// The keys under which a block is repeated, with what they mean; `None` for a block that stands for itself, an error
/// (why) when it cannot be told.
pub(crate) fn keys(
    evaluator: &Evaluator<'_>,
    body: &Body,
    scope: &Scope,
) -> Result<Option<Vec<(String, Names)>>, String> {
    if let Some(count) = body.attribute("count") {
        let value = evaluator.value(&count.expr, scope);
        let count =
            value.as_number().ok_or_else(|| value.why_unknown().unwrap_or_else(|| "it is no number".to_owned()))?;
        let index = |index: usize| {
            let count = Value::Map(BTreeMap::from([("index".to_owned(), Value::Number(index as f64))]));
            (index.to_string(), vec![("count".to_owned(), count)])
        };
        return Ok(Some((0..(count.max(0.0) as usize).min(MOST_REPEATS)).map(index).collect()));
    }
    let Some(each) = body.attribute("for_each") else { return Ok(None) };
    let pairs: Vec<(String, Value)> = match evaluator.value(&each.expr, scope).resolved() {
        Value::Map(entries) => entries.clone().into_iter().collect(),
        Value::List(items) => items.iter().filter_map(|item| Some((item.as_text()?, item.clone()))).collect(),
        value => return Err(value.why_unknown().unwrap_or_else(|| "it is no set or map".to_owned())),
    };
    let each = |(key, value): (String, Value)| {
        let each = BTreeMap::from([("key".to_owned(), Value::text(key.as_str())), ("value".to_owned(), value)]);
        (key, vec![("each".to_owned(), Value::Map(each))])
    };
    Ok(Some(pairs.into_iter().take(MOST_REPEATS).map(each).collect()))
}

impl<'a> World<'a> {
    pub(crate) fn new(program: &'a Program) -> Self {
        let evaluator = Evaluator::new(program);
        let notes = RefCell::new(program.notes.clone());
        let mut world = Self { program, evaluator, resources: Vec::new(), notes };
        for (module, of) in program.modules.iter().enumerate() {
            for block in &of.resources {
                if let [kind, name] = block.labels.as_slice() {
                    world.add(module, kind, name, &block.body, block.place);
                }
            }
        }
        world
    }

    fn add(&mut self, module: usize, kind: &str, name: &str, body: &Rc<Body>, place: Place) {
        let scope = Scope { module, ..Scope::default() };
        let (kind, name) = (canonical(kind).into_owned(), name.to_owned());
        let keys = match keys(&self.evaluator, body, &scope) {
            Ok(keys) => keys,
            Err(why) => {
                let message = format!("how many there are is not known ({why}): carried over once");
                self.note(place, NoteKind::Differs, format!("{kind}.{name}"), message);
                None
            }
        };
        let copies = match keys {
            Some(keys) => keys.into_iter().map(|(key, names)| (Some(key), scope.with(names))).collect(),
            None => vec![(None, scope)],
        };
        for (key, scope) in copies {
            if self.resources.len() < MOST_RESOURCES {
                let (kind, name, body) = (kind.clone(), name.clone(), body.clone());
                self.resources.push(Resource { module, kind, name, key, place, body, scope, taken: Cell::new(false) });
            }
        }
    }

    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// The resource of one of these kinds that a value means: a reference to it, or its name.
    pub(crate) fn find(&self, value: &Value, kinds: &[&str]) -> Option<&Resource> {
        let fits = |resource: &&Resource| kinds.contains(&resource.kind.as_str());
        if let Value::Reference(reference) = value {
            return self.resources.iter().filter(fits).find(|resource| resource.is(reference));
        }
        let text = value.as_text()?;
        self.resources.iter().filter(fits).find(|resource| self.aws_name(resource).as_deref() == Some(text.as_str()))
    }

    /// The name that a resource gets at AWS, if it is written down.
    pub(crate) fn aws_name(&self, resource: &Resource) -> Option<String> {
        let expr = &resource.body.attribute("name").or_else(|| resource.body.attribute("alarm_name"))?.expr;
        self.evaluator.value(expr, &resource.scope).as_text()
    }

    /// Looks at a resource, and counts it as carried over.
    pub(crate) fn view(&'a self, resource: &Resource) -> View<'a> {
        resource.taken.set(true);
        View::new(self, resource.body.clone(), resource.scope.clone(), resource.place, resource.address(self.program))
    }

    pub(crate) fn note(&self, place: Place, kind: NoteKind, subject: impl Into<String>, message: impl Into<String>) {
        let (subject, message) = (subject.into(), message.into());
        let note = Note { kind, file: self.program.file_name(place), line: place.line, subject, message };
        let mut notes = self.notes.borrow_mut();
        if notes.len() < MOST_NOTES && !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// All notes, by file and line.
    pub(crate) fn into_notes(self) -> Vec<Note> {
        let mut notes = self.notes.into_inner();
        notes.sort_by(|a, b| (&a.file, a.line, &a.subject, &a.message).cmp(&(&b.file, b.line, &b.subject, &b.message)));
        notes
    }
}

impl Resource {
    /// `module.web.aws_lb.todo["blue"]`.
    pub(crate) fn address(&self, program: &Program) -> String {
        let prefix = program.modules.get(self.module).map_or("", |module| module.prefix.as_str());
        let module = if prefix.is_empty() { String::new() } else { format!("module.{prefix}") };
        let key = self.key.as_ref().map(|key| format!("[{key}]")).unwrap_or_default();
        format!("{module}{}.{}{key}", self.kind, self.name)
    }

    fn is(&self, reference: &Reference) -> bool {
        let key = reference.key.is_none() || self.key == reference.key;
        self.module == reference.module && self.kind == reference.kind && self.name == reference.name && key
    }
}
