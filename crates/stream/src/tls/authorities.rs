//! Certificates of those who may vouch for others.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::error::LoadError;
use super::pem;

/// Certification authorities from one file. Cheap to clone; two are equal when they hold the same certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(Arc<[CertificateDer<'static>]>);

impl Authorities {
    /// Reads a PEM file with one or more certificates.
    ///
    /// # Errors
    /// [`LoadError`] names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let certificates = pem::certificates(path)?;
        let mut store = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            store.add(certificate.clone()).map_err(|error| LoadError::Certificate {
                path: path.into(),
                position: index + 1,
                source: Box::new(error),
            })?;
        }
        Ok(Self(certificates.into()))
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        // Each was added to a store when it was loaded.
        store.add_parsable_certificates(self.0.iter().cloned());
        Arc::new(store)
    }
}
