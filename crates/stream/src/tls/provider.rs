//! The one cryptography provider, handed to everything that needs it and installed nowhere.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// aws-lc-rs with the suites and groups that rustls deems modern: AEADs with forward secrecy only.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// SHA-256, by the provider that is here anyway.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
    if let Some(suite) = suite {
        digest.copy_from_slice(suite.common.hash_provider.hash(bytes).as_ref());
    }
    digest
}
