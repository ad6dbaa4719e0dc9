//! A handshake with a target.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::client::{ClientTls, TlsName};
use super::error::HandshakeError;
use super::facts::TlsFacts;
use super::provider::provider;
use super::session::TlsStream;
use crate::Stream;

impl ClientTls {
    /// Goes through the handshake with a target that has to be `name`. Nothing here ends it when the target stalls: the
    /// caller does.
    ///
    /// # Errors
    /// [`HandshakeError`], also when the target's certificate is not good for `name`.
    pub async fn connect(&self, stream: Stream, name: &TlsName) -> Result<Stream, HandshakeError> {
        let session = TlsConnector::from(self.config()).connect(name.to_server_name(), stream).await?;
        let facts = TlsFacts::new(session.get_ref().1, Some(name.to_string().into()), None);
        Ok(Stream::Tls(Box::new(TlsStream::new(session.into(), facts))))
    }
}

/// Takes every certificate, as long as whoever shows it has its key.
#[derive(Debug)]
pub(super) struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
