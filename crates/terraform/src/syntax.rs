//! Texts as blocks and attributes, whichever of Terraform's two notations they are written in.

use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{self, BlockLabel, Structure};

use crate::SyntaxError;
use crate::source::{Place, Source, SourceKind};

mod json;

/// What stands between braces, or in a file.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
}

/// `name = expr`.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) expr: Rc<Expression>,
    pub(crate) place: Place,
}

/// `kind "label" { … }`.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) kind: String,
    pub(crate) labels: Vec<String>,
    pub(crate) body: Rc<Body>,
    pub(crate) place: Place,
}

/// Turns offsets into places while one file is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    /// Index of the file.
    pub(crate) file: usize,
}

impl Reader<'_> {
    /// The file's blocks and attributes.
    pub(crate) fn body(self) -> Result<Body, SyntaxError> {
        match self.source.kind {
            SourceKind::Native | SourceKind::Values => {
                let body = hcl_edit::parser::parse_body(&self.source.text);
                body.map(|body| self.native(&body)).map_err(|error| self.refusal(&error))
            }
            SourceKind::Json => json::parse(self).map(|object| self.json_blocks(&object)),
            SourceKind::JsonValues => json::parse(self).map(|object| self.object(&object)),
        }
    }

    fn native(self, body: &structure::Body) -> Body {
        let mut read = Body::default();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => read.attributes.push(Attribute {
                    name: attribute.key.as_str().to_owned(),
                    expr: Rc::new(attribute.value.clone()),
                    place: self.place(attribute),
                }),
                Structure::Block(block) => read.blocks.push(Block {
                    kind: block.ident.as_str().to_owned(),
                    labels: block.labels.iter().map(label).collect(),
                    body: Rc::new(self.native(&block.body)),
                    place: self.place(block),
                }),
            }
        }
        read
    }

    /// An object as if its keys were attributes: JSON has nothing else, and some blocks may be written so anyway.
    pub(crate) fn object(self, object: &Object) -> Body {
        let attribute = |(key, value): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
            let name = key_text(key)?;
            let place = match key {
                ObjectKey::Ident(ident) => self.place(ident),
                ObjectKey::Expression(expr) => self.place(expr),
            };
            // JSON's comments.
            (name != "//").then(|| Attribute { name, expr: Rc::new(value.expr().clone()), place })
        };
        Body { attributes: object.iter().filter_map(attribute).collect(), blocks: Vec::new() }
    }

    fn json_blocks(self, object: &Object) -> Body {
        let mut body = Body::default();
        for attribute in self.object(object).attributes {
            let depth = match attribute.name.as_str() {
                "resource" | "data" => 2,
                "variable" | "output" | "module" | "provider" => 1,
                _ => 0,
            };
            self.json_block(&attribute.name, &attribute.expr, depth, &[], attribute.place, &mut body.blocks);
        }
        body
    }

    fn json_block(
        self,
        kind: &str,
        expr: &Expression,
        depth: usize,
        labels: &[String],
        place: Place,
        into: &mut Vec<Block>,
    ) {
        match expr {
            Expression::Array(array) => {
                for expr in array {
                    self.json_block(kind, expr, depth, labels, self.place_or(expr, place), into);
                }
            }
            Expression::Object(object) if depth == 0 => into.push(Block {
                kind: kind.to_owned(),
                labels: labels.to_vec(),
                body: Rc::new(self.object(object)),
                place,
            }),
            Expression::Object(object) => {
                for attribute in self.object(object).attributes {
                    let labels = [labels, &[attribute.name]].concat();
                    self.json_block(kind, &attribute.expr, depth - 1, &labels, attribute.place, into);
                }
            }
            _ => {}
        }
    }

    fn place(self, it: &impl Span) -> Place {
        self.place_or(it, Place { file: self.file, line: 1 })
    }

    fn place_or(self, it: &impl Span, place: Place) -> Place {
        it.span().map_or(place, |span| Place { file: self.file, line: self.source.line_at(span.start) })
    }

    fn refusal(self, error: &hcl_edit::parser::Error) -> SyntaxError {
        let at = error.location();
        self.refused(at.line(), at.column(), error.message())
    }

    fn refused(self, line: usize, column: usize, message: &str) -> SyntaxError {
        SyntaxError {
            file: self.source.name.clone(),
            line,
            column: column.max(1),
            message: message.replace('\n', ", "),
            text: self.source.line_text(line).to_owned(),
        }
    }
}

fn label(label: &BlockLabel) -> String {
    match label {
        BlockLabel::Ident(ident) => ident.as_str().to_owned(),
        BlockLabel::String(text) => text.as_str().to_owned(),
    }
}

/// A key that is a name or a plain text.
pub(crate) fn key_text(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
        ObjectKey::Expression(Expression::Variable(ident)) => Some(ident.as_str().to_owned()),
        ObjectKey::Expression(expr) => expr.as_str().map(str::to_owned),
    }
}

impl Body {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

#[cfg(test)]
mod tests;
