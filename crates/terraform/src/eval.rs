//! Works out expressions: variables, local values, templates, functions, and references to resources, which stay
//! references. What only AWS knows is a value too ([`Value::Unknown`]), and says why.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hcl_edit::expr::{BinaryOperator, Expression, ForExpr, Object, ObjectKey, UnaryOperator};

use crate::module::Program;
use crate::value::Value;

pub(crate) use function::base64_text;

mod function;
mod name;
mod template;

/// Names may stand for expressions with names, which may go round in a circle.
const DEEPEST: u32 = 200;
/// Steps and bytes of all expressions together: far more than files for people need, and done in a second.
const BUDGET: usize = 32 << 20;

/// Works out expressions, within a budget.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    program: &'a Program,
    depth: Cell<u32>,
    spent: Cell<usize>,
}

/// Where an expression stands: what its names mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// Index of the module.
    pub(crate) module: usize,
    /// `each`, `count`, and the variables of `for` and `dynamic`.
    pub(crate) names: Rc<BTreeMap<String, Value>>,
}

impl Scope {
    pub(crate) fn with(&self, names: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut all = (*self.names).clone();
        all.extend(names);
        Self { module: self.module, names: Rc::new(all) }
    }
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(program: &'a Program) -> Self {
        Self { program, depth: Cell::new(0), spent: Cell::new(0) }
    }

    /// What an expression comes to.
    pub(crate) fn value(&self, expr: &Expression, scope: &Scope) -> Value {
        if self.depth.get() >= DEEPEST {
            return Value::unknown("it goes round in a circle, or too deep");
        }
        if !self.spend(1) {
            return exhausted();
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.of(expr, scope);
        self.depth.set(self.depth.get() - 1);
        if self.spend(value.weight()) { value } else { exhausted() }
    }

    fn of(&self, expr: &Expression, scope: &Scope) -> Value {
        match expr {
            Expression::Null(_) => Value::Null,
            Expression::Bool(flag) => Value::Bool(**flag),
            Expression::Number(number) => number.as_f64().map_or(Value::Null, Value::Number),
            Expression::String(text) => Value::text(text.as_str()),
            Expression::Array(items) => Value::List(items.iter().map(|item| self.value(item, scope)).collect()),
            Expression::Object(object) => self.object(object, scope),
            Expression::StringTemplate(template) => self.template(template.iter(), scope),
            Expression::HeredocTemplate(heredoc) => self.template(heredoc.template.iter(), scope),
            Expression::Parenthesis(inner) => self.value(inner.inner(), scope),
            Expression::Variable(ident) => self.named(ident.as_str(), &[], scope),
            Expression::Traversal(traversal) => self.traversal(traversal, scope),
            Expression::Conditional(choice) => match self.value(&choice.cond_expr, scope).as_flag() {
                Some(true) => self.value(&choice.true_expr, scope),
                Some(false) => self.value(&choice.false_expr, scope),
                None => Value::unknown("it depends on what is only known to AWS"),
            },
            Expression::FuncCall(call) => self.call(call, scope),
            Expression::UnaryOp(op) => unary(*op.operator.value(), &self.value(&op.expr, scope)),
            Expression::BinaryOp(op) => {
                binary(*op.operator.value(), &self.value(&op.lhs_expr, scope), &self.value(&op.rhs_expr, scope))
            }
            Expression::ForExpr(each) => self.for_expr(each, scope),
        }
    }

    fn object(&self, object: &Object, scope: &Scope) -> Value {
        let mut entries = BTreeMap::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
                ObjectKey::Expression(Expression::Variable(ident)) => Some(ident.as_str().to_owned()),
                ObjectKey::Expression(expr) => self.value(expr, scope).as_text(),
            };
            match key {
                Some(key) => entries.insert(key, self.value(value.expr(), scope)),
                None => return Value::unknown("one of its keys is only known to AWS"),
            };
        }
        Value::Map(entries)
    }

    fn for_expr(&self, each: &ForExpr, scope: &Scope) -> Value {
        let pairs = match pairs(&self.value(&each.intro.collection_expr, scope)) {
            Ok(pairs) => pairs,
            Err(unknown) => return unknown,
        };
        let (mut list, mut map) = (Vec::new(), BTreeMap::<String, Value>::new());
        for (key, value) in pairs {
            let names = each.intro.key_var.iter().map(|name| (name.as_str().to_owned(), key.clone()));
            let value_name = (each.intro.value_var.as_str().to_owned(), value.clone());
            let scope = scope.with(names.chain([value_name]));
            let wanted = each.cond.as_ref().map(|cond| self.value(&cond.expr, &scope).as_flag());
            match wanted {
                Some(None) => return Value::unknown("its condition depends on what is only known to AWS"),
                Some(Some(false)) => continue,
                _ => {}
            }
            let value = self.value(&each.value_expr, &scope);
            let Some(key_expr) = &each.key_expr else {
                list.push(value);
                continue;
            };
            let Some(key) = self.value(key_expr, &scope).as_text() else {
                return Value::unknown("one of its keys is only known to AWS");
            };
            if !each.grouping {
                map.insert(key, value);
            } else if let Value::List(group) = map.entry(key).or_insert_with(|| Value::List(Vec::new())) {
                group.push(value);
            }
        }
        if each.key_expr.is_some() { Value::Map(map) } else { Value::List(list) }
    }

    /// Whether the budget had so much left.
    fn spend(&self, amount: usize) -> bool {
        let spent = self.spent.get().saturating_add(amount);
        self.spent.set(spent);
        spent <= BUDGET
    }
}

