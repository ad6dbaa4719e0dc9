//! What can go wrong, in the words of whoever configured or watches it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use rustls::PeerIncompatible;

/// Why a file with certificates or a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// It is a folder or a device.
    #[error("{} is not a file", path.display())]
    NoFile {
        /// What was named.
        path: PathBuf,
    },
    /// It is too long to be what it is said to be.
    #[error("{} is longer than 1 MiB", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is not PEM.
    #[error("{} is not a PEM file", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Where the text goes wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It holds no certificate.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// It holds no private key.
    #[error("{} holds no private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// It holds a key that is encrypted by a passphrase.
    #[error("the private key in {} is encrypted by a passphrase, and there is nobody to ask for it", path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// One of its certificates is not a certificate that can be used.
    #[error("certificate {position} in {} cannot be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        position: usize,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The key is of a kind that cannot be used.
    #[error("the private key in {} cannot be used", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The key is another certificate's.
    #[error("the private key in {} does not belong to the first certificate in {}", key.display(), chain.display())]
    Mismatch {
        /// File of the certificate.
        chain: PathBuf,
        /// File of the key.
        key: PathBuf,
    },
}

impl LoadError {
    /// The file that is to blame.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Read { path, .. }
            | Self::NoFile { path }
            | Self::TooLong { path }
            | Self::Pem { path, .. }
            | Self::NoCertificate { path }
            | Self::NoKey { path }
            | Self::EncryptedKey { path }
            | Self::Certificate { path, .. }
            | Self::Key { path, .. }
            | Self::Mismatch { key: path, .. } => path,
        }
    }
}

/// Why settings for TLS do not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsBuildError {
    /// A server has nothing to show.
    #[error("TLS needs at least one certificate")]
    NoCertificate,
    /// The certificates by which others are verified cannot be used.
    #[error("cannot verify by the given authorities")]
    Verifier {
        /// What is wrong with them.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The cryptography provider refused.
    #[error("cannot set up TLS")]
    Provider {
        /// Its reason.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The connection ended or failed meanwhile.
    #[error("the connection ended during the TLS handshake")]
    Closed {
        /// What the operating system says.
        source: io::Error,
    },
    /// The other side gave up, and said why.
    #[error("the other side ended the TLS handshake: {alert}")]
    Refused {
        /// What it said, as RFC 8446 section 6 names it.
        alert: String,
    },
    /// The other side's certificate is missing, or cannot be trusted.
    #[error("the other side's certificate was refused")]
    Certificate {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The two sides have no version, suite, key or protocol in common.
    #[error("nothing in common with the other side")]
    NothingInCommon {
        /// What is missing.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The other side does not speak TLS as it should.
    #[error("the other side broke the TLS protocol")]
    Protocol {
        /// How.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl HandshakeError {
    /// A word for metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "tls-closed",
            Self::Refused { .. } => "tls-refused",
            Self::Certificate { .. } => "tls-certificate",
            Self::NothingInCommon { .. } => "tls-nothing-in-common",
            Self::Protocol { .. } => "tls-protocol",
        }
    }
}

impl From<io::Error> for HandshakeError {
    /// Sorts what the handshake ended with.
    fn from(error: io::Error) -> Self {
        match error.downcast::<rustls::Error>() {
            Ok(error) => error.into(),
            Err(source) => Self::Closed { source },
        }
    }
}

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(_)
            | E::NoCertificatesPresented
            | E::UnsupportedNameType
            | E::InvalidCertRevocationList(_) => Self::Certificate { source: Box::new(error) },
            E::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon) => {
                Self::Certificate { source: Box::new(error) }
            }
            E::AlertReceived(alert) => Self::Refused { alert: format!("{alert:?}") },
            E::PeerIncompatible(_) | E::NoApplicationProtocol => Self::NothingInCommon { source: Box::new(error) },
            error => Self::Protocol { source: Box::new(error) },
        }
    }
}
