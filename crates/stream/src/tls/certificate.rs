//! A certificate that we can show: the chain, its key, and what stands in it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::error::LoadError;
use super::names::Names;
use super::pem;
use super::provider::{provider, sha256};

/// A certificate chain with its private key. Cheap to clone; two are equal when their chains are.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    key: Arc<CertifiedKey>,
    names: Names,
    /// Seconds since 1970.
    expires: i64,
    fingerprint: [u8; 32],
}

/// The kind of a private key, as far as it matters for who can verify its signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyType {
    /// Signs fastest.
    Ecdsa,
    /// Signs about as fast, but few clients can verify it.
    Ed25519,
    /// Everybody can verify it; it takes twenty times as long to sign.
    Rsa,
}

impl KeyType {
    /// The kind in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }
}

impl Certificate {
    /// Reads a chain (the own certificate first) and its key from PEM files.
    ///
    /// # Errors
    /// [`LoadError`] names the file and what is wrong with it.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, LoadError> {
        let certificates = pem::certificates(chain)?;
        let private = pem::private_key(key)?;
        let signer = provider()
            .key_provider
            .load_private_key(private)
            .map_err(|error| LoadError::Key { path: key.into(), source: Box::new(error) })?;
        let unusable = |position, source| LoadError::Certificate { path: chain.into(), position, source };
        for (index, certificate) in certificates.iter().enumerate().skip(1) {
            X509Certificate::from_der(certificate).map_err(|error| unusable(index + 1, Box::new(error)))?;
        }
        let (names, expires) = look_into(&certificates[0]).map_err(|error| unusable(1, Box::new(error)))?;
        let fingerprint = sha256(&certificates[0]);
        let key_and_chain = CertifiedKey::new(certificates, signer);
        match key_and_chain.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(LoadError::Mismatch { chain: chain.into(), key: key.into() });
            }
            Err(error) => return Err(unusable(1, Box::new(error))),
        }
        Ok(Self(Arc::new(Inner { key: Arc::new(key_and_chain), names, expires, fingerprint })))
    }

    /// Every name that it is good for, wildcards as `*.example.org`.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let names = &self.0.names;
        names.exact.iter().map(ToString::to_string).chain(names.wildcard.iter().map(|name| format!("*.{name}")))
    }

    /// Whether it is good for `host`: a name in lower case or an address, without port.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.0.names.cover(host)
    }

    /// When it ends to be valid.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        let seconds = Duration::from_secs(self.0.expires.unsigned_abs());
        if self.0.expires < 0 { UNIX_EPOCH - seconds } else { UNIX_EPOCH + seconds }
    }

    /// SHA-256 of the own certificate.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }

    /// The kind of its key.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        match self.0.key.key.algorithm() {
            SignatureAlgorithm::RSA => KeyType::Rsa,
            SignatureAlgorithm::ED25519 => KeyType::Ed25519,
            _ => KeyType::Ecdsa,
        }
    }

    pub(super) fn own_names(&self) -> &Names {
        &self.0.names
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.0.key
    }

    /// Whether a client that can verify `schemes` can verify what the key signs.
    pub(super) fn suits(&self, schemes: &[SignatureScheme]) -> bool {
        self.0.key.key.choose_scheme(schemes).is_some()
    }

    fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.key.cert
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.chain() == other.chain()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("names", &self.0.names).finish_non_exhaustive()
    }
}

/// Names, and the end of its time in seconds since 1970.
fn look_into(certificate: &CertificateDer<'_>) -> Result<(Names, i64), x509_parser::error::X509Error> {
    let (_, parsed) = X509Certificate::from_der(certificate)?;
    let listed = parsed.subject_alternative_name()?;
    let names = listed.map(|listed| Names::of(&listed.value.general_names)).unwrap_or_default();
    Ok((names, parsed.validity().not_after.timestamp()))
}
