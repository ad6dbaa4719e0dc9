//! Changes of header fields, and which fields may be changed at all.

mod told;

use std::borrow::Cow;
use std::str::FromStr;

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::alternatives::Alternatives;
use crate::router::HeaderEdit;
use crate::table::Table;
use crate::text::text;

pub use self::told::{SetValue, SetValueError, Told};

/// Changes of header fields: first `remove`, then `set`, then `add`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeaderEdits {
    document: Document,
    edits: Box<[HeaderEdit]>,
    /// Values that are made for each request.
    told: Box<[(HeaderName, Told)]>,
}

/// Name of a header field that may be changed: none that frames the message, belongs to one connection only, or names the
/// host.
#[derive(Clone, Debug, PartialEq)]
pub struct EditedName(HeaderName);

/// Why a header field cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditedNameError {
    /// The text is not a name.
    #[error("`{text}` is not the name of a header field: use letters, digits and `-`")]
    NotAName {
        /// The refused text.
        text: String,
    },
    /// The field is not a rule's to change.
    #[error(
        "`{name}` cannot be changed: it frames the message or belongs to one connection, which the balancer looks after"
    )]
    Framing {
        /// The refused name.
        name: HeaderName,
    },
    /// `Host` has its own place.
    #[error("`host` cannot be changed here: use `rewrite = {{ host = \"…\" }}`")]
    Host,
}

/// Whether rules and routers may change this header field. They may not change what frames a message (`Content-Length`,
/// `Transfer-Encoding`, `Trailer`, `Expect`), belongs to one connection (`Connection`, `Keep-Alive`, `TE`, `Upgrade` and
/// their relatives), or names the host (`Host`).
#[must_use]
pub fn editable(name: &HeaderName) -> bool {
    *name != HOST && !frames(name)
}

fn frames(name: &HeaderName) -> bool {
    let known = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, TE, TRAILER, UPGRADE, EXPECT];
    known.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

impl FromStr for EditedName {
    type Err = EditedNameError;

    fn from_str(text: &str) -> Result<Self, EditedNameError> {
        match HeaderName::from_bytes(text.as_bytes()) {
            Err(_) => Err(EditedNameError::NotAName { text: text.to_owned() }),
            Ok(HOST) => Err(EditedNameError::Host),
            Ok(name) if frames(&name) => Err(EditedNameError::Framing { name }),
            Ok(name) => Ok(Self(name)),
        }
    }
}

text!(EditedName, "the name of a header field", |it| it.0.as_str());

/// Value of a header field: visible ASCII characters, spaces and tabs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldValue(HeaderValue);

/// A text cannot be the value of a header field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be the value of a header field: use ASCII characters without line breaks")]
pub struct FieldValueError {
    /// The refused text.
    pub text: String,
}

impl FromStr for FieldValue {
    type Err = FieldValueError;

    fn from_str(text: &str) -> Result<Self, FieldValueError> {
        let refused = || FieldValueError { text: text.to_owned() };
        let value = Some(text.trim_ascii()).filter(|text| text.is_ascii()).ok_or_else(refused)?;
        HeaderValue::from_str(value).map(Self).map_err(|_| refused())
    }
}

text!(FieldValue, "the value of a header field", |it| String::from_utf8_lossy(it.0.as_bytes()));

impl From<HeaderValue> for FieldValue {
    fn from(value: HeaderValue) -> Self {
        Self(value)
    }
}

impl From<FieldValue> for HeaderValue {
    fn from(value: FieldValue) -> Self {
        value.0
    }
}

impl HeaderEdits {
    /// The changes that are the same for every request, in the order in which they are made.
    #[must_use]
    pub fn edits(&self) -> &[HeaderEdit] {
        &self.edits
    }

    /// The changes for one request. What it does not tell is taken away, so that nobody else can tell it.
    pub(crate) fn resolved(&self, head: &Parts) -> Cow<'_, [HeaderEdit]> {
        if self.told.is_empty() {
            return Cow::Borrowed(&self.edits);
        }
        let told = self.told.iter().map(|(name, told)| match told.of(head) {
            Some(value) => HeaderEdit::Set(name.clone(), value),
            None => HeaderEdit::Remove(name.clone()),
        });
        // What is set comes before what is added.
        let (before, added): (Vec<_>, Vec<_>) =
            self.edits.iter().cloned().partition(|edit| !matches!(edit, HeaderEdit::Add(..)));
        Cow::Owned(before.into_iter().chain(told).chain(added).collect())
    }
}

/// Makes changes; that they may be made was checked before.
///
/// A map that is full, far beyond what any message may carry, stays as it is rather than panic.
pub(crate) fn apply(edits: &[HeaderEdit], headers: &mut HeaderMap) {
    for edit in edits {
        match edit {
            HeaderEdit::Set(name, value) => drop(headers.try_insert(name, value.clone())),
            HeaderEdit::Add(name, value) => drop(headers.try_append(name, value.clone())),
            HeaderEdit::Remove(name) => drop(headers.remove(name)),
        }
    }
}

/// Changes of header fields: first `remove`, then `set`, then `add`. Fields that frame the message (`content-length`,
/// `transfer-encoding` and the like), belong to one connection, or name the host cannot be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HeaderEdits"))]
struct Document {
    /// Fields that get this one value, whatever they had. `{client-certificate.subject}`, `.issuer`, `.serial`,
    /// `.names`, `.fingerprint` and `.verified` stand for what the client's certificate says; without one the field is
    /// removed.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    set: Table<EditedName, SetValue>,
    /// Fields that get this value, or these values, beside those they have.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    add: Table<EditedName, Alternatives<FieldValue>>,
    /// Fields that are taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<EditedName>,
}

impl From<Document> for HeaderEdits {
    fn from(document: Document) -> Self {
        let remove = document.remove.iter().map(|name| HeaderEdit::Remove(name.0.clone()));
        let set = document.set.iter().filter_map(|(name, value)| match value {
            SetValue::Plain(value) => Some(HeaderEdit::Set(name.0.clone(), value.0.clone())),
            SetValue::Told(_) => None,
        });
        let told = document.set.iter().filter_map(|(name, value)| match value {
            SetValue::Plain(_) => None,
            SetValue::Told(told) => Some((name.0.clone(), told.clone())),
        });
        let told = told.collect();
        let add = document
            .add
            .iter()
            .flat_map(|(name, values)| values.iter().map(|value| HeaderEdit::Add(name.0.clone(), value.0.clone())));
        let edits = remove.chain(set).chain(add).collect();
        Self { document, edits, told }
    }
}

impl From<HeaderEdits> for Document {
    fn from(edits: HeaderEdits) -> Self {
        edits.document
    }
}

#[cfg(test)]
mod tests;
