//! JSON, which is nearly an expression of the native language: reading it as one keeps lines, and templates in its texts
//! come out as templates.

use hcl_edit::expr::{Array, Expression, Object};
use hcl_edit::template::{StringTemplate, Template};
use serde_json::Value;

use super::Reader;
use crate::SyntaxError;

/// The object that a file of JSON is.
pub(super) fn parse(reader: Reader<'_>) -> Result<Object, SyntaxError> {
    let text = &reader.source.text;
    let refused = |error: serde_json::Error| {
        let full = error.to_string();
        // Its text ends in the place, which stands in front already.
        let message = full.rsplit_once(" at line").map_or(full.as_str(), |(message, _)| message);
        reader.refused(error.line(), error.column(), message)
    };
    let value: Value = serde_json::from_str(text).map_err(refused)?;
    let native = hcl_edit::parser::parse_expr(text.trim());
    // An escape or a depth that only JSON has: then without lines.
    let shifted = text.len() != text.trim_start().len();
    let expr = native.ok().filter(|_| !shifted).unwrap_or_else(|| expression(&value));
    match expr {
        Expression::Object(object) => Ok(object),
        _ => Err(reader.refused(1, 1, "expected an object")),
    }
}

fn expression(value: &Value) -> Expression {
    match value {
        Value::Null => Expression::null(),
        Value::Bool(flag) => Expression::from(*flag),
        Value::Number(number) => number.as_i64().map_or_else(
            || number.as_f64().and_then(hcl_edit::Number::from_f64).map_or_else(Expression::null, Expression::from),
            Expression::from,
        ),
        Value::String(text) => template(text),
        Value::Array(items) => Expression::Array(items.iter().map(expression).collect::<Array>()),
        Value::Object(entries) => Expression::Object(
            entries.iter().map(|(key, value)| (Expression::from(key.as_str()), expression(value))).collect::<Object>(),
        ),
    }
}

/// A text whose `${…}` are read as in a quoted one.
fn template(text: &str) -> Expression {
    let parsed = text.parse::<Template>().ok().filter(|_| text.contains("${") || text.contains("%{"));
    parsed.map_or_else(
        || Expression::from(text),
        |template| Expression::StringTemplate(template.into_iter().collect::<StringTemplate>()),
    )
}
