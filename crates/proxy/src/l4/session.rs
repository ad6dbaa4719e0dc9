//! One connection that is passed on, in a straight line: route, pick, dial, copy both ways, account.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use equipoise_rule::Connection;
use equipoise_stream::{Ends, Stream};

use super::account::Account;
use super::dial::{Dialled, Passage};
use super::hello::{HelloError, Said, hello, refuse};
use super::pump::{Broken, Pump, Side};
use super::relay::{Relay, Verdict, Way};
use crate::ListenerProtocol;
use crate::error::ForwardError;
use crate::limit::berth::Berth;
use crate::listen::accept::Accepted;
use crate::worker::Worker;
use crate::worker::local::Front;

/// Why a connection ended before both sides had said all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error("no rule takes the connection")]
    NoRoute,
    #[error("no rule takes the connection, which is not TLS")]
    NotTls,
    #[error("the client did not say where it wants to go")]
    Hello(#[source] HelloError),
    #[error("no target takes the connection")]
    Forward(#[source] ForwardError),
    #[error("the client broke off")]
    Client(#[source] io::Error),
    #[error("the target broke off")]
    Target(#[source] io::Error),
    #[error("one side took no more")]
    Deaf(Side),
    #[error("the connection was ended: {}", .0.reason())]
    Judged(Verdict),
}

impl RelayError {
    /// The code in logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoRoute => "no-route",
            Self::NotTls => "not-tls",
            Self::Hello(error) => error.reason(),
            Self::Forward(error) => error.reason(),
            Self::Client(_) | Self::Deaf(Side::Client) => "client-reset",
            Self::Target(_) | Self::Deaf(Side::Target) => "target-reset",
            Self::Judged(verdict) => verdict.reason(),
        }
    }

    /// Whether the other side must not take the end for a regular one: a stream that is cut short may look whole.
    fn is_cut(&self) -> bool {
        // Who said something wrong first may have been told so.
        !matches!(self, Self::Judged(Verdict::Idle) | Self::Deaf(_) | Self::NoRoute | Self::NotTls | Self::Hello(_))
    }
}

/// Passes `stream` on until it ends.
pub(crate) async fn run(worker: Rc<Worker>, front: Rc<Front>, accepted: Accepted) {
    let Accepted { stream, first, peer, ends, seat } = accepted;
    let relay = worker.relays.join(|key| Relay::new(key, peer, &front, worker.clock.tick()));
    let account = Account::new(&worker, &relay, &front, seat);
    // From here on the relay's own view counts, which moves on with each generation.
    drop(front);
    let mut session = Session { worker, relay, account, client: stream, ends, target: None };
    let relay = Rc::clone(&session.relay);
    if let Err(error) = obeying(&relay, session.serve(first.into())).await {
        session.ended(&error);
    }
}

/// `line`, unless the connection is to end.
async fn obeying(relay: &Relay, line: impl Future<Output = Result<(), RelayError>>) -> Result<(), RelayError> {
    let mut line = pin!(line);
    poll_fn(|cx| match relay.verdict(cx) {
        Some(verdict) => Poll::Ready(Err(RelayError::Judged(verdict))),
        None => line.as_mut().poll(cx),
    })
    .await
}

/// A connection with what it has come to.
struct Session {
    worker: Rc<Worker>,
    relay: Rc<Relay>,
    account: Account,
    client: Stream,
    /// The ends of the client's connection, if a load balancer named them.
    ends: Option<Ends>,
    target: Option<(Stream, Berth)>,
}

impl Session {
    async fn serve(&mut self, first: Vec<u8>) -> Result<(), RelayError> {
        let said = self.hear(first).await?;
        let Dialled { stream, berth } = self.forward(&said).await?;
        if let Some(way) = self.relay.way() {
            way.stats.connections.increment();
        }
        let target = &mut self.target.insert((stream, berth)).0;
        let mut pump = Pump::new(said.bytes);
        let (client, stock, flow) = (&mut self.client, &self.worker.stock, &self.relay.flow);
        poll_fn(|cx| pump.poll(cx, (client, target), stock, flow)).await.map_err(RelayError::from)
    }

    /// What the client says first, where that decides.
    async fn hear(&mut self, first: Vec<u8>) -> Result<Said, RelayError> {
        if !matches!(self.relay.front().listener().protocol, ListenerProtocol::Tls(_)) {
            return Ok(Said { bytes: first, ..Said::default() });
        }
        let said = hello(&mut self.client, first).await.map_err(RelayError::Hello)?;
        self.account.asked_for(said.sni.as_deref());
        Ok(said)
    }

    /// A target of the group that the rules say.
    async fn forward(&mut self, said: &Said) -> Result<Dialled, RelayError> {
        let front = self.relay.front();
        let connection =
            Connection { client: self.relay.peer.ip_or_nobody(), sni: said.sni.as_deref(), alpn: &said.alpn };
        let (group, rule) = front.listener().rules.route_connection(&connection, fastrand::u64(..));
        self.account.decided_by(rule);
        let Some(name) = group else { return Err(self.refuse(said).await) };
        let found = front.route(name).and_then(|route| Some((route, route.group.as_ref()?)));
        let missing = || RelayError::Forward(ForwardError::NoGroup { group: name.clone() });
        let (route, group) = found.ok_or_else(missing)?;
        self.relay.routed(Way { group: name.clone(), stats: front.relays(route).clone() });
        let ends = match &self.client {
            Stream::Tcp(client) if group.settings().transport.announces() => self.ends.or_else(|| Ends::of(client)),
            _ => self.ends,
        };
        let passage = Passage { front: &front, route, group };
        passage.dial(&self.relay, ends).await.map_err(RelayError::Forward)
    }

    /// Lets a client go that no rule takes.
    async fn refuse(&mut self, said: &Said) -> RelayError {
        let speaks_tls = matches!(self.relay.front().listener().protocol, ListenerProtocol::Tls(_));
        match (speaks_tls, said.is_tls) {
            (true, true) => refuse(&mut self.client).await,
            (true, false) => return RelayError::NotTls,
            (false, _) => {}
        }
        RelayError::NoRoute
    }

    /// Notes why the connection ended early, and lets whoever is left see that it did.
    fn ended(&mut self, error: &RelayError) {
        tracing::debug!(error = error as &dyn std::error::Error, "a connection ended early");
        self.account.failed(error.reason());
        if error.is_cut() {
            reset(&self.client);
            if let Some((target, _)) = &self.target {
                reset(target);
            }
        }
    }
}

impl From<Broken> for RelayError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Off(Side::Client, source) => Self::Client(source),
            Broken::Off(Side::Target, source) => Self::Target(source),
            Broken::Deaf(side) => Self::Deaf(side),
        }
    }
}

/// Makes the end of a stream one that its other side cannot take for a regular one. Only TCP can say that.
fn reset(stream: &Stream) {
    if let Stream::Tcp(stream) = stream {
        // Without it the end is a regular one.
        let _ = stream.set_zero_linger();
    }
}
