//! PEM files, read with a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::error::LoadError;

/// Longest file that is read: several hundred certificates.
const LONGEST: u64 = 1 << 20;

/// Every certificate in the file at `path`, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let bytes = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| LoadError::Pem { path: path.into(), source: Box::new(error) })?;
    if certificates.is_empty() {
        return Err(LoadError::NoCertificate { path: path.into() });
    }
    Ok(certificates)
}

/// The first private key in the file at `path`.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, LoadError> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(&bytes) => LoadError::EncryptedKey { path: path.into() },
        pem::Error::NoItemsFound => LoadError::NoKey { path: path.into() },
        error => LoadError::Pem { path: path.into(), source: Box::new(error) },
    })
}

fn is_encrypted(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(LoadError::NoFile { path: path.into() });
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(LoadError::TooLong { path: path.into() });
    }
    Ok(bytes)
}
