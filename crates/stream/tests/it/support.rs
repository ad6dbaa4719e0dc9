//! A certification authority, certificates of it in files, and both ends of a connection.

use std::path::PathBuf;
use std::sync::Arc;

use equipoise_stream::Stream;
use equipoise_stream::tls::{
    Arrival, Authorities, Certificate, ClientTls, ClientTlsSettings, HandshakeError, ServerTls, ServerTlsSettings,
    TlsVersion, Trust, read_hello,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

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

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.file("ca.pem", &self.pem)
    }

    pub(crate) fn authorities(&self) -> Authorities {
        Authorities::load(&self.ca_file()).unwrap()
    }

    /// Files of a certificate for `names`: chain and key.
    pub(crate) fn issue(&self, names: &[&str], algorithm: &'static SignatureAlgorithm) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let stem = format!("{}-{}", names[0].replace('*', "star"), key.public_key_pem().len());
        (self.file(&format!("{stem}.pem"), &pem), self.file(&format!("{stem}.key"), &key.serialize_pem()))
    }

    pub(crate) fn ecdsa(&self, names: &[&str]) -> Certificate {
        let (chain, key) = self.issue(names, &PKCS_ECDSA_P256_SHA256);
        Certificate::load(&chain, &key).unwrap()
    }

    pub(crate) fn rsa(&self, names: &[&str]) -> Certificate {
        let (chain, key) = self.issue(names, &PKCS_RSA_SHA256);
        Certificate::load(&chain, &key).unwrap()
    }

    pub(crate) fn client(&self, identity: Option<Certificate>) -> ClientTls {
        let trust = Trust::Authorities(self.authorities());
        ClientTls::new(ClientTlsSettings { trust, identity, alpn: Vec::new() }).unwrap()
    }
}

pub(crate) fn settings(certificates: Vec<Certificate>) -> ServerTlsSettings {
    ServerTlsSettings { certificates, client_auth: None, alpn: Vec::new(), min_version: TlsVersion::Tls12 }
}

pub(crate) fn server(certificates: Vec<Certificate>) -> Arc<ServerTls> {
    Arc::new(ServerTls::new(settings(certificates), None).unwrap())
}

/// Two ends of one connection.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

pub(crate) async fn accept(server: &ServerTls, stream: TcpStream) -> Result<Stream, HandshakeError> {
    let mut stream = Stream::from(stream);
    match read_hello(&mut stream, bytes::BytesMut::new()).await? {
        Arrival::Hello(hello) => server.accept(stream, hello).await.map_err(|(error, _)| error),
        other => panic!("{other:?}"),
    }
}

/// Both ends after a handshake with `name`: the client's and the server's.
pub(crate) async fn shake(
    client: &ClientTls,
    server: &ServerTls,
    name: &str,
) -> (Result<Stream, HandshakeError>, Result<Stream, HandshakeError>) {
    let (near, far) = pair().await;
    let name = name.parse().unwrap();
    tokio::join!(client.connect(near.into(), &name), accept(server, far))
}
