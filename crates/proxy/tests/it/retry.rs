//! What is tried again, and what must not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_proxy::{GroupSettings, Retry, RetryOn};

use crate::support::{Origin, Running, Wire, answer, get, group, listener};

/// A target that reads requests and closes without an answer.
async fn closing(seen: &Arc<AtomicUsize>) -> Origin {
    let seen = Arc::clone(seen);
    Origin::new(move |mut wire, _| {
        let seen = Arc::clone(&seen);
        async move {
            if wire.message().await.is_some() {
                seen.fetch_add(1, SeqCst);
            }
        }
    })
    .await
}

fn settings(attempts: u8, budget_minimum: u32) -> GroupSettings {
    let retry = Retry { attempts, budget_percent: 0, budget_minimum, statuses: vec![503], ..Retry::default() };
    GroupSettings { retry, ..GroupSettings::default() }
}

const RETRIES: &str = "equipoise_retries_total{group=\"g\"}";

#[tokio::test]
async fn a_refused_connection_is_tried_on_another_target_whatever_the_method() {
    let origin = Origin::answering("alive").await;
    let running = Running::before(&[Origin::gone().await, origin.address]).await;
    for method in ["GET", "POST"] {
        for _ in 0..2 {
            let mut client = running.client().await;
            let request = format!("{method} / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody");
            assert_eq!(client.ask(&request).await.text(), "alive", "{method}");
        }
    }
    assert!(running.metric(RETRIES) >= 2.0);
    assert!(running.metric("equipoise_upstream_connect_failures_total{group=\"g\"}") >= 2.0);
}

#[tokio::test]
async fn an_idempotent_request_is_tried_on_a_target_that_was_not_tried() {
    let seen = Arc::default();
    let (first, second) = (closing(&seen).await, closing(&seen).await);
    let origin = Origin::answering("alive").await;
    let running = Running::before(&[first.address, second.address, origin.address]).await;
    let response = get(running.address, "/").await;
    assert_eq!(response.text(), "alive");
    assert_eq!((first.connections(), second.connections(), origin.connections()), (1, 1, 1));
    assert_eq!(running.in_flight(0) + running.in_flight(1) + running.in_flight(2), 0);
}

