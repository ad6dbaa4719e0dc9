//! How tunnels end.

use std::time::Duration;

use equipoise_proxy::{Generation, GroupSettings, GroupTimeouts};

use super::{YES, opened, parrot};
use crate::support::{Running, group, group_name, listener};

fn fault(running: &Running, reason: &str) -> f64 {
    running.metric(&format!("equipoise_faults_total{{listener=\"web\",reason=\"{reason}\"}}"))
}

async fn with(timeouts: GroupTimeouts, addresses: &[std::net::SocketAddr]) -> Running {
    let settings = GroupSettings { timeouts, ..GroupSettings::default() };
    Running::single(listener(), [group("g", addresses, settings)]).await
}

#[tokio::test]
async fn a_tunnel_outlives_the_time_outs_of_requests() {
    let origin = parrot(YES).await;
    let moment = Duration::from_millis(50);
    let timeouts = GroupTimeouts { first_byte: moment, idle: moment, total: Some(moment * 4), ..Default::default() };
    let running = with(timeouts, &[origin.address]).await;
    let mut client = opened(&running).await;
    tokio::time::sleep(moment * 10).await; // what must not happen would have happened
    client.write("hello").await;
    assert_eq!(client.exactly(5).await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_ends() {
    let origin = parrot(YES).await;
    let timeouts = GroupTimeouts { stream_idle: Duration::from_millis(100), ..Default::default() };
    let running = with(timeouts, &[origin.address]).await;
    let mut client = opened(&running).await;
    assert!(client.closed().await);
    running.eventually(|running| fault(running, "tunnel-idle") == 1.0).await;
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_tunnel_ends_when_it_is_as_old_as_a_stream_may_be() {
    let origin = parrot(YES).await;
    let timeouts = GroupTimeouts { stream: Some(Duration::from_millis(200)), ..Default::default() };
    let running = with(timeouts, &[origin.address]).await;
    let mut client = opened(&running).await;
    let started = std::time::Instant::now();
    let mut passed = 0;
    loop {
        client.write_while_wanted(b"x").await;
        if client.exactly(1).await.is_none() {
            break;
        }
        passed += 1;
    }
    assert!(passed > 0 && started.elapsed() >= Duration::from_millis(150));
    running.eventually(|running| fault(running, "stream-timeout") == 1.0).await;
}

#[tokio::test]
async fn a_client_that_dies_takes_its_tunnel_with_it() {
    let origin = parrot(YES).await;
    let running = Running::before(&[origin.address]).await;
    let client = opened(&running).await;
    client.reset();
    running.eventually(|running| running.in_flight(0) == 0).await;
    running.eventually(|running| fault(running, "client-left") == 1.0).await;
}

#[tokio::test]
async fn a_target_that_dies_takes_its_tunnel_with_it() {
    let origin = crate::support::Origin::new(|mut wire, _| async move {
        wire.head().await.unwrap();
        wire.write(YES).await;
        wire.exactly(4).await.unwrap();
        wire.reset();
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = opened(&running).await;
    client.write("dead").await;
    assert!(client.closed().await);
    running.eventually(|running| running.in_flight(0) == 0).await;
    running.eventually(|running| fault(running, "target-closed") == 1.0).await;
}

#[tokio::test]
async fn a_reload_keeps_tunnels_even_of_a_group_that_is_gone() {
    let origin = parrot(YES).await;
    let running = Running::before(&[origin.address]).await;
    let mut client = opened(&running).await;
    running.plane.apply(Generation::new(vec![listener()], [])).await.unwrap();
    for _ in 0..3 {
        client.write("hello").await;
        assert_eq!(client.exactly(5).await.unwrap(), b"hello");
    }
    assert_eq!(running.metric("equipoise_connections_active{listener=\"web\"}"), 1.0);
}

#[tokio::test]
async fn a_drain_waits_for_tunnels_and_closes_them_at_its_deadline() {
    let origin = parrot(YES).await;
    let running = Running::before(&[origin.address]).await;
    let mut client = opened(&running).await;
    let plane = &running.plane;
    let draining = async { plane.drain(Duration::from_millis(300)).await };
    let talking = async {
        client.write("hello").await;
        assert_eq!(client.exactly(5).await.unwrap(), b"hello");
        assert!(client.closed().await);
    };
    let (clean, ()) = tokio::join!(draining, talking);
    assert!(!clean);
    running.eventually(|running| fault(running, "tunnel-cut") == 1.0).await;
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_target_that_left_loses_its_tunnels_at_the_end_of_its_delay() {
    let origin = parrot(YES).await;
    let running = Running::before(&[origin.address]).await;
    let mut client = opened(&running).await;
    running.plane.cut(&group_name("g"), origin.address.into());
    assert!(client.closed().await);
    running.eventually(|running| fault(running, "target-left") == 1.0).await;
}

#[tokio::test]
async fn a_side_that_takes_nothing_holds_the_other_back() {
    let (sender, mut total) = tokio::sync::mpsc::unbounded_channel();
    let origin = crate::support::Origin::new(move |mut wire, _| {
        let sender = sender.clone();
        async move {
            wire.head().await.unwrap();
            wire.write(YES).await;
            let written = wire.write_until_stuck().await;
            let _ = sender.send(written);
            wire.closed().await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let client = opened(&running).await;
    let written = crate::support::soon(total.recv()).await.unwrap();
    assert!(written < 32 << 20, "{written} bytes went nowhere");
    drop(client);
    running.eventually(|running| running.in_flight(0) == 0).await;
}
