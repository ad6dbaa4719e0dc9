//! From the target's yes to the moment when both sides are free of HTTP.

use bytes::BytesMut;
use h2::RecvStream;
use http::Response;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::Asked;
use super::run::{End, run};
use crate::body::{ResponseBody, TargetBody};
use crate::limit::berth::Berth;
use crate::record::Record;
use crate::upstream::multiplex::StreamEnd;
use crate::upstream::pool::Link;

/// The target's side after its yes, with what it said since.
#[derive(Debug)]
pub(crate) struct Switched {
    pub(crate) stream: Box<dyn End>,
    pub(crate) first: BytesMut,
}

/// A tunnel whose target said yes, and whose client has not been told.
#[derive(Debug)]
pub(crate) struct Opening {
    asked: Box<Asked>,
    /// What comes from the target when it is a stream of HTTP/2.
    stream: Option<RecvStream>,
    link: Link,
    berth: Berth,
}

/// An opening tunnel with the account of its request.
#[derive(Debug)]
pub(crate) struct Ready {
    switched: Option<oneshot::Receiver<Switched>>,
    stream: Option<RecvStream>,
    link: Link,
    berth: Berth,
    record: Record,
}

impl Opening {
    pub(crate) fn new(asked: Box<Asked>, body: TargetBody, link: Link, berth: Berth) -> Self {
        let stream = match body {
            TargetBody::Stream(body) => Some(body.into_stream()),
            TargetBody::Line(_) => None,
        };
        Self { asked, stream, link, berth }
    }
}

/// Tells the client of the target's yes, and opens the tunnel as soon as it was told.
pub(crate) fn open(response: Response<Box<Opening>>, mut record: Record) -> Response<ResponseBody> {
    let (mut head, opening) = response.into_parts();
    let Opening { mut asked, stream, link, berth } = *opening;
    asked.grant(&mut head);
    record.answered(head.status, &head.headers);
    record.opens_tunnel(link.upstream());
    let client = record.client_handle();
    let ready = Box::new(Ready { switched: asked.switched.take(), stream, link, berth, record });
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
        let Self { switched, stream, link, berth, record } = *self;
        let upstream = link.upstream().clone();
        let target = match (stream, switched) {
            (Some(stream), _) => {
                let stream = Box::new(StreamEnd::new(upstream.clone(), stream));
                Some(Switched { stream, first: BytesMut::new() })
            }
            (None, Some(switched)) => switched.await.ok(),
            (None, None) => None,
        };
        // The connection's task closes it when its link goes, so that must still be there until now.
        let place = link.dissolve();
        if let Some(target) = target {
            run((record, berth), &upstream, (client, first), target).await;
        }
        drop(place);
    }
}
