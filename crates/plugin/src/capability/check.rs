//! `equipoise:plugin/http` and `equipoise:plugin/tcp`: the way to the target under check, and to nothing else.

use std::time::{Duration, Instant};

use bytes::Bytes;
use equipoise_health::{Fetched, Limits, fetch};
use equipoise_stream::Stream;
use equipoise_target::Endpoint;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::bindings::health_check::equipoise::plugin::{http as wit, tcp};
use crate::bindings::router::equipoise::plugin::types::Field;
use crate::state::State;

/// Requests and connections that one check may make.
const MOST_EXCHANGES: u32 = 16;
const LARGEST_BODY: usize = 1 << 20;
const LARGEST_RECEIVE: usize = 64 << 10;
const MOST_FIELDS: usize = 100;

/// The target of the check that is under way.
pub(crate) struct CheckIo {
    address: Endpoint,
    deadline: Instant,
    exchanges: u32,
    connection: Option<Stream>,
}

impl CheckIo {
    pub(crate) fn new(address: Endpoint, deadline: Instant) -> Self {
        Self { address, deadline, exchanges: 0, connection: None }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn begin_exchange(&mut self) -> Result<(), String> {
        self.exchanges += 1;
        if self.exchanges > MOST_EXCHANGES {
            return Err(format!("one check may make {MOST_EXCHANGES} requests and connections"));
        }
        Ok(())
    }

    async fn exchange(&mut self, request: wit::Request) -> Result<wit::Response, String> {
        self.begin_exchange()?;
        let limits = Limits { time: self.left(), body: LARGEST_BODY };
        let fetched = fetch(self.address, into_request(request)?, limits).await.map_err(|error| error.reason())?;
        Ok(into_response(fetched))
    }

    async fn connect(&mut self) -> Result<(), String> {
        self.begin_exchange()?;
        self.connection = None;
        let stream = within(self.left(), Stream::connect(self.address)).await?;
        self.connection = Some(stream);
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let left = self.left();
        let stream = self.connection.as_mut().ok_or_else(not_connected)?;
        within(left, stream.write_all(bytes)).await
    }

    async fn receive(&mut self, at_most: u32) -> Result<Vec<u8>, String> {
        let left = self.left();
        let stream = self.connection.as_mut().ok_or_else(not_connected)?;
        let mut bytes = vec![0; (at_most as usize).min(LARGEST_RECEIVE)];
        let count = within(left, stream.read(&mut bytes)).await?;
        bytes.truncate(count);
        Ok(bytes)
    }
}

async fn within<T>(left: Duration, io: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(left, io).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the time of the check is over".to_owned()),
    }
}

fn not_connected() -> String {
    "not connected".to_owned()
}

fn no_check() -> String {
    "no check is under way".to_owned()
}

fn into_request(request: wit::Request) -> Result<Request<Bytes>, String> {
    if request.headers.len() > MOST_FIELDS {
        return Err(format!("{} header fields, above {MOST_FIELDS}", request.headers.len()));
    }
    if !request.path.starts_with('/') {
        return Err(format!("`{}` is not a path", request.path));
    }
    let method =
        Method::from_bytes(request.method.as_bytes()).map_err(|_| format!("`{}` is no method", request.method))?;
    let uri: Uri = request.path.parse().map_err(|_| format!("`{}` is not a path", request.path))?;
    let mut message = Request::new(Bytes::from(request.body));
    *message.method_mut() = method;
    *message.uri_mut() = uri;
    for field in request.headers {
        let (name, value) = into_field(field)?;
        message.headers_mut().append(name, value);
    }
    Ok(message)
}

fn into_field(field: Field) -> Result<(HeaderName, HeaderValue), String> {
    let name = HeaderName::from_bytes(field.name.as_bytes())
        .map_err(|_| format!("`{}` is not the name of a header field", field.name))?;
    if matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection" | "upgrade" | "te" | "trailer") {
        return Err(format!("`{name}` belongs to the host"));
    }
    let value = HeaderValue::try_from(field.value).map_err(|_| format!("the value of `{name}` is no field value"))?;
    Ok((name, value))
}

fn into_response(fetched: Fetched) -> wit::Response {
    let field = |(name, value): (&HeaderName, &HeaderValue)| Field {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_vec(),
    };
    wit::Response {
        status: fetched.head.status.as_u16(),
        headers: fetched.head.headers.iter().map(field).collect(),
        body: fetched.body.into(),
    }
}

impl wit::Host for State {
    async fn send(&mut self, request: wit::Request) -> Result<wit::Response, String> {
        let result = self.check.as_mut().ok_or_else(no_check)?.exchange(request).await;
        // The clock may have been stopped meanwhile, and guest code goes on now.
        self.plugin.host.ticker.note_use();
        result
    }
}

impl tcp::Host for State {
    async fn connect(&mut self) -> Result<(), String> {
        let result = self.check.as_mut().ok_or_else(no_check)?.connect().await;
        self.plugin.host.ticker.note_use();
        result
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        let result = self.check.as_mut().ok_or_else(no_check)?.send(&bytes).await;
        self.plugin.host.ticker.note_use();
        result
    }

    async fn receive(&mut self, at_most: u32) -> Result<Vec<u8>, String> {
        let result = self.check.as_mut().ok_or_else(no_check)?.receive(at_most).await;
        self.plugin.host.ticker.note_use();
        result
    }
}
