//! Sessions that are taken up again: by tickets alone, so that nothing is kept here for clients that never return.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

use super::error::TlsBuildError;
use super::server::ClientAuth;

/// The keys of the tickets of one listener. A ticket vouches for the client's certificate without showing it again, so
/// keys are never shared between listeners, nor kept when a listener comes to ask others for certificates.
#[derive(Debug, Clone)]
pub(super) struct Resumption {
    domain: Option<ClientAuth>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Resumption {
    /// The keys that `earlier` had, when they may be kept.
    pub(super) fn new(domain: Option<&ClientAuth>, earlier: Option<&Self>) -> Result<Self, TlsBuildError> {
        if let Some(kept) = earlier.filter(|earlier| earlier.domain.as_ref() == domain) {
            return Ok(kept.clone());
        }
        // Made anew every six hours, and accepted for twelve.
        let tickets = Ticketer::new().map_err(|error| TlsBuildError::Provider { source: Box::new(error) })?;
        Ok(Self { domain: domain.cloned(), tickets })
    }

    pub(super) fn tickets(&self) -> Arc<dyn ProducesTickets> {
        Arc::clone(&self.tickets)
    }
}
