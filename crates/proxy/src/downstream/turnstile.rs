//! One TLS handshake after the other, with everybody else in between.

use std::cell::Cell;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Handshakes that may wait in one worker. They take a quarter of a millisecond (ECDSA) to one (RSA), so what is farther
/// behind would wait for about as long as clients are willing to.
const LONGEST_QUEUE: usize = 1024;

/// Where handshakes wait for their expensive turn, in which the server signs. They are let through one by one, and
/// between two of them every request that is ready gets its turn: a flood of handshakes makes handshakes slow, and
/// nothing else.
#[derive(Debug)]
pub(crate) struct Turnstile {
    gate: Semaphore,
    waiting: Cell<usize>,
}

impl Turnstile {
    pub(crate) fn new() -> Self {
        Self { gate: Semaphore::new(1), waiting: Cell::new(0) }
    }

    /// Waits for a turn, which ends when what is returned is dropped. `None` when too many wait already.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if self.waiting.get() >= LONGEST_QUEUE {
            return None;
        }
        let _waiting = Waiting::new(&self.waiting);
        let turn = self.gate.acquire().await.ok()?; // it is never closed
        // Comes back when everything that was ready has run and the sockets were looked at.
        tokio::task::yield_now().await;
        Some(turn)
    }
}

/// Counts whoever waits, for as long as he does.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn in_each_round_one_handshake_and_everybody_else_has_a_turn() {
        // As the workers have it.
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(tokio::runtime::LocalOptions::default()).unwrap();
        let (turnstile, order) = (Rc::new(Turnstile::new()), Rc::new(RefCell::new(String::new())));
        for _ in 0..50 {
            let (turnstile, order) = (Rc::clone(&turnstile), Rc::clone(&order));
            runtime.spawn_local(async move {
                let _turn = turnstile.turn().await;
                order.borrow_mut().push('h');
            });
        }
        let others = Rc::clone(&order);
        let all = runtime.spawn_local(async move {
            while others.borrow().matches('h').count() < 50 {
                others.borrow_mut().push('r');
                tokio::task::yield_now().await;
            }
        });
        runtime.block_on(all).unwrap();
        let order = order.borrow();
        // Within a round the order is open, so two of neighbouring rounds may meet.
        assert!(order.matches('h').count() == 50 && !order.contains("hhh"), "{order}");
        assert!(order.matches('r').count() >= 50, "{order}");
    }

    #[tokio::test]
    async fn whoever_comes_when_the_queue_is_full_is_sent_away_and_who_leaves_makes_room() {
        let turnstile = Turnstile::new();
        let first = turnstile.turn().await;
        assert!(first.is_some());
        let mut waiting = Vec::new();
        for _ in 0..LONGEST_QUEUE {
            let mut turn = Box::pin(turnstile.turn());
            assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(turn.as_mut().poll(cx).is_pending())).await);
            waiting.push(turn);
        }
        assert!(turnstile.turn().await.is_none());
        waiting.pop();
        let mut turn = Box::pin(turnstile.turn());
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(turn.as_mut().poll(cx).is_pending())).await);
        drop((first, waiting));
        assert!(turn.await.is_some());
    }
}
