//! Why a request could not be forwarded. One error names one attempt; one translation each for whoever reads it.

use std::io;
use std::time::Duration;

use equipoise_stream::tls::HandshakeError;
use equipoise_target::{Endpoint, GroupName};
use http::StatusCode;

use crate::group::RetryOn;
use crate::listen::descriptors;
use crate::policy::BadResponse;
use crate::record::BROKEN_BODY;

/// Why a request could not be forwarded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error("there is no target group `{group}`")]
    NoGroup { group: GroupName },
    #[error("no available target in target group `{group}`")]
    NoTarget { group: GroupName },
    #[error("{address} is not an available target of target group `{group}`")]
    NotAvailable { group: GroupName, address: Endpoint },
    #[error("connecting to {address}")]
    Connect { address: Endpoint, source: io::Error },
    #[error("no connection to {address} within {limit:?}")]
    ConnectTimeout { address: Endpoint, limit: Duration },
    #[error("agreeing on TLS with {address}")]
    Handshake { address: Endpoint, source: HandshakeError },
    #[error("the connection to {address} ended before a response")]
    Closed { address: Endpoint, source: hyper::Error },
    #[error("the stream to {address} ended before a response")]
    Stream { address: Endpoint, source: h2::Error },
    #[error("{address} refused the stream without looking at the request")]
    StreamRefused {
        address: Endpoint,
        /// Whether the whole connection was on its way out.
        goodbye: bool,
    },
    #[error("a new connection to {address} takes no requests")]
    Goodbye { address: Endpoint },
    #[error("the request cannot be said in HTTP/2")]
    Unsayable { address: Endpoint },
    #[error("{address} did not answer in HTTP")]
    Garbage { address: Endpoint, source: hyper::Error },
    #[error("the response of {address} cannot be passed on")]
    BadResponse { address: Endpoint, source: BadResponse },
    #[error("no response from {address} within {limit:?}")]
    FirstByte { address: Endpoint, limit: Duration },
    #[error("no response from {address} within the {limit:?} that one attempt has")]
    PerTry { address: Endpoint, limit: Duration },
    #[error("every available target of target group `{group}` fails its requests")]
    CircuitOpen { group: GroupName },
    #[error("target group `{group}` is full, and so is the line in front of it")]
    QueueFull { group: GroupName },
    #[error("target group `{group}` was full for as long as a request may wait")]
    QueueTimeout { group: GroupName },
    #[error("{address} did not finish in time")]
    Total { address: Endpoint },
    #[error("{address} left its target group")]
    Cut { address: Endpoint },
    #[error("the client stopped sending its body")]
    Upload,
    #[error("the client sent its body too slowly")]
    SlowUpload,
    #[error("the client's body ended in an error")]
    BrokenUpload,
    #[error("a router failed, and its fallback is to refuse")]
    Refused,
}