fn exhausted() -> Value {
    Value::unknown("the files work out more than is ever needed")
}

/// The elements of a collection with their keys.
fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Value> {
    match value.resolved() {
        Value::List(items) => {
            let numbered = items.iter().enumerate();
            Ok(numbered.map(|(index, item)| (Value::Number(index as f64), item.clone())).collect())
        }
        Value::Map(entries) => {
            Ok(entries.iter().map(|(key, item)| (Value::text(key.as_str()), item.clone())).collect())
        }
        value => Err(Value::Unknown(value.why_unknown().unwrap_or_else(|| "it is no collection".to_owned()))),
    }
}

fn unary(operator: UnaryOperator, value: &Value) -> Value {
    let done = match operator {
        UnaryOperator::Neg => value.as_number().map(|number| Value::Number(-number)),
        UnaryOperator::Not => value.as_flag().map(|flag| Value::Bool(!flag)),
    };
    done.unwrap_or_else(|| undone(&[value]))
}

fn binary(operator: BinaryOperator, left: &Value, right: &Value) -> Value {
    use BinaryOperator as Op;
    let flags = || left.as_flag().zip(right.as_flag());
    let known = left.why_unknown().or_else(|| right.why_unknown()).is_none();
    let done = match operator {
        Op::Eq => known.then(|| Value::Bool(left.resolved() == right.resolved())),
        Op::NotEq => known.then(|| Value::Bool(left.resolved() != right.resolved())),
        Op::And => flags().map(|(left, right)| Value::Bool(left && right)),
        Op::Or => flags().map(|(left, right)| Value::Bool(left || right)),
        _ => left.as_number().zip(right.as_number()).map(|(left, right)| arithmetic(operator, left, right)),
    };
    done.unwrap_or_else(|| undone(&[left, right]))
}

fn arithmetic(operator: BinaryOperator, left: f64, right: f64) -> Value {
    use BinaryOperator as Op;
    let number = match operator {
        Op::Less => return Value::Bool(left < right),
        Op::LessEq => return Value::Bool(left <= right),
        Op::Greater => return Value::Bool(left > right),
        Op::GreaterEq => return Value::Bool(left >= right),
        Op::Plus => left + right,
        Op::Minus => left - right,
        Op::Mul => left * right,
        Op::Div => left / right,
        Op::Mod => left % right,
        Op::Eq | Op::NotEq | Op::And | Op::Or => return Value::Null,
    };
    if number.is_finite() { Value::Number(number) } else { Value::unknown("it divides by zero, or is too large") }
}

/// Why something could not be worked out of these.
fn undone(values: &[&Value]) -> Value {
    let why = values.iter().find_map(|value| value.why_unknown());
    Value::Unknown(why.unwrap_or_else(|| "its parts do not fit together".to_owned()))
}

#[cfg(test)]
mod tests;
