//! A look at a block that remembers what was asked for: what nobody asked for is noted when the view goes away.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use hcl_edit::expr::Expression;

use crate::NoteKind;
use crate::eval::Scope;
use crate::source::Place;
use crate::syntax::{Attribute, Block, Body, Reader};
use crate::translate::reason;
use crate::value::{Value, shorten};
use crate::world::World;

/// So many blocks one `dynamic` makes.
const MOST_BLOCKS: usize = 100;

/// A block, as it is looked at.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) world: &'a World<'a>,
    pub(crate) place: Place,
    /// `aws_lb.todo` or `aws_lb_target_group.todo.health_check`.
    pub(crate) subject: String,
    body: Rc<Body>,
    scope: Scope,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(world: &'a World<'a>, body: Rc<Body>, scope: Scope, place: Place, subject: String) -> Self {
        Self { world, place, subject, body, scope, asked: RefCell::default() }
    }

    /// Where an attribute stands, or else the block.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        let block = || self.body.blocks.iter().find(|block| block.kind == name).map(|block| block.place);
        self.body.attribute(name).map(|attribute| attribute.place).or_else(block).unwrap_or(self.place)
    }

    /// Marks attributes and blocks as seen to.
    pub(crate) fn saw(&self, names: &[&str]) {
        self.asked.borrow_mut().extend(names.iter().map(|name| (*name).to_owned()));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.body.attribute(name).is_some() || self.body.blocks.iter().any(|block| block.kind == name)
    }

    /// An attribute's value, also if it is not known; `None` when it is not set.
    pub(crate) fn raw(&self, name: &str) -> Option<Value> {
        self.saw(&[name]);
        let value = self.world.evaluator.value(&self.body.attribute(name)?.expr, &self.scope);
        (value != Value::Null).then_some(value)
    }

    /// What `read` makes of an attribute. One that is set, but not known or of another type, is noted.
    fn read<T>(&self, name: &str, what: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.raw(name)?;
        let read = read(&value);
        if read.is_none() {
            let why = value.why_unknown().unwrap_or_else(|| format!("it is no {what}"));
            self.note(name, NoteKind::Left, format!("not known: {why}"));
        }
        read
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.read(name, "text", Value::as_text)
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.read(name, "number", Value::as_number)
    }

    /// A whole number that is not negative and below a hundred million.
    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        self.read(name, "whole number", |value| value.as_number().and_then(whole))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.read(name, "truth value", Value::as_flag)
    }

    /// A list's elements, or the one that stands for a list.
    pub(crate) fn list(&self, name: &str) -> Vec<Value> {
        match self.raw(name) {
            None => Vec::new(),
            Some(value) => match value.resolved() {
                Value::List(items) => items.clone(),
                Value::Unknown(why) => {
                    self.note(name, NoteKind::Left, format!("not known: {why}"));
                    Vec::new()
                }
                _ => vec![value],
            },
        }
    }

    /// The texts of a list; what is not known of it is noted.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let text = |value: Value| {
            let text = value.as_text();
            if text.is_none() {
                let why = value.why_unknown().unwrap_or_else(|| "it is no text".to_owned());
                self.note(name, NoteKind::Left, format!("an element is not known: {why}"));
            }
            text
        };
        self.list(name).into_iter().filter_map(text).collect()
    }

    pub(crate) fn block(&self, name: &str) -> Option<Self> {
        self.blocks(name).into_iter().next()
    }

    /// The blocks of a kind, however they are written: as blocks, by `dynamic`, or as an attribute.
    pub(crate) fn blocks(&self, name: &str) -> Vec<Self> {
        self.saw(&[name]);
        let mut views = Vec::new();
        for block in &self.body.blocks {
            if block.kind == name {
                views.push(self.inner(name, block.body.clone(), self.scope.clone(), block.place));
            } else if block.kind == "dynamic" && block.labels.first().is_some_and(|label| label == name) {
                self.dynamic(name, block, &mut views);
            }
        }
        if let Some(attribute) = self.body.attribute(name) {
            self.of_attribute(name, &attribute.expr, attribute, &mut views);
        }
        views
    }

    fn inner(&self, name: &str, body: Rc<Body>, scope: Scope, place: Place) -> Self {
        Self::new(self.world, body, scope, place, format!("{}.{name}", self.subject))
    }

    fn dynamic(&self, name: &str, block: &Block, views: &mut Vec<Self>) {
        let Some((each, content)) =
            block.body.attribute("for_each").zip(block.body.blocks.iter().find(|it| it.kind == "content"))
        else {
            return;
        };
        let iterator = block.body.attribute("iterator").and_then(|iterator| iterator.expr.as_variable());
        let iterator = iterator.map_or(name, |ident| ident.as_str());
        let pairs: Vec<(Value, Value)> = match self.world.evaluator.value(&each.expr, &self.scope).resolved() {
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (Value::text(key.as_str()), value.clone())).collect()
            }
            Value::List(items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
            value => {
                let why = value.why_unknown().unwrap_or_else(|| "it is no collection".to_owned());
                self.note_at(block.place, NoteKind::Left, &format!(".{name}"), format!("not known: {why}"));
                return;
            }
        };
        for (key, value) in pairs.into_iter().take(MOST_BLOCKS) {
            let of = Value::Map([("key".to_owned(), key), ("value".to_owned(), value)].into());
            let scope = self.scope.with([(iterator.to_owned(), of)]);
            views.push(self.inner(name, content.body.clone(), scope, content.place));
        }
    }

    fn of_attribute(&self, name: &str, expr: &Expression, attribute: &Attribute, views: &mut Vec<Self>) {
        match expr {
            Expression::Array(items) => items.iter().for_each(|item| self.of_attribute(name, item, attribute, views)),
            Expression::Object(object) => {
                let Some(source) = self.world.program.files.get(attribute.place.file) else { return };
                let body = Reader { source, file: attribute.place.file }.object(object);
                views.push(self.inner(name, Rc::new(body), self.scope.clone(), attribute.place));
            }
            _ => {}
        }
    }

    /// Notes something about an attribute or block.
    pub(crate) fn note(&self, name: &str, kind: NoteKind, message: impl Into<String>) {
        self.note_at(self.place_of(name), kind, &format!(".{name}"), message);
    }

    /// Notes something about the whole.
    pub(crate) fn note_whole(&self, kind: NoteKind, message: impl Into<String>) {
        self.note_at(self.place, kind, "", message);
    }

    fn note_at(&self, place: Place, kind: NoteKind, name: &str, message: impl Into<String>) {
        self.world.note(place, kind, format!("{}{name}", self.subject), message);
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for Attribute { name, expr, place } in &self.body.attributes {
            if asked.contains(name) || reason::is_quiet(name) {
                continue;
            }
            let value = self.world.evaluator.value(expr, &self.scope);
            // What says "no" or nothing asks for nothing.
            if matches!(value, Value::Null | Value::Bool(false)) || value.as_text().as_deref() == Some("") {
                continue;
            }
            let told = value.as_text().map(|text| format!(" = {}", shorten(&text))).unwrap_or_default();
            self.note_at(*place, NoteKind::Left, &format!(".{name}{told}"), reason::of_attribute(name));
        }
        for block in &self.body.blocks {
            let name = if block.kind == "dynamic" { block.labels.first().unwrap_or(&block.kind) } else { &block.kind };
            if !asked.contains(name) && !reason::is_quiet(name) {
                self.note_at(block.place, NoteKind::Left, &format!(".{name}"), reason::of_attribute(name));
            }
        }
    }
}

/// A whole number that is not negative and not absurd.
pub(crate) fn whole(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (0.0..=1e8).contains(&number)).then_some(number as u32)
}
