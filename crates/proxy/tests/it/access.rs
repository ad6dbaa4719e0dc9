//! Who may connect, and how many.

use equipoise_proxy::{GroupSettings, Networks};

use crate::support::{Origin, Running, Wire, group, listener};

#[tokio::test]
async fn a_connection_that_is_not_allowed_is_closed_without_a_word_and_counted() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.access.deny = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let running = Running::new(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    assert!(running.client().await.closed().await);
    let series = "equipoise_faults_total{listener=\"web\",reason=\"access-denied\"}";
    running.eventually(|running| running.metric(series) == 1.0).await;
}

#[tokio::test]
async fn connections_above_the_limit_are_told_to_come_back() {
    let origin = Origin::answering("hello").await;
    let mut listener = listener();
    listener.limits.connections = 2;
    let running = Running::new(listener, [group("g", &[origin.address], GroupSettings::default())]).await;
    let mut kept = [running.client().await, running.client().await];
    for client in &mut kept {
        client.get("/").await;
    }
    let mut third = running.client().await;
    let response = third.message().await.unwrap();
    assert_eq!((response.status(), response.field("retry-after")), (503, "1"));
    assert!(third.closed().await);
    drop(kept);
    running.eventually(|running| running.metric("equipoise_connections_active{listener=\"web\"}") == 0.0).await;
    assert_eq!(running.client().await.get("/").await.text(), "hello");
}

#[tokio::test]
async fn rules_see_the_client_behind_a_trusted_proxy() {
    let text = "default = { respond = { status = 403 } }
        [[rule]]
        priority = 1
        when = { source = '192.0.2.0/24' }
        then = { respond = { status = 200, body = 'known' } }";
    for (trusted, status) in [(true, 200), (false, 403)] {
        let mut listener = crate::support::listener_with(text);
        if trusted {
            listener.trusted_proxies = Networks::new(vec!["127.0.0.1/32".parse().unwrap()]);
        }
        let running = Running::new(listener, []).await;
        let mut client = Wire::connect(running.address).await;
        let response = client.ask("GET / HTTP/1.1\r\nhost: t\r\nx-forwarded-for: 192.0.2.7\r\n\r\n").await;
        assert_eq!(response.status(), status);
    }
}
