//! Values of header fields that say who asks.

use std::str::FromStr;

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;

use super::{FieldValue, FieldValueError};
use crate::client::ClientCertificate;
use crate::text::text;

/// How placeholders begin. Other braces are taken as they are: JSON in a field is full of them.
const MARK: &str = "{client-certificate.";

/// Longest value that is made of a certificate; of a longer one, nothing is told.
const LONGEST: usize = 8 << 10;

/// The value of a header field, perhaps with parts that a client's certificate says.
#[derive(Clone, Debug, PartialEq)]
pub enum SetValue {
    /// Always the same.
    Plain(FieldValue),
    /// What a client's certificate says.
    Told(Told),
}

/// A value with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    text: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Box<str>),
    Subject,
    Issuer,
    Serial,
    Names,
    Fingerprint,
    Verified,
}

/// Why a text cannot be the value of a header field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetValueError {
    /// It holds what no value holds.
    #[error(transparent)]
    Value(#[from] FieldValueError),
    /// A brace that has no partner.
    #[error("`{text}` has a placeholder without its closing brace")]
    Brace {
        /// The refused text.
        text: String,
    },
    /// A placeholder that does not exist.
    #[error(
        "there is no `{{client-certificate.{name}}}`: use `subject`, `issuer`, `serial`, `names`, `fingerprint` or \
         `verified`"
    )]
    Unknown {
        /// The name behind the point.
        name: String,
    },
}

impl FromStr for SetValue {
    type Err = SetValueError;

    fn from_str(text: &str) -> Result<Self, SetValueError> {
        let value: FieldValue = text.parse()?;
        if !text.contains(MARK) {
            return Ok(Self::Plain(value));
        }
        let mut parts = Vec::new();
        let mut rest = text.trim_ascii();
        while let Some((literal, placeholder)) = rest.split_once(MARK) {
            let brace = || SetValueError::Brace { text: text.to_owned() };
            let (name, after) = placeholder.split_once('}').ok_or_else(brace)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
            parts.push(part(name)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self::Told(Told { text: text.into(), parts: parts.into() }))
    }
}

text!(SetValue, "the value of a header field", |it| match it {
    SetValue::Plain(value) => value.to_string(),
    SetValue::Told(told) => told.text.to_string(),
});

fn part(name: &str) -> Result<Part, SetValueError> {
    Ok(match name {
        "subject" => Part::Subject,
        "issuer" => Part::Issuer,
        "serial" => Part::Serial,
        "names" => Part::Names,
        "fingerprint" => Part::Fingerprint,
        "verified" => Part::Verified,
        _ => return Err(SetValueError::Unknown { name: name.to_owned() }),
    })
}

impl Told {
    /// The value for a request. `None` when it asks for what is not there: then there must be no field of that name at
    /// all, since what a client wrote into it is not what the certificate says.
    pub(super) fn of(&self, head: &Parts) -> Option<HeaderValue> {
        let shown = ClientCertificate::of(&head.extensions);
        let mut value = Vec::with_capacity(self.text.len() + 64);
        for part in &self.parts {
            match part {
                Part::Literal(text) => value.extend_from_slice(text.as_bytes()),
                Part::Verified => value.extend_from_slice(if shown.is_some() { b"true" } else { b"false" }),
                Part::Subject => escape(&shown?.subject, &mut value),
                Part::Issuer => escape(&shown?.issuer, &mut value),
                Part::Serial => escape(&shown?.serial, &mut value),
                Part::Fingerprint => escape(&shown?.fingerprint, &mut value),
                Part::Names => {
                    for (index, name) in shown?.names.iter().enumerate() {
                        if index > 0 {
                            value.push(b',');
                        }
                        escape(&name.replace('%', "%25").replace(',', "%2C"), &mut value);
                    }
                }
            }
        }
        // Made of visible ASCII and spaces, so it is one.
        Some(value)
            .filter(|value| value.len() <= LONGEST)
            .and_then(|value| HeaderValue::from_maybe_shared(Bytes::from(value)).ok())
    }
}

/// Bytes that a field cannot hold, or that are not ASCII, are written as `%XX`.
fn escape(text: &str, value: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) {
            value.push(byte);
        } else {
            value.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::head;

    fn shown() -> ClientCertificate {
        ClientCertificate {
            subject: "CN=j\u{fc}rgen\r\nx: y,O=50%".into(),
            issuer: "CN=people".into(),
            serial: "0a".into(),
            names: vec!["dns:a.example".into(), "uri:x,y%".into()],
            fingerprint: "ff".into(),
        }
    }

    #[track_caller]
    fn check(text: &str, with: Option<&str>, without: Option<&str>) {
        let SetValue::Told(told) = text.parse().unwrap() else { panic!("{text} has placeholders") };
        let mut head = head("GET /");
        let value = |head: &Parts| told.of(head).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(value(&head).as_deref(), without);
        head.extensions.insert(Arc::new(shown()));
        assert_eq!(value(&head).as_deref(), with);
    }

    #[test]
    fn placeholders_stand_for_what_the_certificate_says_and_bytes_that_no_field_holds_are_escaped() {
        check("{client-certificate.subject}", Some("CN=j%C3%BCrgen%0D%0Ax: y,O=50%"), None);
        check("{client-certificate.names}", Some("dns:a.example,uri:x%2Cy%25"), None);
        check("a {client-certificate.issuer}; {client-certificate.serial} b", Some("a CN=people; 0a b"), None);
        check("{client-certificate.fingerprint}", Some("ff"), None);
        check("{client-certificate.verified}", Some("true"), Some("false"));
    }

    #[test]
    fn braces_that_are_no_placeholder_stay_and_unknown_ones_are_refused() {
        assert!(matches!("{\"a\": {}}".parse(), Ok(SetValue::Plain(_))));
        let refused = |text: &str| text.parse::<SetValue>().unwrap_err().to_string();
        assert!(refused("{client-certificate.name}").starts_with("there is no `{client-certificate.name}`"));
        assert!(refused("{client-certificate.subject").contains("without its closing brace"));
        assert!(refused("a\nb").contains("cannot be the value"));
    }

    #[test]
    fn a_value_that_is_too_long_is_not_told_in_part() {
        let SetValue::Told(told) = "{client-certificate.subject}".parse().unwrap() else { panic!() };
        let mut head = head("GET /");
        head.extensions.insert(Arc::new(ClientCertificate { subject: "x".repeat(9000), ..shown() }));
        assert_eq!(told.of(&head), None);
    }
}
