//! Which certificate did the client show?

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::alternatives::Alternatives;
use crate::client::ClientCertificate as Shown;
use crate::pattern::Pattern;
use crate::request::Request;
use crate::text::text;

/// What a client's verified certificate has to say. Everything that is given must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientCertificate(Document);

/// Why a condition on a client's certificate says nothing that could hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientCertificateError {
    /// It asks for nothing.
    #[error("this asks for nothing: use `present`, `subject`, `issuer`, `name` or `fingerprint`")]
    Empty,
    /// It asks for what an absent certificate says.
    #[error("a certificate that is not `present` says nothing: leave the other keys out")]
    Absent,
}

/// SHA-256 of a certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint(Box<str>);

/// A text is not the fingerprint of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a SHA-256 fingerprint: write 64 hexadecimal digits, with or without colons")]
pub struct FingerprintError {
    /// The refused text.
    pub text: String,
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.replace(':', "").to_ascii_lowercase();
        if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(digits.into()))
        } else {
            Err(FingerprintError { text: text.to_owned() })
        }
    }
}

text!(Fingerprint, "the SHA-256 fingerprint of a certificate", |it| &it.0);

impl Condition for ClientCertificate {
    fn holds(&self, request: &Request<'_>) -> bool {
        let Document { present, subject, issuer, name, fingerprint } = &self.0;
        let Some(shown) = Shown::of(&request.head.extensions) else { return *present == Some(false) };
        let says = |patterns: &Option<Alternatives<Pattern>>, text: &str| {
            patterns.as_ref().is_none_or(|patterns| patterns.any(|pattern| pattern.matches(text.as_bytes())))
        };
        *present != Some(false)
            && says(subject, &shown.subject)
            && says(issuer, &shown.issuer)
            && (name.is_none() || shown.names.iter().any(|shown| says(name, shown)))
            && fingerprint.as_ref().is_none_or(|wanted| wanted.any(|wanted| *wanted.0 == *shown.fingerprint))
    }
}

/// What a client's verified certificate has to say. Everything that is given must hold; without a certificate, nothing
/// but `present = false` does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ClientCertificate"))]
struct Document {
    /// Whether the client showed a certificate at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    present: Option<bool>,
    /// Patterns for the subject's distinguished name as RFC 4514 writes it, the most specific part first:
    /// `"CN=alice,O=Fjord,C=NO"`, `"*,O=Fjord,C=NO"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Alternatives<Pattern>>,
    /// Patterns for the issuer's distinguished name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<Alternatives<Pattern>>,
    /// Patterns of which one of the alternative names has to match one, each with its kind before it:
    /// `"dns:*.clients.example"`, `"email:alice@example.org"`, `"uri:spiffe://prod/*"`, `"ip:10.0.0.1"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Alternatives<Pattern>>,
    /// SHA-256 of the certificate: 64 hexadecimal digits, with or without colons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Alternatives<Fingerprint>>,
}

impl TryFrom<Document> for ClientCertificate {
    type Error = ClientCertificateError;

    fn try_from(document: Document) -> Result<Self, ClientCertificateError> {
        let others = Document { present: None, ..document.clone() };
        match document.present {
            None if others == Document::default() => Err(ClientCertificateError::Empty),
            Some(false) if others != Document::default() => Err(ClientCertificateError::Absent),
            _ => Ok(Self(document)),
        }
    }
}

impl From<ClientCertificate> for Document {
    fn from(condition: ClientCertificate) -> Self {
        condition.0
    }
}
