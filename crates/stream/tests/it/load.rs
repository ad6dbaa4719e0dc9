//! Files that cannot be used, and what is said of them.

use std::error::Error;
use std::path::Path;

use equipoise_stream::tls::{Authorities, Certificate};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::support::Ca;

#[track_caller]
fn check(chain: &Path, key: &Path, want: &str) {
    let error = Certificate::load(chain, key).unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    assert!(text.contains(want), "{text:?} does not say {want:?}");
}

#[test]
fn each_problem_is_told_with_its_file() {
    let ca = Ca::new("ours");
    let (chain, key) = ca.issue(&["a.example"], &PKCS_ECDSA_P256_SHA256);
    let (_, other) = ca.issue(&["b.example"], &PKCS_ECDSA_P256_SHA256);
    let nowhere = chain.with_file_name("nowhere.pem");
    check(&nowhere, &key, "nowhere.pem: No such file");
    check(&chain, &nowhere, "cannot read");
    check(chain.parent().unwrap(), &key, "is not a file");
    check(&key, &key, "a.example-178.key holds no certificate");
    check(&chain, &chain, "holds no private key");
    check(&chain, &other, "does not belong to the first certificate in");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check(&chain, &ca.file("locked", locked), "encrypted by a passphrase");
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(&ca.file("junk", junk), &key, "certificate 1 in");
    check(&ca.file("cut", "-----BEGIN CERTIFICATE-----\nAAAA"), &key, "is not a PEM file");
    check(&ca.file("long", &"x".repeat(2 << 20)), &key, "longer than 1 MiB");
}

#[test]
fn names_and_the_end_of_its_time_are_read() {
    let ca = Ca::new("ours");
    let certificate = ca.ecdsa(&["a.example", "*.b.example", "192.0.2.1"]);
    assert_eq!(certificate.names().collect::<Vec<_>>(), ["a.example", "192.0.2.1", "*.b.example"]);
    // rcgen's certificates are good for a long time.
    let seconds = certificate.expires().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(seconds > 4_000_000_000);
}

#[test]
fn authorities_are_the_same_when_their_certificates_are() {
    let (ca, other) = (Ca::new("ours"), Ca::new("theirs"));
    assert_eq!(ca.authorities(), ca.authorities());
    assert_ne!(ca.authorities(), other.authorities());
    let (_, key) = ca.issue(&["a.example"], &PKCS_ECDSA_P256_SHA256);
    assert!(Authorities::load(&key).unwrap_err().to_string().contains("holds no certificate"));
}
