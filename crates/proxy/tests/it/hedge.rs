//! A request that is not answered goes to another target too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_proxy::{GroupSettings, Hedge, Retry};

use crate::support::{Origin, Running, get, group, listener, soon};

const HEDGES: &str = "equipoise_hedges_total{group=\"g\"}";

/// A target that reads requests and never answers; it counts those whose connection was closed on it.
async fn silent(seen: &Arc<AtomicUsize>, closed: &Arc<AtomicUsize>) -> Origin {
    let parts = (Arc::clone(seen), Arc::clone(closed));
    Origin::new(move |mut wire, _| {
        let (seen, closed) = parts.clone();
        async move {
            if wire.message().await.is_some() {
                seen.fetch_add(1, SeqCst);
                closed.fetch_add(usize::from(wire.closed().await), SeqCst);
            }
        }
    })
    .await
}

fn settings(budget_minimum: u32) -> GroupSettings {
    let retry = Retry { budget_percent: 0, budget_minimum, ..Retry::default() };
    let hedge = Hedge { after: Duration::from_millis(30), attempts: 1 };
    GroupSettings { retry, hedge: Some(hedge), ..GroupSettings::default() }
}

#[tokio::test]
async fn the_first_answer_wins_and_the_loser_is_closed() {
    let (seen, closed) = (Arc::default(), Arc::default());
    let (slow, quick) = (silent(&seen, &closed).await, Origin::answering("quick").await);
    let running = Running::single(listener(), [group("g", &[slow.address, quick.address], settings(100))]).await;
    for _ in 0..6 {
        assert_eq!(get(running.address, "/").await.text(), "quick");
    }
    let hedged = seen.load(SeqCst);
    assert!(hedged >= 2, "{hedged}");
    assert_eq!(running.metric(HEDGES), hedged as f64);
    running.eventually(|_| closed.load(SeqCst) == hedged).await;
    running.eventually(|running| [0, 1].map(|position| running.in_flight(position)) == [0, 0]).await;
}

#[tokio::test]
async fn a_request_that_may_be_sent_only_once_is_not_hedged() {
    let (seen, closed) = (Arc::default(), Arc::default());
    let (one, two) = (silent(&seen, &closed).await, silent(&seen, &closed).await);
    let mut settings = settings(100);
    settings.timeouts.first_byte = Duration::from_millis(400);
    let running = Running::single(listener(), [group("g", &[one.address, two.address], settings)]).await;
    let mut client = running.client().await;
    for request in [
        "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n",
        "PUT / HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\nx",
    ] {
        assert_eq!(client.ask(request).await.status(), 504);
    }
    assert_eq!((seen.load(SeqCst), running.metric(HEDGES)), (2, 0.0));
}

#[tokio::test]
async fn a_hedge_is_paid_from_the_retry_budget() {
    let (seen, closed) = (Arc::default(), Arc::default());
    let (one, two) = (silent(&seen, &closed).await, silent(&seen, &closed).await);
    let mut settings = settings(0);
    settings.timeouts.first_byte = Duration::from_millis(400);
    let running = Running::single(listener(), [group("g", &[one.address, two.address], settings)]).await;
    assert_eq!(get(running.address, "/").await.status(), 504);
    assert_eq!(seen.load(SeqCst), 1);
    assert!(running.metric("equipoise_retry_budget_exhausted_total{group=\"g\"}") >= 1.0);
}

#[tokio::test]
async fn when_the_first_attempt_fails_the_hedge_goes_on() {
    let failing = Origin::new(|mut wire, _| async move {
        wire.message().await;
        tokio::time::sleep(Duration::from_millis(80)).await;
    })
    .await;
    let late = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            tokio::time::sleep(Duration::from_millis(150)).await;
            wire.write(crate::support::answer("late")).await;
        }
    })
    .await;
    let running = Running::single(listener(), [group("g", &[failing.address, late.address], settings(100))]).await;
    let mut client = running.client().await;
    for _ in 0..2 {
        assert_eq!(soon(client.get("/")).await.text(), "late");
    }
    running.eventually(|running| [0, 1].map(|position| running.in_flight(position)) == [0, 0]).await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_every_attempt() {
    let (seen, closed): (Arc<AtomicUsize>, Arc<AtomicUsize>) = (Arc::default(), Arc::default());
    let (one, two) = (silent(&seen, &closed).await, silent(&seen, &closed).await);
    let running = Running::single(listener(), [group("g", &[one.address, two.address], settings(100))]).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    running.eventually(|_| seen.load(SeqCst) == 2).await;
    drop(client);
    running.eventually(|_| closed.load(SeqCst) == 2).await;
    running.eventually(|running| [0, 1].map(|position| running.in_flight(position)) == [0, 0]).await;
}
