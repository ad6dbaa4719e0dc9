//! When every place is taken, the connection that has kept the address waiting longest gives its own up.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;
use hyper::service::Service;
use tokio::sync::Notify;

/// The place of one connection.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// Requests that are being answered; without one, it is the caller that is waited for.
    answering: AtomicUsize,
    leave: Notify,
}

impl Seat {
    /// Completes when the place is needed by another.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }
}

/// All places that are taken, in the order in which they were.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<VecDeque<Arc<Seat>>>);

impl Seats {
    pub(super) fn take(&self) -> Arc<Seat> {
        let seat = Arc::<Seat>::default();
        self.lock().push_back(Arc::clone(&seat));
        seat
    }

    pub(super) fn give_back(&self, seat: &Arc<Seat>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, seat));
    }

    /// Asks the one that waits longest to leave; nobody when all are being answered.
    pub(super) fn make_room(&self) {
        let mut seats = self.lock();
        let waiting = seats.iter().position(|seat| seat.answering.load(Relaxed) == 0);
        if let Some(seat) = waiting.and_then(|position| seats.remove(position)) {
            seat.leave.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Seat>>> {
        // Every change of the list is one call that cannot panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service that notes on the seat of its connection when it is answering.
#[derive(Debug, Clone)]
pub(super) struct Seated<S> {
    pub(super) service: S,
    pub(super) seat: Arc<Seat>,
}

impl<S, B> Service<Request<B>> for Seated<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let answering = Answering::on(&self.seat);
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(answering);
            answer
        })
    }
}

struct Answering(Arc<Seat>);

impl Answering {
    fn on(seat: &Arc<Seat>) -> Self {
        seat.answering.fetch_add(1, Relaxed);
        Self(Arc::clone(seat))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Relaxed);
    }
}
