//! Finds out whether a request asks for a tunnel.

use http::request::Parts;
use http::{Method, Request, Response, StatusCode, response};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use tokio::sync::oneshot;

use super::Switched;
use crate::outgoing::Outgoing;
use crate::policy::{Refusal, Upgrade};
use crate::record::Record;
use crate::upstream::Upstream;

/// A tunnel that a request asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    upgrade: Upgrade,
    /// Gives the client's side when that is a stream of HTTP/2. An HTTP/1 connection becomes the tunnel by itself.
    pub(super) stream: Option<OnUpgrade>,
    /// Where the target's side comes from, once a request for it is under way.
    pub(super) switched: Option<oneshot::Receiver<Switched>>,
}

/// Notes on `request` what tunnel it asks for. Most ask for none, and cost one look at a pointer.
pub(crate) fn ask(record: &mut Record, request: &mut Outgoing) -> Result<(), Refusal> {
    // hyper leaves its handle with requests that have an `Upgrade` field, or the method CONNECT.
    let Some(handle) = request.head.extensions.remove::<OnUpgrade>() else { return Ok(()) };
    let peer = record.client().peer;
    let asked = of(record, &mut request.head, handle);
    if asked.is_err() {
        record.draft(&request.head, peer, None);
    }
    request.asked = asked?.map(Box::new);
    Ok(())
}

fn of(record: &Record, head: &mut Parts, handle: OnUpgrade) -> Result<Option<Asked>, Refusal> {
    let wanted = &record.front().listener().upgrades;
    let protocol = head.extensions.remove::<Protocol>();
    let (upgrade, stream) = match protocol.filter(|_| head.method == Method::CONNECT) {
        Some(protocol) => {
            let mut nonce = [0; 16];
            fastrand::fill(&mut nonce);
            (Upgrade::of_protocol(head, &protocol, wanted, nonce).map(Some), Some(handle))
        }
        None => (Upgrade::of_fields(head, wanted), None),
    };
    Ok(upgrade?.map(|upgrade| Asked { upgrade, stream, switched: None }))
}

impl Asked {
    /// Puts the fields back that ended at the client's connection.
    pub(crate) fn tell(&self, head: &mut Parts) {
        self.upgrade.ask(&mut head.headers);
    }

    /// Asks on a stream of HTTP/2. Whether it can be asked for there.
    pub(crate) fn tell_stream(&self, request: &mut Request<()>) -> bool {
        self.upgrade.ask_stream(request)
    }

    /// The target said yes on a stream of HTTP/2.
    pub(crate) fn is_granted_by<B>(&self, response: &mut Response<B>) {
        self.upgrade.granted_by_stream(response);
    }

    /// The request goes over this connection now, which is to be handed over if it changes its protocol.
    pub(crate) fn attach(&mut self, to: &Upstream) {
        let (sender, receiver) = oneshot::channel();
        to.hand_over_to(sender);
        self.switched = Some(receiver);
    }

    /// Whether the target's response opens the tunnel.
    pub(crate) fn is_granted(&self, head: &response::Parts) -> bool {
        head.status == StatusCode::SWITCHING_PROTOCOLS && self.upgrade.is_granted(head)
    }

    /// Makes the target's yes ours.
    pub(super) fn grant(&self, head: &mut response::Parts) {
        self.upgrade.grant(head);
    }
}
