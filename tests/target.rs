//! Targets that run inside the test and answer as told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What a target answers; it gets the request (with its body read) and its own name.
pub type Script = Arc<dyn Fn(&Request<Bytes>, &str) -> Response<Full<Bytes>> + Send + Sync>;

/// An HTTP/1.1 server on a loopback port that ends with its value.
#[derive(Debug)]
pub struct TestTarget {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<AtomicU64>,
    runtime: Option<Runtime>,
}

impl TestTarget {
    /// A target that answers every request with 200 and its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::scripted(name, Arc::new(|_, name| Response::new(Full::from(name.to_owned()))))
    }

    /// A target that answers by `script`.
    ///
    /// # Panics
    /// When no runtime or port is to be had.
    #[must_use]
    pub fn scripted(name: &str, script: Script) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicU64::new(0));
        runtime.spawn(accept(listener, name.into(), script, requests.clone()));
        Self { address, requests, runtime: Some(runtime) }
    }

    /// Requests that arrived here.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    /// The port alone.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for TestTarget {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, name: Arc<str>, script: Script, requests: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (name, script, requests) = (name.clone(), script.clone(), requests.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (name, script, requests) = (name.clone(), script.clone(), requests.clone());
            async move {
                requests.fetch_add(1, SeqCst);
                let (head, body) = request.into_parts();
                let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                Ok::<_, Infallible>(script(&Request::from_parts(head, body), &name))
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