impl ForwardError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoGroup { .. }
            | Self::NoTarget { .. }
            | Self::NotAvailable { .. }
            | Self::CircuitOpen { .. }
            | Self::QueueFull { .. }
            | Self::QueueTimeout { .. }
            | Self::Refused => StatusCode::SERVICE_UNAVAILABLE,
            Self::Connect { source, .. } if descriptors::is_shortage(source) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout { .. } | Self::FirstByte { .. } | Self::PerTry { .. } | Self::Total { .. } => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::Upload | Self::SlowUpload => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenUpload => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// The code in logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoGroup { .. } => "no-group",
            Self::NoTarget { .. } => "no-target",
            Self::NotAvailable { .. } => "target-not-available",
            Self::Connect { source, .. } if descriptors::is_shortage(source) => "no-descriptors",
            Self::Connect { .. } => "connect-failed",
            Self::ConnectTimeout { .. } => "connect-timeout",
            Self::Handshake { source: HandshakeError::Certificate { .. }, .. } => "target-certificate",
            Self::Handshake { .. } => "target-tls",
            Self::Closed { .. } => "target-closed",
            Self::Stream { source, .. } if source.is_reset() && source.is_remote() => "target-reset",
            Self::Stream { source, .. } if source.is_library() => "bad-response",
            Self::Stream { .. } | Self::Goodbye { .. } => "target-closed",
            Self::StreamRefused { .. } => "stream-refused",
            Self::Unsayable { .. } => "not-in-http2",
            Self::Garbage { .. } => "bad-response",
            Self::BadResponse { .. } => "refused-response",
            Self::FirstByte { .. } => "first-byte-timeout",
            Self::PerTry { .. } => "per-try-timeout",
            Self::CircuitOpen { .. } => "circuit-open",
            Self::QueueFull { .. } => "queue-full",
            Self::QueueTimeout { .. } => "queue-timeout",
            Self::Total { .. } => "total-timeout",
            Self::Cut { .. } => "target-left",
            Self::Upload => "body-timeout",
            Self::SlowUpload => "slow-body",
            Self::BrokenUpload => BROKEN_BODY,
            Self::Refused => "router-refused",
        }
    }

    /// The error type of RFC 9209 section 2.3; `None` when the fault is the client's.
    pub(crate) fn proxy_error(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoGroup { .. } => "destination_not_found",
            Self::NoTarget { .. } | Self::NotAvailable { .. } | Self::CircuitOpen { .. } => "destination_unavailable",
            Self::QueueFull { .. } | Self::QueueTimeout { .. } => "connection_limit_reached",
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => "connection_refused",
            Self::Connect { .. } => "destination_unavailable",
            Self::ConnectTimeout { .. } => "connection_timeout",
            Self::Handshake { source: HandshakeError::Certificate { .. }, .. } => "tls_certificate_error",
            Self::Handshake { source: HandshakeError::Refused { .. }, .. } => "tls_alert_received",
            Self::Handshake { .. } => "tls_protocol_error",
            Self::Closed { .. } | Self::Cut { .. } | Self::Goodbye { .. } => "connection_terminated",
            Self::Stream { source, .. } if source.is_library() => "http_protocol_error",
            Self::Stream { .. } | Self::StreamRefused { .. } => "connection_terminated",
            Self::Unsayable { .. } => "http_request_error",
            Self::Garbage { .. } | Self::BadResponse { .. } => "http_protocol_error",
            Self::FirstByte { .. } | Self::PerTry { .. } | Self::Total { .. } => "http_response_timeout",
            Self::Refused => "proxy_internal_error",
            Self::Upload | Self::SlowUpload | Self::BrokenUpload => return None,
        })
    }

    /// Whether another target may do better with the same request, when these failures are tried again.
    pub(crate) fn is_retriable(&self, on: &[RetryOn]) -> bool {
        let kind = match self {
            Self::PerTry { .. } => return true,
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Handshake { .. } => RetryOn::ConnectFailure,
            Self::Stream { source, .. } if source.is_library() => RetryOn::BadResponse,
            Self::Closed { .. }
            | Self::Cut { .. }
            | Self::Stream { .. }
            | Self::StreamRefused { .. }
            | Self::Goodbye { .. } => RetryOn::Reset,
            Self::FirstByte { .. } => RetryOn::Timeout,
            Self::Garbage { .. } | Self::BadResponse { .. } => RetryOn::BadResponse,
            _ => return false,
        };
        on.contains(&kind)
    }

    /// Whether it speaks against the target.
    pub(crate) fn blames_target(&self) -> bool {
        if let Self::Connect { source, .. } = self {
            // A socket that we could not have says nothing about the target.
            return !descriptors::is_shortage(source);
        }
        !matches!(
            self,
            Self::NoGroup { .. }
                | Self::NoTarget { .. }
                | Self::NotAvailable { .. }
                | Self::CircuitOpen { .. }
                | Self::QueueFull { .. }
                | Self::QueueTimeout { .. }
                | Self::Upload
                | Self::SlowUpload
                | Self::BrokenUpload
                | Self::Refused
                | Self::Cut { .. }
                | Self::StreamRefused { .. }
                | Self::Unsayable { .. }
        )
    }
}
