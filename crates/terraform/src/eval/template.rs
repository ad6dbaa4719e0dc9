//! Templates: texts with `${…}` and `%{…}`.

use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, Strip};

use super::{Evaluator, Scope, exhausted, pairs};
use crate::value::Value;

/// A text that grows, and whether all of it is known.
struct Text {
    text: String,
    whole: bool,
    /// Whether white space at the beginning of what comes next goes away.
    strip: bool,
}

impl Text {
    fn push(&mut self, text: &str) {
        let text = if std::mem::take(&mut self.strip) { text.trim_start() } else { text };
        self.text.push_str(text);
    }

    fn before(&mut self, strip: Strip) {
        if strip.strip_start() {
            self.text.truncate(self.text.trim_end().len());
        }
    }

    fn after(&mut self, strip: Strip) {
        self.strip = strip.strip_end();
    }
}

impl Evaluator<'_> {
    /// A text; or whatever it is, when the template is one expression and nothing else.
    pub(super) fn template<'t>(&self, elements: impl Iterator<Item = &'t Element>, scope: &Scope) -> Value {
        let elements: Vec<_> = elements.collect();
        if let [Element::Interpolation(only)] = elements.as_slice() {
            return self.value(&only.expr, scope);
        }
        let mut text = Text { text: String::new(), whole: true, strip: false };
        if !self.render(&elements, scope, &mut text) {
            return exhausted();
        }
        if text.whole { Value::Text(text.text) } else { Value::Partial(text.text) }
    }

    /// Whether the budget sufficed.
    fn render(&self, elements: &[&Element], scope: &Scope, into: &mut Text) -> bool {
        for element in elements {
            let before = into.text.len();
            let within = match element {
                Element::Literal(literal) => {
                    into.push(literal.as_str());
                    true
                }
                Element::Interpolation(part) => {
                    let (text, whole) = self.value(&part.expr, scope).in_template();
                    into.before(part.strip);
                    into.text.push_str(&text);
                    into.whole &= whole;
                    into.after(part.strip);
                    true
                }
                Element::Directive(directive) => match &**directive {
                    Directive::If(choice) => self.render_if(choice, scope, into),
                    Directive::For(each) => self.render_for(each, scope, into),
                },
            };
            if !within || !self.spend(1 + into.text.len().saturating_sub(before)) {
                return false;
            }
        }
        true
    }

    fn render_if(&self, choice: &IfDirective, scope: &Scope, into: &mut Text) -> bool {
        let holds = self.value(&choice.if_expr.cond_expr, scope).as_flag();
        into.whole &= holds.is_some();
        into.before(choice.if_expr.strip);
        into.after(choice.if_expr.strip);
        let mut within = true;
        if holds == Some(true) {
            within = self.render(&choice.if_expr.template.iter().collect::<Vec<_>>(), scope, into);
        }
        if let Some(other) = &choice.else_expr {
            into.before(other.strip);
            into.after(other.strip);
            if holds == Some(false) {
                within = self.render(&other.template.iter().collect::<Vec<_>>(), scope, into);
            }
        }
        into.before(choice.endif_expr.strip);
        into.after(choice.endif_expr.strip);
        within
    }

    fn render_for(&self, each: &ForDirective, scope: &Scope, into: &mut Text) -> bool {
        let (head, end) = (&each.for_expr, &each.endfor_expr);
        into.before(head.strip);
        let Ok(pairs) = pairs(&self.value(&head.collection_expr, scope)) else {
            into.whole = false;
            return true;
        };
        let elements: Vec<_> = head.template.iter().collect();
        for (key, value) in pairs {
            let names = head.key_var.iter().map(|name| (name.as_str().to_owned(), key.clone()));
            let scope = scope.with(names.chain([(head.value_var.as_str().to_owned(), value)]));
            into.after(head.strip);
            if !self.render(&elements, &scope, into) {
                return false;
            }
            into.before(end.strip);
        }
        into.after(end.strip);
        true
    }
}
