//! Targets whose requests fail are left alone for a while.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use equipoise_proxy::{Breaker, GroupSettings, Retry};
use equipoise_target::CircuitTerms;

use crate::support::{Origin, Running, answer, get, group, listener};

const OPENED: &str = "equipoise_circuits_opened_total{group=\"g\"}";

/// A target that answers with 500 while it is ill, and counts what it is asked.
struct Patient {
    origin: Origin,
    ill: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Patient {
    async fn new(ill: bool) -> Self {
        let (ill, asked) = (Arc::new(AtomicBool::new(ill)), Arc::new(AtomicUsize::new(0)));
        let parts = (Arc::clone(&ill), Arc::clone(&asked));
        let origin = Origin::new(move |mut wire, _| {
            let (ill, asked) = parts.clone();
            async move {
                while wire.message().await.is_some() {
                    asked.fetch_add(1, SeqCst);
                    if ill.load(SeqCst) {
                        wire.write("HTTP/1.1 500 Ill\r\ncontent-length: 0\r\n\r\n").await;
                    } else {
                        wire.write(answer("well")).await;
                    }
                }
            }
        })
        .await;
        Self { origin, ill, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

fn breaker(open_time: Duration) -> Breaker {
    let terms = CircuitTerms {
        consecutive_failures: NonZeroU32::new(3),
        failure_percent: None,
        window: Duration::from_secs(10),
        min_requests: 20,
        open_time,
        max_open_time: Duration::from_secs(60),
        probes: 1,
    };
    Breaker { terms, max_open_percent: 50, fail_open: true }
}

fn settings(breaker: Breaker) -> GroupSettings {
    let retry = Retry { attempts: 0, ..Retry::default() };
    GroupSettings { breaker: Some(breaker), retry, ..GroupSettings::default() }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_target_gets_no_more_requests_from_any_worker() {
    let (ill, well) = (Patient::new(true).await, Patient::new(false).await);
    let addresses = [ill.origin.address, well.origin.address];
    let running = Running::new(listener(), [group("g", &addresses, settings(breaker(LONG)))]).await;
    let mut failures = 0;
    for _ in 0..60 {
        failures += usize::from(get(running.address, "/").await.status() == 500);
    }
    assert_eq!((failures, ill.asked()), (3, 3));
    assert_eq!(running.metric(OPENED), 1.0);
    let series = format!("equipoise_target_circuit_open{{group=\"g\",target=\"{}\"}}", addresses[0]);
    assert_eq!(running.metric(&series), 1.0);
}

#[tokio::test]
async fn a_target_that_recovers_is_found_by_one_probe_and_gets_its_share_again() {
    let (patient, well) = (Patient::new(true).await, Patient::new(false).await);
    let addresses = [patient.origin.address, well.origin.address];
    let open_time = Duration::from_millis(100);
    let running = Running::single(listener(), [group("g", &addresses, settings(breaker(open_time)))]).await;
    while running.metric(OPENED) < 1.0 {
        get(running.address, "/").await;
    }
    patient.ill.store(false, SeqCst);
    let before = patient.asked();
    let mut tries = 0;
    while patient.asked() == before {
        assert_eq!(get(running.address, "/").await.status(), 200);
        tokio::time::sleep(Duration::from_millis(1)).await;
        tries += 1;
        assert!(tries < 5000, "never probed");
    }
    let before = patient.asked();
    for _ in 0..20 {
        assert_eq!(get(running.address, "/").await.status(), 200);
    }
    assert_eq!(patient.asked() - before, 10);
}

#[tokio::test]
async fn when_most_targets_fail_their_circuits_are_not_believed() {
    let patients = [Patient::new(true).await, Patient::new(true).await];
    let addresses = patients.each_ref().map(|patient| patient.origin.address);
    let running = Running::single(listener(), [group("g", &addresses, settings(breaker(LONG)))]).await;
    for _ in 0..40 {
        assert_eq!(get(running.address, "/").await.status(), 500);
    }
    assert_eq!(running.metric(OPENED), 2.0);
    let asked = patients.each_ref().map(Patient::asked);
    assert_eq!(asked.iter().sum::<usize>(), 40);
    assert!(asked.iter().all(|asked| *asked > 10), "{asked:?}");
}

#[tokio::test]
async fn a_group_that_does_not_fail_open_answers_at_once_while_all_circuits_are_open() {
    let patient = Patient::new(true).await;
    let closed = Breaker { fail_open: false, ..breaker(LONG) };
    let running = Running::single(listener(), [group("g", &[patient.origin.address], settings(closed))]).await;
    for _ in 0..3 {
        assert_eq!(get(running.address, "/").await.status(), 500);
    }
    let response = get(running.address, "/").await;
    assert_eq!((response.status(), response.field("retry-after")), (503, "1"));
    assert!(response.text().ends_with("circuit-open\n"), "{}", response.text());
    assert_eq!(patient.asked(), 3);
    assert_eq!(running.metric("equipoise_faults_total{listener=\"web\",reason=\"circuit-open\"}"), 1.0);
}

#[tokio::test]
async fn a_probe_whose_client_leaves_gives_its_place_to_the_next() {
    let (go, hold) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let parts = (Arc::clone(&go), Arc::clone(&hold));
    let origin = Origin::new(move |mut wire, _| {
        let (go, hold) = parts.clone();
        async move {
            while wire.message().await.is_some() {
                if hold.load(SeqCst) {
                    go.acquire().await.unwrap().forget();
                    wire.write(answer("well")).await;
                } else {
                    wire.write("HTTP/1.1 500 Ill\r\ncontent-length: 0\r\n\r\n").await;
                }
            }
        }
    })
    .await;
    let breaker = Breaker { fail_open: false, ..breaker(Duration::from_millis(50)) };
    let running = Running::single(listener(), [group("g", &[origin.address], settings(breaker))]).await;
    while running.metric(OPENED) < 1.0 {
        get(running.address, "/").await;
    }
    hold.store(true, SeqCst);
    let mut probe = running.client().await;
    probe.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    // Until it is time, the answer is 503; then this one is on its way.
    while tokio::time::timeout(Duration::from_millis(100), probe.message()).await.is_ok() {
        probe.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    }
    assert_eq!(get(running.address, "/").await.status(), 503, "one probe at a time");
    drop(probe);
    running.eventually(|running| running.in_flight(0) == 0).await;
    go.add_permits(9);
    assert_eq!(get(running.address, "/").await.status(), 200);
}
