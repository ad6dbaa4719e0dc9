//! What names stand for: variables, local values, outputs of modules, and resources.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};

use super::{Evaluator, Scope};
use crate::value::{Reference, Value};
use crate::world::{canonical, keys};

/// What AWS makes up when it creates something, whatever is written down.
const MADE_UP: [&str; 8] =
    ["arn", "id", "arn_suffix", "dns_name", "zone_id", "latest_version", "default_version", "revision"];

/// One step into a value.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Key(Value),
    Splat,
}

impl Evaluator<'_> {
    pub(super) fn traversal(&self, traversal: &Traversal, scope: &Scope) -> Value {
        let steps: Vec<_> = traversal
            .operators
            .iter()
            .map(|operator| match operator.value() {
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Splat,
                TraversalOperator::GetAttr(ident) => Step::Key(Value::text(ident.as_str())),
                TraversalOperator::Index(expr) => Step::Key(self.value(expr, scope)),
                TraversalOperator::LegacyIndex(index) => Step::Key(Value::Number(*index.value() as f64)),
            })
            .collect();
        match &traversal.expr {
            Expression::Variable(ident) => self.named(ident.as_str(), &steps, scope),
            expr => self.walk(self.value(expr, scope), &steps),
        }
    }

    pub(super) fn named(&self, name: &str, steps: &[Step], scope: &Scope) -> Value {
        if let Some(value) = scope.names.get(name) {
            return self.walk(value.clone(), steps);
        }
        let Some(module) = self.program.modules.get(scope.module) else { return Value::Null };
        let own = Scope { module: scope.module, ..Scope::default() };
        let Some((Step::Key(first), rest)) = steps.split_first() else {
            return Value::unknown(format!("`{name}` is nothing by itself"));
        };
        let first = first.as_text().unwrap_or_default();
        match name {
            "var" => self.walk(self.variable(&first, scope.module), rest),
            "local" => match module.locals.get(&first) {
                Some(expr) => self.walk(self.value(expr, &own), rest),
                None => Value::unknown(format!("there is no local.{first}")),
            },
            "module" => self.output(&first, rest, scope),
            "path" if first == "module" => Value::text(module.folder.display().to_string()),
            "path" => Value::text(self.program.root.display().to_string()),
            "terraform" => Value::text("default"),
            "data" => Value::unknown(format!("data.{first} is looked up at AWS")),
            kind => self.resource(kind, &first, rest, scope.module),
        }
    }

    fn variable(&self, name: &str, module: usize) -> Value {
        let Some(variable) = self.program.modules[module].variables.get(name) else {
            return Value::unknown(format!("there is no variable `{name}`"));
        };
        match (&variable.given, &variable.default) {
            (Some((module, expr)), _) => self.value(expr, &Scope { module: *module, ..Scope::default() }),
            (None, Some(default)) => self.value(default, &Scope { module, ..Scope::default() }),
            (None, None) => Value::unknown(format!("var.{name} has no value: give it one in terraform.tfvars")),
        }
    }

    fn output(&self, name: &str, steps: &[Step], scope: &Scope) -> Value {
        let child = self.program.modules[scope.module].children.get(name).copied();
        let Some((Step::Key(output), rest)) = steps.split_first() else {
            return Value::unknown(format!("module.{name} as a whole"));
        };
        let output = output.as_text().unwrap_or_default();
        let expr = child.and_then(|child| Some((child, self.program.modules[child].outputs.get(&output)?)));
        match expr {
            Some((module, expr)) => self.walk(self.value(expr, &Scope { module, ..Scope::default() }), rest),
            None => Value::unknown(format!("module.{name}.{output} was not read")),
        }
    }

    fn resource(&self, kind: &str, name: &str, steps: &[Step], module: usize) -> Value {
        let is =
            |labels: &[String]| matches!(labels, [of, called] if canonical(of) == canonical(kind) && called == name);
        let whole = |key: Option<String>| {
            let (kind, name) = (canonical(kind).into_owned(), name.to_owned());
            Value::Reference(Reference { module, kind, name, key, attribute: String::new(), known: None })
        };
        let block = self.program.modules[module].resources.iter().find(|block| is(&block.labels));
        let scope = Scope { module, ..Scope::default() };
        let value = match block.map(|block| keys(self, &block.body, &scope)) {
            Some(Ok(Some(keys))) if keys.iter().all(|(key, _)| key.parse::<usize>().is_ok()) => {
                Value::List(keys.into_iter().map(|(key, _)| whole(Some(key))).collect())
            }
            Some(Ok(Some(keys))) => {
                Value::Map(keys.into_iter().map(|(key, _)| (key.clone(), whole(Some(key)))).collect::<BTreeMap<_, _>>())
            }
            // How many there are is not known: there is one then, whatever its key.
            Some(Err(_)) => match steps.split_first() {
                Some((Step::Key(Value::Number(_)) | Step::Splat, rest)) => return self.walk(whole(None), rest),
                _ => whole(None),
            },
            _ => whole(None),
        };
        self.walk(value, steps)
    }

    fn walk(&self, value: Value, steps: &[Step]) -> Value {
        let Some((step, rest)) = steps.split_first() else { return value };
        let next = match (step, value) {
            (Step::Splat, Value::List(items)) => {
                return Value::List(items.into_iter().map(|item| self.walk(item, rest)).collect());
            }
            (Step::Splat, Value::Null) => return Value::List(Vec::new()),
            (Step::Splat, value) => return Value::List(vec![self.walk(value, rest)]),
            (Step::Key(key), Value::Reference(reference)) if reference.attribute.is_empty() => {
                self.attribute(reference, &key.as_text().unwrap_or_default())
            }
            (Step::Key(key), value) => pick(value.resolved(), key),
        };
        self.walk(next, rest)
    }

    /// An attribute of a resource: a reference still, with its value where that is written down.
    fn attribute(&self, reference: Reference, attribute: &str) -> Value {
        let known = self.written(&reference, attribute).map(Box::new);
        Value::Reference(Reference { attribute: attribute.to_owned(), known, ..reference })
    }

    fn written(&self, reference: &Reference, attribute: &str) -> Option<Value> {
        let module = self.program.modules.get(reference.module)?;
        let block = module.resources.iter().find(|block| {
            matches!(block.labels.as_slice(), [kind, name] if canonical(kind) == reference.kind && *name == reference.name)
        })?;
        let expr = &block.body.attribute(attribute).filter(|_| !MADE_UP.contains(&attribute))?.expr;
        let scope = Scope { module: reference.module, ..Scope::default() };
        let names = keys(self, &block.body, &scope).ok().flatten().unwrap_or_default();
        let names = names.into_iter().find(|(key, _)| Some(key) == reference.key.as_ref()).map(|(_, names)| names);
        let value = self.value(expr, &scope.with(names.unwrap_or_default()));
        value.why_unknown().is_none().then_some(value)
    }
}

fn pick(value: &Value, key: &Value) -> Value {
    let found = match value {
        Value::List(items) => key.as_number().and_then(|index| items.get(index as usize).cloned()),
        Value::Map(entries) => key.as_text().and_then(|key| entries.get(&key).cloned()),
        value => value.why_unknown().map(Value::Unknown),
    };
    found.unwrap_or_else(|| Value::unknown(format!("it has no `{}`", key.as_text().unwrap_or_default())))
}
