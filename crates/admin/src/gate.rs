//! Who may call: programs on this machine and holders of the token, but no web page.
//!
//! Two attacks use a victim's browser. A foreign page can *send* requests to 127.0.0.1: its `Origin` gives it away. And a
//! foreign name can be made to point at 127.0.0.1 (DNS rebinding), which makes the page's origin "same": then the
//! `Host` is that name. An address or `localhost` cannot be rebound, so those are all that `Host` may be, next to names
//! that the operator lists.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;

/// Routes that orchestrators ask without a way to present a token; they tell nothing but "yes" or "no".
const OPEN: [&str; 3] = ["/livez", "/readyz", "/startupz"];

/// What a request must show.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) bind: IpAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) token: Option<String>,
}

/// Lets a request pass or answers it.
pub(crate) async fn guard(State(gate): State<std::sync::Arc<Gate>>, request: Request, next: Next) -> Response {
    match gate.check(request.headers(), request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let unauthorized = problem.status == StatusCode::UNAUTHORIZED.as_u16();
            let mut response = problem.into_response();
            if unauthorized {
                let challenge = http::HeaderValue::from_static("Bearer realm=\"equipoise\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

impl Gate {
    fn check(&self, headers: &HeaderMap, path: &str) -> Result<(), Box<Problem>> {
        let open = OPEN.contains(&path);
        // A monitor that speaks HTTP/1.0 names no host (HAProxy's checks, say); every browser does.
        if open && !headers.contains_key(header::HOST) && !headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        let host = self.host(headers)?;
        same_origin(headers, &host)?;
        match &self.token {
            Some(token) if !open => bearer(headers, token),
            _ => Ok(()),
        }
    }

    fn host(&self, headers: &HeaderMap) -> Result<Authority, Box<Problem>> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => Authority::try_from(host.as_bytes()).ok(),
            _ => None,
        };
        let host = host.ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "bad-host", "bad Host", "exactly one valid Host field is needed")
        })?;
        if self.knows(host.host()) {
            return Ok(host);
        }
        let detail = "the Host must be this address, a loopback address or `localhost`";
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "foreign Host", detail))
    }

    fn knows(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            // Bound to every address, it is reached by any of them; an address cannot be rebound.
            return address.is_loopback() || address == self.bind || self.bind.is_unspecified();
        }
        host.eq_ignore_ascii_case("localhost") || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

fn same_origin(headers: &HeaderMap, host: &Authority) -> Result<(), Box<Problem>> {
    let origin_is_ours = headers.get_all(header::ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
    });
    // Browsers leave `Origin` out of some requests, but none of today's leaves this one out.
    let fetched_by_us =
        headers.get_all("sec-fetch-site").iter().all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    if origin_is_ours && fetched_by_us {
        return Ok(());
    }
    let detail = "calls from pages of another origin are not taken";
    Err(Problem::new(StatusCode::FORBIDDEN, "foreign-origin", "foreign Origin", detail))
}

fn bearer(headers: &HeaderMap, token: &str) -> Result<(), Box<Problem>> {
    let given = headers.get(header::AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let given = match given.split_at_checked("Bearer ".len()) {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case(b"Bearer ") => given,
        _ => &[],
    };
    if same_bytes(given, token.as_bytes()) {
        return Ok(());
    }
    let detail = "send `Authorization: Bearer TOKEN` with the configured admin token";
    Err(Problem::new(StatusCode::UNAUTHORIZED, "token-needed", "token needed", detail))
}

/// Equality whose time does not tell how many bytes were right.
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |difference, (left, right)| difference | (left ^ right));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests;
