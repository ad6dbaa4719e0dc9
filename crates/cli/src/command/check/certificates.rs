//! Can the certificates be used that the configuration names, and how long still?

use std::error::Error;
use std::time::{Duration, SystemTime};

use equipoise_config::{CertificateFiles, Code, Config, Report};
use equipoise_stream::tls::{Authorities, Certificate, LoadError};

/// How long before its end a certificate is worth a word.
const SOON: Duration = Duration::from_secs(14 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Adds what is wrong with the files of certificates.
pub(crate) fn look_at_all(config: &Config, report: &mut Report) {
    for listener in &config.listeners {
        let Some(tls) = &listener.tls else { continue };
        for (index, files) in tls.certificates.iter().enumerate() {
            let index = format!("[{index}]");
            look_at(files, &["listener", listener.name.as_str(), "tls", "certificates", &index], report);
        }
        if let Some(auth) = &tls.client_auth
            && let Err(error) = Authorities::load(&auth.ca)
        {
            let key = ["listener", listener.name.as_str(), "tls", "client-auth", "ca"];
            report.add(Code::BadCertificate, &key, chain(&error), help(&error));
        }
    }
    for group in &config.target_groups {
        let Some(tls) = &group.way.tls else { continue };
        let path = |key| ["target-group", group.name.as_str(), "tls", key];
        if let Some(files) = &tls.client_certificate {
            look_at(files, &path("client-certificate"), report);
        }
        if let Some(Err(error)) = tls.ca.as_deref().map(Authorities::load) {
            report.add(Code::BadCertificate, &path("ca"), chain(&error), help(&error));
        }
    }
}

fn look_at(files: &CertificateFiles, path: &[&str], report: &mut Report) {
    match Certificate::load(&files.chain, &files.key) {
        Ok(certificate) => {
            #[expect(clippy::disallowed_methods, reason = "certificates end by the wall clock")]
            let now = SystemTime::now();
            if let Some(message) = ends_soon(&certificate, now) {
                let help = "renew it: a running balancer takes up the new files by itself";
                report.add_warning(Code::ExpiringCertificate, &[path, &["chain"]].concat(), message, help);
            }
        }
        Err(error) => {
            let key = if error.path() == files.key { "key" } else { "chain" };
            report.add(Code::BadCertificate, &[path, &[key]].concat(), chain(&error), help(&error));
        }
    }
}

fn ends_soon(certificate: &Certificate, now: SystemTime) -> Option<String> {
    let name = certificate.names().next().map(|name| format!(" for {name}")).unwrap_or_default();
    match certificate.expires().duration_since(now) {
        Err(_) => Some(format!("the certificate{name} has expired")),
        Ok(left) if left < SOON => Some(format!("the certificate{name} expires in {} days", left.as_secs() / DAY)),
        Ok(_) => None,
    }
}

fn help(error: &LoadError) -> &'static str {
    match error {
        LoadError::Read { .. } | LoadError::NoFile { .. } => {
            "the path is relative to the configuration file that names it, and the user that runs this has to be able to \
             read the file"
        }
        LoadError::EncryptedKey { .. } => "`openssl pkey -in FILE -out NEW` writes it without the passphrase",
        LoadError::Key { .. } => "make it ECDSA (P-256, P-384), Ed25519, or RSA of 2048 to 8192 bits",
        LoadError::Mismatch { .. } => "the chain begins with the certificate that the key was made for",
        _ => "name a PEM file: it holds lines such as `-----BEGIN CERTIFICATE-----`",
    }
}

/// The error with everything behind it.
fn chain(error: &LoadError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