#[tokio::test]
async fn when_every_target_failed_the_last_failure_is_told() {
    let running = Running::before(&[Origin::gone().await, Origin::gone().await]).await;
    let response = get(running.address, "/").await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.field("proxy-status"), "equipoise; error=connection_refused; details=\"connect-failed\"");
    assert_eq!(response.text(), "502 Bad Gateway: connect-failed\n");
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_sent_again() {
    for request in [
        "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody",
        "POST / HTTP/1.1\r\nhost: t\r\n\r\n",
        "PUT / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody",
    ] {
        let seen = Arc::default();
        let (first, second) = (closing(&seen).await, closing(&seen).await);
        let running = Running::before(&[first.address, second.address]).await;
        let response = running.client().await.ask(request).await;
        assert_eq!(response.status(), 502, "{request}");
        assert!(response.field("proxy-status").contains("connection_terminated"));
        assert_eq!(seen.load(SeqCst), 1, "{request}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_waited_costs_nobody_anything() {
    let origin = Origin::new(|mut wire, _| async move {
        // One answer, then closed, without a word about it.
        wire.message().await.unwrap();
        wire.write(answer("hello")).await;
    })
    .await;
    let settings = GroupSettings { retry: Retry { attempts: 0, ..Retry::default() }, ..GroupSettings::default() };
    let running = Running::single(listener(), [group("g", &[origin.address], settings)]).await;
    let mut client = running.client().await;
    for _ in 0..50 {
        let response = client.ask("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody").await;
        assert_eq!(response.status(), 200, "{}", response.head);
    }
    assert_eq!(running.metric(RETRIES), 0.0);
}

#[tokio::test]
async fn the_only_target_is_tried_anew_when_a_waiting_connection_ended() {
    let origin = Origin::new(|mut wire, number| async move {
        wire.message().await.unwrap();
        wire.write(answer("hello")).await;
        // The second request on the first connection arrives, and the target dies with it.
        if wire.message().await.is_some() && number > 0 {
            wire.write(answer("again")).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/").await.text(), "hello");
    assert_eq!(client.get("/").await.text(), "hello");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_spent_budget_ends_retries() {
    let (origin, closing) = (Origin::answering("alive").await, closing(&Arc::default()).await);
    let running = Running::single(listener(), [group("g", &[closing.address, origin.address], settings(2, 0))]).await;
    let mut statuses = [get(running.address, "/").await.status(), get(running.address, "/").await.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502]);
    assert_eq!(running.metric("equipoise_retry_budget_exhausted_total{group=\"g\"}"), 1.0);
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_costs_the_budget_nothing() {
    let origin = Origin::answering("alive").await;
    let addresses = [Origin::gone().await, origin.address];
    let running = Running::single(listener(), [group("g", &addresses, settings(2, 0))]).await;
    for _ in 0..20 {
        assert_eq!(get(running.address, "/").await.status(), 200);
    }
    assert_eq!(running.metric("equipoise_retry_budget_exhausted_total{group=\"g\"}"), 0.0);
}

#[tokio::test]
async fn a_connection_that_ends_between_two_requests_costs_the_budget_nothing() {
    let fickle = Origin::new(|mut wire, _| async move {
        wire.message().await;
        wire.write(answer("fickle")).await;
        wire.message().await;
    })
    .await;
    let steady = Origin::answering("steady").await;
    let groups = [group("g", &[fickle.address, steady.address], settings(2, 0))];
    let running = Running::single(listener(), groups).await;
    let mut client = running.client().await;
    for _ in 0..40 {
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert!(fickle.connections() > 1, "the race was never run");
}

#[tokio::test]
async fn with_every_target_failing_the_load_stays_near_what_is_offered() {
    let seen: Arc<AtomicUsize> = Arc::default();
    let (first, second) = (closing(&seen).await, closing(&seen).await);
    let retry = Retry { budget_percent: 20, budget_minimum: 0, ..Retry::default() };
    let settings = GroupSettings { retry, ..GroupSettings::default() };
    let running = Running::single(listener(), [group("g", &[first.address, second.address], settings)]).await;
    let mut client = running.client().await;
    for _ in 0..200 {
        assert_eq!(client.get("/").await.status(), 502);
    }
    assert!(seen.load(SeqCst) <= 240, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_dies_and_comes_back_costs_no_idempotent_request() {
    let steady = Origin::answering("hello").await;
    let address = Origin::gone().await;
    let running = Running::new(listener(), [group("g", &[address, steady.address], GroupSettings::default())]).await;
    let clients = (0..8).map(|_| {
        let address = running.address;
        tokio::spawn(async move {
            let mut client = Wire::connect(address).await;
            for _ in 0..600 {
                assert_eq!(client.get("/").await.status(), 200);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    for _ in 0..5 {
        // A runtime of its own is all that the target has: with it go its sockets, whatever they are doing.
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        process.spawn(serve(address, Arc::clone(&served)));
        running
            .eventually(|_| served.load(SeqCst) > 50 || clients.iter().all(tokio::task::JoinHandle::is_finished))
            .await;
        process.shutdown_background();
    }
    for client in clients {
        client.await.expect("no request was lost");
    }
}

async fn serve(address: std::net::SocketAddr, served: Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let served = Arc::clone(&served);
        tokio::spawn(async move {
            let mut wire = Wire::from(stream);
            while wire.message().await.is_some() {
                served.fetch_add(1, SeqCst);
                wire.write(answer("hello")).await;
            }
        });
    }
}

#[tokio::test]
async fn a_status_counts_as_a_failure_only_when_it_is_listed() {
    let busy = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            wire.write("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy").await;
        }
    })
    .await;
    let origin = Origin::answering("alive").await;
    let addresses = [busy.address, origin.address];
    let running = Running::single(listener(), [group("g", &addresses, settings(1, 100))]).await;
    for _ in 0..4 {
        assert_eq!(get(running.address, "/").await.text(), "alive");
    }
    let running = Running::before(&addresses).await;
    let mut texts = [get(running.address, "/").await, get(running.address, "/").await].map(|m| m.text().to_owned());
    texts.sort();
    assert_eq!(texts, ["alive", "busy"]);
}

/// A group whose retries are free of the budget's limits, so that only the conditions decide.
fn conditions(on: &[RetryOn]) -> Retry {
    Retry { attempts: 1, budget_minimum: 1000, on: on.to_vec(), ..Retry::default() }
}

/// How many of four requests to a failing target and a good one are answered well.
async fn answered(failing: &Origin, settings: GroupSettings, method: &str) -> usize {
    let origin = Origin::answering("alive").await;
    let running = Running::single(listener(), [group("g", &[failing.address, origin.address], settings)]).await;
    let mut well = 0;
    for _ in 0..4 {
        let request = format!("{method} / HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n");
        well += usize::from(running.client().await.ask(&request).await.status() == 200);
    }
    well
}

fn with(retry: Retry) -> GroupSettings {
    let mut settings = GroupSettings { retry, ..GroupSettings::default() };
    settings.timeouts.first_byte = Duration::from_millis(500);
    settings
}

/// A target that reads a request, says `bytes`, and then nothing.
async fn saying(bytes: &'static str) -> Origin {
    Origin::new(move |mut wire, _| async move {
        wire.message().await;
        wire.write(bytes).await;
        wire.closed().await;
    })
    .await
}

#[tokio::test]
async fn each_condition_is_tried_again_when_it_is_named_and_only_then() {
    use RetryOn::{BadResponse, Reset, Timeout};
    let (silent, odd, closing) = (saying("").await, saying("no HTTP\r\n\r\n").await, closing(&Arc::default()).await);
    for (failing, condition) in [(&silent, Timeout), (&odd, BadResponse), (&closing, Reset)] {
        assert_eq!(answered(failing, with(conditions(&[condition])), "GET").await, 4, "{condition:?}");
        let others: Vec<_> = [BadResponse, Reset, Timeout].into_iter().filter(|other| *other != condition).collect();
        assert_eq!(answered(failing, with(conditions(&others)), "GET").await, 2, "without {condition:?}");
    }
    let gone = Origin::gone().await;
    let origin = Origin::answering("alive").await;
    let running = Running::single(listener(), [group("g", &[gone, origin.address], with(conditions(&[Reset])))]).await;
    let mut statuses = [get(running.address, "/").await.status(), get(running.address, "/").await.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502], "connections that cannot be made are a condition too");
}

#[tokio::test]
async fn what_is_not_idempotent_is_tried_again_only_when_that_is_asked_for() {
    let closing = closing(&Arc::default()).await;
    assert_eq!(answered(&closing, with(conditions(&[RetryOn::Reset])), "POST").await, 2);
    let retry = Retry { non_idempotent: true, ..conditions(&[RetryOn::Reset]) };
    assert_eq!(answered(&closing, with(retry), "POST").await, 4);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_followed_by_another() {
    let silent = saying("").await;
    let mut settings = with(conditions(&[]));
    settings.timeouts.first_byte = Duration::from_secs(10);
    settings.timeouts.per_try = Some(Duration::from_millis(500));
    assert_eq!(answered(&silent, settings.clone(), "GET").await, 4);
    // Nobody else to ask: the client learns why.
    let running = Running::single(listener(), [group("g", &[silent.address], settings)]).await;
    let response = get(running.address, "/").await;
    assert_eq!(response.status(), 504);
    assert!(response.text().ends_with("per-try-timeout\n"), "{}", response.text());
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"per-try-timeout\"}"), 1.0);
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_client_that_sends_slowly_is_not_held_against_the_attempt() {
    // It answers a while after the last part, longer than the sweep takes to look.
    let origin = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            wire.write(answer("alive")).await;
        }
    })
    .await;
    let mut settings = with(conditions(&[]));
    settings.timeouts.first_byte = Duration::from_secs(10);
    settings.timeouts.per_try = Some(Duration::from_millis(300));
    let running = Running::single(listener(), [group("g", &[origin.address], settings)]).await;
    let mut client = running.client().await;
    client.write("PUT / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nh").await;
    for part in ["a", "l", "f"] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        client.write(part).await;
    }
    assert_eq!(client.message().await.unwrap().status(), 200);
}

#[tokio::test]
async fn retries_that_cost_something_wait_a_little() {
    let closing = closing(&Arc::default()).await;
    let origin = Origin::answering("alive").await;
    let wait = Duration::from_millis(400);
    let retry = Retry { backoff: wait, max_backoff: wait, ..conditions(&[RetryOn::Reset]) };
    let running = Running::single(listener(), [group("g", &[closing.address, origin.address], with(retry))]).await;
    let started = std::time::Instant::now();
    for _ in 0..8 {
        assert_eq!(get(running.address, "/").await.status(), 200);
    }
    // Four retries at least, each of which waits for a random part of it: together surely more than a tenth of one.
    assert!(started.elapsed() > wait / 10, "{:?}", started.elapsed());
    assert!(running.metric(RETRIES) >= 4.0);
}

/// Many workers and clients, every target failing: what reaches the targets is measured.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_target_failing_the_load_stays_within_a_fifth_of_what_is_offered_over_all_workers() {
    let seen: Arc<AtomicUsize> = Arc::default();
    let (first, second) = (closing(&seen).await, closing(&seen).await);
    let retry = Retry { budget_percent: 20, budget_minimum: 0, backoff: Duration::ZERO, ..Retry::default() };
    let settings = GroupSettings { retry, ..GroupSettings::default() };
    let groups = [group("g", &[first.address, second.address], settings)];
    let running = Running::start(4, equipoise_proxy::Generation::new(vec![listener()], groups)).await;
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let address = running.address;
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(get(address, "/").await.status(), 502);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let (seen, offered) = (seen.load(SeqCst), 800);
    assert!(seen <= offered * 12 / 10, "{seen} attempts for {offered} requests");
    assert!(seen > offered * 11 / 10, "{seen}: the budget was not used");
}
