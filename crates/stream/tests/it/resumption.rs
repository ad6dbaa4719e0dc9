//! Sessions that are taken up again, and those that must not be.

use equipoise_stream::Stream;
use equipoise_stream::tls::{ClientAuth, ClientAuthMode, ClientTls, ServerTls, ServerTlsSettings, TlsVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Ca, settings, shake};

/// Whether a connection took up an earlier session. Says something both ways, since tickets come with the first answer.
async fn resumes(client: &ClientTls, server: &ServerTls) -> bool {
    let (near, far) = shake(client, server, "a.example").await;
    let (mut near, mut far): (Stream, Stream) = (near.unwrap(), far.unwrap());
    let mut byte = [0];
    far.write_all(b"x").await.unwrap();
    far.flush().await.unwrap();
    near.read_exact(&mut byte).await.unwrap();
    far.tls().unwrap().resumed
}

fn built(settings: &ServerTlsSettings, earlier: Option<&ServerTls>) -> ServerTls {
    ServerTls::new(settings.clone(), earlier).unwrap()
}

#[tokio::test]
async fn a_session_is_taken_up_again_by_the_same_listener_before_and_after_a_reload() {
    let ca = Ca::new("ours");
    let settings = settings(vec![ca.ecdsa(&["a.example"])]);
    let (first, client) = (built(&settings, None), ca.client(None));
    assert!(!resumes(&client, &first).await);
    assert!(resumes(&client, &first).await);
    let mut changed = settings.clone();
    changed.certificates = vec![ca.ecdsa(&["a.example"])];
    changed.min_version = TlsVersion::Tls13;
    assert!(resumes(&client, &built(&changed, Some(&first))).await);
    assert!(!resumes(&client, &built(&settings, None)).await, "another listener has other keys");
}

#[tokio::test]
async fn a_session_never_crosses_into_another_client_certificate_domain() {
    let (ca, people, others) = (Ca::new("ours"), Ca::new("people"), Ca::new("others"));
    let alice = people.ecdsa(&["alice.example"]);
    let client = ca.client(Some(alice));
    let mut settings = settings(vec![ca.ecdsa(&["a.example"])]);
    let auth = |who: &Ca, mode| Some(ClientAuth { authorities: who.authorities(), mode });
    settings.client_auth = auth(&people, ClientAuthMode::Required);
    let first = built(&settings, None);
    assert!(!resumes(&client, &first).await);
    assert!(resumes(&client, &first).await);
    assert!(resumes(&client, &built(&settings, Some(&first))).await, "nothing changed");
    settings.client_auth = auth(&people, ClientAuthMode::Optional);
    assert!(!resumes(&client, &built(&settings, Some(&first))).await, "another mode");
    settings.client_auth = auth(&others, ClientAuthMode::Required);
    let (_, accepted) = shake(&client, &built(&settings, Some(&first)), "a.example").await;
    assert_eq!(accepted.unwrap_err().reason(), "tls-certificate", "another authority");
}
