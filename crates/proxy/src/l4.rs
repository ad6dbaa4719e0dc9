//! Layer 4: connections and datagrams that are passed on as they are.
//!
//! A connection is a straight line too, to be read in `l4/session.rs`: (hear a TLS client say hello) → route → pick (a lease) → dial, or the
//! next target → copy both ways → account. The lease lasts as long as the connection. Datagrams are in `l4/udp.rs`.

mod account;
mod dial;
mod hello;
mod pipe;
mod pump;
mod relay;
mod session;
mod settings;
mod stats;
mod stock;
mod udp;

pub use settings::{TcpSettings, UdpSettings};

pub(crate) use relay::{Relay, Verdict};
pub(crate) use session::run;
pub(crate) use stats::{DatagramStats, RelayStats};
pub(crate) use stock::Stock;
pub(crate) use udp::{Table, listen};
