//! A certification authority, and what it issues, in files.

use std::path::PathBuf;

use equipoise_stream::tls::{Authorities, Certificate, ClientTls, ClientTlsSettings, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use tempfile::TempDir;

pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: TempDir,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, folder: TempDir::new().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn authorities(&self) -> Authorities {
        Authorities::load(&self.file("ca.pem", &self.pem)).unwrap()
    }

    /// A certificate for `names` with a new key.
    pub(crate) fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_with(names, &PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn issue_rsa(&self, names: &[&str]) -> Certificate {
        self.issue_with(names, &PKCS_RSA_SHA256)
    }

    fn issue_with(&self, names: &[&str], algorithm: &'static SignatureAlgorithm) -> Certificate {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Certificate::load(&self.file("chain.pem", &pem), &self.file("key.pem", &key.serialize_pem())).unwrap()
    }

    /// A client that trusts this authority and offers these protocols.
    pub(crate) fn client(&self, identity: Option<Certificate>, alpn: &[&str]) -> ClientTls {
        let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        ClientTls::new(ClientTlsSettings { trust: Trust::Authorities(self.authorities()), identity, alpn }).unwrap()
    }
}
