//! Certificates of clients.

use equipoise_stream::tls::{ClientAuth, ClientAuthMode, ServerTls};

use crate::support::{Ca, settings, shake};

fn asking(ca: &Ca, who: &Ca, mode: ClientAuthMode) -> ServerTls {
    let mut settings = settings(vec![ca.ecdsa(&["a.example"])]);
    settings.client_auth = Some(ClientAuth { authorities: who.authorities(), mode });
    ServerTls::new(settings, None).unwrap()
}

#[tokio::test]
async fn what_a_verified_certificate_says_is_known() {
    let (ca, people) = (Ca::new("ours"), Ca::new("people"));
    let server = asking(&ca, &people, ClientAuthMode::Required);
    let alice = people.ecdsa(&["alice.example"]);
    let (_, accepted) = shake(&ca.client(Some(alice.clone())), &server, "a.example").await;
    let accepted = accepted.unwrap();
    let client = accepted.tls().unwrap().client.as_ref().unwrap();
    let fingerprint: String = alice.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((client.subject.as_str(), client.issuer.as_str()), ("CN=alice.example", "CN=people"));
    assert_eq!(client.names, ["dns:alice.example"]);
    assert_eq!(client.fingerprint, fingerprint);
    assert!(!client.serial.is_empty());
}

#[tokio::test]
async fn a_client_may_go_without_only_where_that_is_said() {
    let (ca, people) = (Ca::new("ours"), Ca::new("people"));
    let optional = asking(&ca, &people, ClientAuthMode::Optional);
    let (_, accepted) = shake(&ca.client(None), &optional, "a.example").await;
    assert!(accepted.unwrap().tls().unwrap().client.is_none());
    let required = asking(&ca, &people, ClientAuthMode::Required);
    let (_, accepted) = shake(&ca.client(None), &required, "a.example").await;
    assert_eq!(accepted.unwrap_err().reason(), "tls-certificate");
}

#[tokio::test]
async fn a_strangers_certificate_is_refused_even_where_none_is_needed() {
    let (ca, people, strangers) = (Ca::new("ours"), Ca::new("people"), Ca::new("strangers"));
    let mallory = strangers.ecdsa(&["alice.example"]);
    for mode in [ClientAuthMode::Optional, ClientAuthMode::Required] {
        let server = asking(&ca, &people, mode);
        let (_, accepted) = shake(&ca.client(Some(mallory.clone())), &server, "a.example").await;
        assert_eq!(accepted.unwrap_err().reason(), "tls-certificate");
    }
}
