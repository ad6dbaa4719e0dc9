//! The other end: what the command line (or another program) asks a running balancer with.
//!
//! One connection for each call: calls are rare, and a kept connection would only be a stale one.

use std::io;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::problem::Problem;
use crate::status::{Drain, DrainRequest, Reload, Status};

mod scaling;

/// A status with 10,000 targets is about 3 MB.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Asks one admin address.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
    token: Option<String>,
    connect_limit: Duration,
    answer_limit: Duration,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens there, or the address is not one.
    #[error("connecting to the admin address {address}")]
    Connect {
        /// The address that was tried.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in time.
    #[error("no answer from the admin address {address} within {limit:?}")]
    TimedOut {
        /// The address that was asked.
        address: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection broke, or what answered does not speak HTTP.
    #[error("talking to the admin address {address}")]
    Exchange {
        /// The address that was asked.
        address: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address or token cannot stand in a request.
    #[error("the admin address or token holds a character that cannot be sent")]
    Unsendable(#[source] http::Error),
    /// The balancer refused.
    #[error("{}", said(.0))]
    Refused(Box<Problem>),
    /// Something answered, but not with what Equipoise answers.
    #[error("{address} answered {status} with something that is not an answer of Equipoise")]
    Foreign {
        /// The address that was asked.
        address: String,
        /// The status that it gave.
        status: StatusCode,
    },
}

/// The detail says all that the title does.
fn said(problem: &Problem) -> &str {
    if problem.detail.is_empty() { &problem.title } else { &problem.detail }
}

impl ClientError {
    /// Whether the balancer could not be asked at all (exit code 69 of the command line).
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Unsendable(_))
    }
}

impl Client {
    /// A client of `address` (`host:port`); nothing is sent yet.
    #[must_use]
    pub fn new(address: impl Into<String>, token: Option<String>) -> Self {
        let (connect_limit, answer_limit) = (Duration::from_secs(5), Duration::from_secs(130));
        Self { address: address.into(), token, connect_limit, answer_limit }
    }

    /// The same client with another bound on the wait for an answer (130 seconds unless told).
    #[must_use]
    pub fn with_answer_limit(self, answer_limit: Duration) -> Self {
        Self { answer_limit, ..self }
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.json(Method::GET, "/v1/status", Bytes::new()).await
    }

    /// `POST /v1/reload`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with every diagnostic when the configuration is refused; else see [`ClientError`].
    pub async fn reload(&self) -> Result<Reload, ClientError> {
        self.json(Method::POST, "/v1/reload", Bytes::new()).await
    }

    /// `POST /v1/drain`; answers as soon as the drain has begun.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn drain(&self, request: DrainRequest) -> Result<Drain, ClientError> {
        // A struct of one optional duration cannot fail to serialize.
        let body = serde_json::to_vec(&request).unwrap_or_default();
        self.json(Method::POST, "/v1/drain", body.into()).await
    }

    /// `GET /v1/config`: the effective configuration as TOML.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn effective_config(&self) -> Result<String, ClientError> {
        self.text("/v1/config").await
    }

    /// `GET /metrics`: OpenMetrics text.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.text("/metrics").await
    }

    async fn text(&self, path: &str) -> Result<String, ClientError> {
        let (status, body) = self.call(Method::GET, path, Bytes::new()).await?;
        String::from_utf8(body.into()).map_err(|_| self.foreign(status))
    }

    async fn json<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let (status, body) = self.call(method, path, body).await?;
        serde_json::from_slice(&body).map_err(|_| self.foreign(status))
    }

    fn foreign(&self, status: StatusCode) -> ClientError {
        ClientError::Foreign { address: self.address.clone(), status }
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = self.connect().await?;
        let host = stream.peer_addr().map_or_else(|_| self.address.clone(), |address| address.to_string());
        let request = self.request(method, path, &host, body)?;
        let limit = self.answer_limit;
        let answered = timeout(limit, self.exchange(stream, request)).await;
        let (status, body) = answered.map_err(|_| ClientError::TimedOut { address: self.address.clone(), limit })??;
        if status.is_success() {
            return Ok((status, body));
        }
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(self.foreign(status)),
        }
    }

    /// `Host` is the address that the name resolved to: the other side takes no names, which could be rebound.
    fn request(
        &self,
        method: Method,
        path: &str,
        host: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request.body(Full::new(body)).map_err(ClientError::Unsendable)
    }

    async fn connect(&self) -> Result<TcpStream, ClientError> {
        let failed = |source| ClientError::Connect { address: self.address.clone(), source };
        match timeout(self.connect_limit, TcpStream::connect(&self.address)).await {
            Ok(stream) => stream.map_err(failed),
            Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // Ends with the answer: `sender` is dropped after it.
        tokio::spawn(connection);
        let response: Response<Incoming> = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        let body = body.map_err(|source| ClientError::Exchange { address: self.address.clone(), source })?;
        Ok((status, body.to_bytes()))
    }

    fn broken(&self, error: hyper::Error) -> ClientError {
        ClientError::Exchange { address: self.address.clone(), source: error.into() }
    }
}
