//! Which certificate is shown to whom.

use std::sync::Arc;

use equipoise_stream::tls::{Certificate, KeyType, TlsFacts};

use crate::support::{Ca, server, shake};

async fn facts(ca: &Ca, server: &equipoise_stream::tls::ServerTls, name: &str) -> Arc<TlsFacts> {
    let (_, accepted) = shake(&ca.client(None), server, name).await;
    Arc::clone(accepted.unwrap().tls().unwrap())
}

#[tokio::test]
async fn the_exact_name_comes_before_the_wildcard_and_the_wildcard_before_the_default() {
    let ca = Ca::new("ours");
    let all = vec![ca.ecdsa(&["default.example"]), ca.ecdsa(&["*.a.example"]), ca.ecdsa(&["one.a.example"])];
    let server = server(all.clone());
    for (name, want) in [("one.a.example", &all[2]), ("two.a.example", &all[1]), ("default.example", &all[0])] {
        let facts = facts(&ca, &server, name).await;
        assert_eq!(facts.certificate.as_ref(), Some(want), "{name}");
        assert_eq!(facts.server_name.as_deref(), Some(name));
    }
    // The default is not good for this name, and the client says so.
    let (client, accepted) = shake(&ca.client(None), &server, "elsewhere.example").await;
    assert_eq!(client.unwrap_err().reason(), "tls-certificate");
    assert_eq!(accepted.unwrap_err().reason(), "tls-refused");
}

#[tokio::test]
async fn a_client_is_shown_the_key_that_it_can_verify_and_the_fastest_of_those() {
    let ca = Ca::new("ours");
    let (rsa, ecdsa) = (ca.rsa(&["a.example"]), ca.ecdsa(&["a.example"]));
    let both = server(vec![rsa.clone(), ecdsa]);
    let shown = facts(&ca, &both, "a.example").await;
    assert_eq!(shown.certificate.as_ref().map(Certificate::key_type), Some(KeyType::Ecdsa));
    let only = server(vec![rsa]);
    let shown = facts(&ca, &only, "a.example").await;
    assert_eq!(shown.certificate.as_ref().map(Certificate::key_type), Some(KeyType::Rsa));
}

#[tokio::test]
async fn a_connection_answers_for_the_name_that_was_asked_for_and_for_those_on_the_certificate() {
    let ca = Ca::new("ours");
    let server = server(vec![ca.ecdsa(&["a.example", "*.b.example"]), ca.ecdsa(&["c.example"])]);
    let shown = facts(&ca, &server, "a.example").await;
    assert!(shown.answers_for("a.example") && shown.answers_for("x.b.example"));
    assert!(!shown.answers_for("c.example") && !shown.answers_for("a.b.b.example"));
    let (_, accepted) = shake(&ca.client(None), &server, "127.0.0.1").await;
    assert!(accepted.is_err(), "an address is no name on the certificate");
}
