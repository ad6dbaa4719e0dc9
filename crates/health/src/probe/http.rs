//! Is an HTTP request answered as expected?

mod body;
mod status;

use std::sync::Arc;

use bytes::Bytes;
use equipoise_target::Endpoint;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Uri, header};

pub use self::body::{JsonField, Scalar};
pub use self::status::ExpectedStatus;
use super::tcp::connect_failed;
use super::{BuildProbeError, Kind, Outcome, Probe, ProbeFuture, ProbeSource};
use crate::fetch::{FetchError, Fetched, Limits, fetch_by, host_of};
use crate::reach::Reach;
use crate::terms::{LONGEST_INTERVAL, Problem, Written, check_kind};
use crate::{Layer, text};

/// The most of a body that is read. A health check that says more says it too late.
const LARGEST_BODY: usize = 64 * 1024;

/// How checks introduce themselves in a target's access log.
pub(super) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("Equipoise-Health/", env!("CARGO_PKG_VERSION")));

check_kind! {
    /// Sends one request on a fresh connection, as the group's requests are sent, and compares the answer.
    pub struct HttpCheck, layer Layer::Local;
    /// Path and query to ask for, default "/".
    #[serde(default = "root", with = "text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: PathAndQuery,
    /// Value of the `Host` field, default the checked address.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub host: Option<Authority>,
    /// Request method, default "GET".
    #[serde(default, with = "text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub method: Method,
    /// Status codes that pass: a number, a text of numbers and ranges as "200-299,404", or a list of these; default
    /// "200-299".
    #[serde(default)]
    pub expected_status: ExpectedStatus,
    /// Text that the first 64 KiB of the body must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// Field of a JSON body (of at most 64 KiB) that must have a value: `{ pointer = "/status", equals = "ok" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_field: Option<JsonField>,
    /// Asks in HTTP/1.1 without TLS although the group speaks something else, for a port of its own. Default false.
    #[serde(default)]
    pub plain: bool,
}

fn root() -> PathAndQuery {
    PathAndQuery::from_static("/")
}

impl Default for HttpCheck {
    fn default() -> Self {
        Self::with_defaults(root(), None, Method::GET, ExpectedStatus::default(), None, None, false)
    }
}

impl Kind for HttpCheck {
    fn build(&self, _: &dyn ProbeSource, reach: &Reach) -> Result<Arc<dyn Probe>, BuildProbeError> {
        let reach = if self.plain { reach.plain() } else { reach.clone() };
        Ok(Arc::new(HttpProbe { check: self.clone(), reach }))
    }

    fn label(&self) -> String {
        format!("http {}", self.path)
    }

    fn written(&self) -> Written {
        self.common()
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.method == Method::HEAD && self.reads_body() {
            let field = if self.body_contains.is_some() { "body-contains" } else { "json-field" };
            problems.push(Problem::new(field, "an answer to HEAD has no body", "use `method = \"GET\"`"));
        }
        if self.method == Method::CONNECT {
            problems.push(Problem::new("method", "CONNECT asks for a tunnel, not for an answer", "use \"GET\""));
        }
        problems
    }
}

impl HttpCheck {
    fn reads_body(&self) -> bool {
        self.body_contains.is_some() || self.json_field.is_some()
    }

    fn request(&self, address: Endpoint) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.path.clone());
        // An authority is visible ASCII, which is all that a field value asks for.
        let host = self.host.as_ref().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        request.headers_mut().insert(header::HOST, host.unwrap_or_else(|| host_of(address)));
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        request
    }

    fn judge(&self, answer: &Fetched) -> Outcome {
        if !self.expected_status.contains(answer.head.status) {
            let (want, got) = (&self.expected_status, answer.head.status.as_u16());
            return Outcome::fail(&format!("expected status {want}, got {got}"));
        }
        let verdict = match (&self.body_contains, &self.json_field) {
            (Some(text), _) if !body::contains(&answer.body, text) => Err(body::missing(text, answer)),
            (_, Some(field)) => field.judge(answer),
            _ => Ok(()),
        };
        verdict.map_or_else(|reason| Outcome::fail(&reason), |()| Outcome::Pass)
    }
}

#[derive(Debug)]
struct HttpProbe {
    check: HttpCheck,
    reach: Reach,
}

impl Probe for HttpProbe {
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_> {
        Box::pin(async move {
            // A body that nobody looks at is not waited for. The time is bounded by whoever calls a probe.
            let body = if self.check.reads_body() { LARGEST_BODY } else { 0 };
            let limits = Limits { time: LONGEST_INTERVAL, body };
            match fetch_by(&self.reach, address, self.check.request(address), limits).await {
                Ok(answer) => self.check.judge(&answer),
                Err(FetchError::Connect { source, .. }) => connect_failed(&source),
                Err(error) => Outcome::fail(&error.reason()),
            }
        })
    }
}
