//! Does the target say that its gRPC service is healthy (grpc.health.v1)?

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use equipoise_target::Endpoint;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use prost::Message;

use super::http::USER_AGENT;
use super::tcp::connect_failed;
use super::{BuildProbeError, Kind, Outcome, Probe, ProbeFuture, ProbeSource};
use crate::fetch::{FetchError, Fetched, Limits, fetch_by, host_of};
use crate::reach::Reach;
use crate::terms::{LONGEST_INTERVAL, Written, check_kind};
use crate::{Layer, text};

/// The most of an answer that is read: it holds one number.
const LARGEST_ANSWER: usize = 4096;

check_kind! {
    /// Calls `Check` of `grpc.health.v1.Health` over HTTP/2 and passes when the answer is SERVING.
    pub struct GrpcCheck, layer Layer::Local;
    /// Service to ask about, default "": the target as a whole.
    #[serde(default)]
    pub service: String,
    /// Value of `:authority`, default the checked address.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub host: Option<Authority>,
    /// Asks without TLS although the group speaks it, for a port of its own. Default false.
    #[serde(default)]
    pub plain: bool,
}

impl Default for GrpcCheck {
    fn default() -> Self {
        Self::with_defaults(String::new(), None, false)
    }
}

/// The question of `grpc.health.v1`.
#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

/// The answer of `grpc.health.v1`.
#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

/// What a service says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

impl Kind for GrpcCheck {
    fn build(&self, _: &dyn ProbeSource, reach: &Reach) -> Result<Arc<dyn Probe>, BuildProbeError> {
        let reach = if self.plain { reach.plain() } else { reach.clone() };
        // Nothing but HTTP/2 carries gRPC.
        Ok(Arc::new(GrpcProbe { check: self.clone(), reach: Reach { http2: true, ..reach } }))
    }

    fn label(&self) -> String {
        match self.service.as_str() {
            "" => "grpc".to_owned(),
            service => format!("grpc {service}"),
        }
    }

    fn written(&self) -> Written {
        self.common()
    }
}

impl GrpcCheck {
    fn request(&self, address: Endpoint) -> Request<Bytes> {
        let mut request = Request::new(framed(&HealthCheckRequest { service: self.service.clone() }));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(PathAndQuery::from_static("/grpc.health.v1.Health/Check"));
        let host = self.host.as_ref().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        let fields = request.headers_mut();
        fields.insert(header::HOST, host.unwrap_or_else(|| host_of(address)));
        fields.insert(header::USER_AGENT, USER_AGENT);
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
        request
    }
}

/// A message as gRPC sends it: not compressed, its length in four bytes, itself.
fn framed(message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.encoded_len()).unwrap_or(u32::MAX)); // names are short
    bytes.put_slice(&message.encode_to_vec());
    bytes.freeze()
}

fn judge(answer: &Fetched) -> Outcome {
    if answer.head.status != StatusCode::OK {
        return Outcome::fail(&format!("the answer is not gRPC: status {}", answer.head.status.as_u16()));
    }
    let fields =
        answer.trailers.as_ref().filter(|trailers| trailers.contains_key(STATUS)).unwrap_or(&answer.head.headers);
    match status(fields) {
        Some("0") => {}
        Some("5") => return Outcome::fail("the target knows no such service"),
        Some("12") => return Outcome::fail("the target has no grpc.health.v1"),
        Some(code) => return Outcome::fail(&format!("grpc-status {code}{}", message(fields))),
        None => return Outcome::fail("the answer has no grpc-status"),
    }
    // One message, not compressed: nobody said that it may be.
    let [0, _, _, _, _, body @ ..] = &answer.body[..] else { return Outcome::fail("the answer holds no message") };
    match HealthCheckResponse::decode(body).map(|answer| answer.status()) {
        Ok(ServingStatus::Serving) => Outcome::Pass,
        Ok(ServingStatus::NotServing) => Outcome::fail("the target says NOT_SERVING"),
        Ok(ServingStatus::Unknown) => Outcome::fail("the target says UNKNOWN"),
        Ok(ServingStatus::ServiceUnknown) => Outcome::fail("the target says SERVICE_UNKNOWN"),
        Err(_) => Outcome::fail("the answer is no message of grpc.health.v1"),
    }
}

const STATUS: &str = "grpc-status";

fn status(fields: &HeaderMap) -> Option<&str> {
    fields.get(STATUS)?.to_str().ok()
}

fn message(fields: &HeaderMap) -> String {
    let text = fields.get("grpc-message").and_then(|text| text.to_str().ok());
    text.filter(|text| !text.is_empty()).map(|text| format!(": {text}")).unwrap_or_default()
}

#[derive(Debug)]
struct GrpcProbe {
    check: GrpcCheck,
    reach: Reach,
}

impl Probe for GrpcProbe {
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_> {
        Box::pin(async move {
            let limits = Limits { time: LONGEST_INTERVAL, body: LARGEST_ANSWER };
            match fetch_by(&self.reach, address, self.check.request(address), limits).await {
                Ok(answer) if answer.head.version == http::Version::HTTP_2 => judge(&answer),
                Ok(_) => Outcome::fail("the target did not agree to HTTP/2"),
                Err(FetchError::Connect { source, .. }) => connect_failed(&source),
                Err(error) => Outcome::fail(&error.reason()),
            }
        })
    }
}
