use std::pin::{Pin, pin};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::*;

fn is_ready<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn joined<const N: usize>(line: &Arc<Line>) -> [Ticket; N] {
    [(); N].map(|()| line.join(usize::MAX).unwrap())
}

fn is_called(ticket: &Ticket) -> bool {
    is_ready(pin!(ticket.called()))
}

#[test]
fn calls_come_in_the_order_of_arrival_and_one_at_a_time() {
    let line = Arc::default();
    let tickets = joined::<3>(&line);
    assert!(tickets.iter().all(|ticket| !is_called(ticket)));
    line.freed();
    line.freed();
    assert_eq!(tickets.each_ref().map(is_called), [true, true, false]);
    assert_eq!(tickets.each_ref().map(Ticket::is_first), [true, false, false]);
}

#[test]
fn a_line_is_bounded_and_a_place_that_is_given_up_is_free_at_once() {
    let line: Arc<Line> = Arc::default();
    let first = line.join(2).unwrap();
    let second = line.join(2).unwrap();
    assert!(line.join(2).is_none());
    drop(first);
    assert!(second.is_first());
    assert!(line.join(2).is_some());
    assert_eq!(line.len(), 1);
}

#[test]
fn who_leaves_after_being_called_passes_the_call_on() {
    let line = Arc::default();
    let [first, second, third] = joined(&line);
    line.freed();
    drop(first);
    assert!(is_called(&second));
    drop(second); // it looked: the call is spent
    assert!(!is_called(&third));
}

#[test]
fn who_cannot_use_a_place_stays_in_front_and_the_next_one_looks() {
    let line = Arc::default();
    let [first, second] = joined(&line);
    line.freed();
    assert!(is_called(&first));
    first.pass_on();
    assert!(is_called(&second));
    drop(second);
    line.freed();
    assert!(is_called(&first));
}

/// Threads that want one of three places: never are there more holders, and nobody waits for ever.
#[test]
fn no_call_is_lost_between_threads() {
    let (line, held): (Arc<Line>, Arc<AtomicUsize>) = (Arc::default(), Arc::default());
    let take = |held: &AtomicUsize| held.fetch_update(SeqCst, SeqCst, |held| (held < 3).then_some(held + 1)).is_ok();
    let threads: Vec<_> = (0..8)
        .map(|seed| {
            let (line, held) = (Arc::clone(&line), Arc::clone(&held));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                for round in 0..400 {
                    if !line.is_empty() || !take(&held) {
                        let ticket = line.join(usize::MAX).unwrap();
                        let waited = async {
                            let mut may_look = ticket.is_first();
                            while !(may_look && take(&held)) {
                                ticket.called().await;
                                may_look = true;
                            }
                        };
                        let limit = Duration::from_secs(20);
                        runtime.block_on(async { tokio::time::timeout(limit, waited).await.expect("a call was lost") });
                    }
                    assert!(held.load(Relaxed) <= 3);
                    if (round + seed) % 3 == 0 {
                        std::thread::yield_now();
                    }
                    held.fetch_sub(1, SeqCst);
                    line.freed();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!((line.len(), held.load(SeqCst)), (0, 0));
}
