//! From the target's yes to the moment when both sides are free of HTTP.

use bytes::BytesMut;
use equipoise_stream::Stream;
use http::Response;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::Asked;
use super::run::{End, run};
use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::pool::Link;
use crate::record::Record;

/// The target's side after its yes, with what it said since.
#[derive(Debug)]
pub(crate) struct Switched {
    pub(crate) stream: Stream,
    pub(crate) first: BytesMut,
}

/// A tunnel whose target said yes, and whose client has not been told.
#[derive(Debug)]
pub(crate) struct Opening {
    asked: Box<Asked>,
    link: Link,
    berth: Berth,
}

/// An opening tunnel with the account of its request.
#[derive(Debug)]
pub(crate) struct Ready {
    switched: Option<oneshot::Receiver<Switched>>,
    link: Link,
    berth: Berth,
    record: Record,
}

impl Opening {
    pub(crate) fn new(asked: Box<Asked>, link: Link, berth: Berth) -> Self {
        Self { asked, link, berth }
    }
}

/// Tells the client of the target's yes, and opens the tunnel as soon as it was told.
pub(crate) fn open(response: Response<Box<Opening>>, mut record: Record) -> Response<ResponseBody> {
    let (mut head, opening) = response.into_parts();
    let Opening { mut asked, link, berth } = *opening;
    asked.grant(&mut head);
    record.answered(head.status, &head.headers);
    record.opens_tunnel(link.upstream());
    let client = record.client_handle();
    let ready = Box::new(Ready { switched: asked.switched.take(), link, berth, record });
    match asked.stream.take() {
        // hyper is done with the connection when it has written the response; its task goes on with the tunnel.
        None => client.becomes(ready),
        Some(stream) => {
            tokio::task::spawn_local(async move {
                if let Ok(stream) = stream.await {
                    ready.run(Box::new(TokioIo::new(stream)), BytesMut::new()).await;
                }
            });
        }
    }
    Response::from_parts(head, ResponseBody::none())
}

impl Ready {
    /// Passes bytes on between `client`, which said `first` already, and the target, until the tunnel ends.
    pub(crate) async fn run(self: Box<Self>, client: Box<dyn End>, first: BytesMut) {
        let Self { switched, link, berth, record } = *self;
        let upstream = link.upstream().clone();
        let target = match switched {
            Some(switched) => switched.await.ok(),
            None => None,
        };
        // The connection's task closes it when its link goes, so that must still be there until now.
        link.dissolve();
        if let Some(target) = target {
            run((record, berth), &upstream, (client, first), target).await;
        }
    }
}
