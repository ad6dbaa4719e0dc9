//! A steady load of keep-alive connections that counts every answer and every failure.
//!
//! It is stricter than a browser: a connection that ends without having announced `Connection: close` in its last
//! answer is a failed request, never retried.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// What came back.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by body (its first 40 characters).
    pub bodies: BTreeMap<String, u64>,
    /// Requests without a whole answer, by error text.
    pub errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Requests that were answered in the 200s.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.statuses.range(200..300).map(|(_, count)| count).sum()
    }

    /// Everything else.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum::<u64>() + self.statuses.values().sum::<u64>() - self.succeeded()
    }
}

/// A load that runs until [`Load::stop`].
#[derive(Debug)]
pub struct Load {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// Starts `connections` clients that send `GET path` one after the other.
    ///
    /// # Panics
    /// When no runtime is to be had.
    #[must_use]
    pub fn start(port: u16, path: &str, connections: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Tally::default())));
        let clients = (0..connections)
            .map(|_| runtime.spawn(client(port, path.to_owned(), stop.clone(), tally.clone())))
            .collect();
        Self { runtime, stop, tally, clients }
    }

    /// What came back so far.
    ///
    /// # Panics
    /// When a client panicked.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.lock().expect("no client panics").clone()
    }

    /// Lets every client finish its request, and gives the whole tally.
    #[must_use]
    pub fn stop(self) -> Tally {
        self.stop.store(true, Relaxed);
        for client in self.clients {
            let _ = self.runtime.block_on(client);
        }
        let tally = self.tally.lock().expect("no client panics").clone();
        self.runtime.shutdown_background();
        tally
    }
}

async fn client(port: u16, path: String, stop: Arc<AtomicBool>, tally: Arc<Mutex<Tally>>) {
    let mut connection = None;
    while !stop.load(Relaxed) {
        let result = one(port, &path, &mut connection).await;
        let mut tally = tally.lock().expect("no client panics");
        match result {
            Ok((status, body)) => {
                *tally.statuses.entry(status).or_default() += 1;
                *tally.bodies.entry(body).or_default() += 1;
            }
            Err(error) => {
                connection = None;
                *tally.errors.entry(error).or_default() += 1;
            }
        }
    }
}

type Connection = Option<SendRequest<Empty<Bytes>>>;

async fn one(port: u16, path: &str, connection: &mut Connection) -> Result<(u16, String), String> {
    let mut sender = match connection.take() {
        Some(sender) => sender,
        None => connect(port).await?,
    };
    let request = Request::get(path).header("host", "load.test").body(Empty::new()).expect("a valid request");
    let response = sender.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
    let close =
        response.headers().get("connection").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| format!("cut short: {error}"))?.to_bytes();
    if !close && sender.ready().await.is_ok() {
        *connection = Some(sender);
    } else if !close {
        return Err("closed without saying so".to_owned());
    }
    Ok((status, String::from_utf8_lossy(&body).chars().take(40).collect()))
}

async fn connect(port: u16) -> Result<SendRequest<Empty<Bytes>>, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| format!("connecting: {error}"))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (sender, driver) = handshake.map_err(|error| format!("handshake: {error}"))?;
    tokio::spawn(driver);
    Ok(sender)
}
