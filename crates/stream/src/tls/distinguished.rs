//! Distinguished names as text, so that no part of one can be taken for another.

use std::fmt::Write;

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A name as RFC 4514 writes it: the most specific part first, characters that mean something escaped.
pub(super) fn distinguished(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter().collect();
    let mut text = String::new();
    for (index, part) in parts.iter().rev().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            write_attribute(attribute, &mut text);
        }
    }
    text
}

fn write_attribute(attribute: &AttributeTypeAndValue<'_>, text: &mut String) {
    let kind = attribute.attr_type();
    match (oid2abbrev(kind, oid_registry()), attribute.as_str()) {
        (Ok(kind), Ok(value)) => {
            text.push_str(kind);
            text.push('=');
            escape(value, text);
        }
        // Without a short name or a text, the value is written byte by byte (section 2.4).
        _ => {
            let _ = write!(text, "{}=#", kind.to_id_string()); // a String takes everything
            for byte in attribute.as_slice() {
                let _ = write!(text, "{byte:02x}");
            }
        }
    }
}

fn escape(value: &str, text: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let edge = index == 0 && matches!(character, ' ' | '#') || index == last && character == ' ';
        if edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\') {
            text.push('\\');
        }
        match character {
            '\0' => text.push_str("\\00"),
            character => text.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, want: &str) {
        let mut text = String::new();
        escape(value, &mut text);
        assert_eq!(text, want);
    }

    #[test]
    fn a_part_cannot_pretend_to_be_two() {
        check("alice", "alice");
        check("alice,O=Admin", "alice\\,O\\=Admin");
        check(" a b ", "\\ a b\\ ");
        check("#1", "\\#1");
        check("a\\,b", "a\\\\\\,b");
        check("a+b\0", "a\\+b\\00");
        check("", "");
    }
}
