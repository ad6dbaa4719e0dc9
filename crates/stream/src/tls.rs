//! TLS for both sides of a balancer, and a look at a `ClientHello` that somebody else will answer.
//!
//! Everything that is configured is loaded first ([`Certificate`], [`Authorities`]) and put together then ([`ServerTls`],
//! [`ClientTls`]), so that a broken file is known before anything is replaced. All of rustls stays inside this module.

mod accept;
mod authorities;
mod certificate;
mod client;
mod connect;
mod distinguished;
mod error;
mod facts;
mod hello;
mod names;
mod pem;
mod provider;
mod resumption;
mod roster;
mod server;
mod session;

pub use self::accept::{Arrival, read_hello};
pub use self::authorities::Authorities;
pub use self::certificate::{Certificate, KeyType};
pub use self::client::{ClientTls, ClientTlsSettings, TlsName, TlsNameError, Trust};
pub use self::error::{HandshakeError, LoadError, TlsBuildError};
pub use self::facts::{ClientCertificate, TlsFacts};
pub use self::hello::{BrokenHello, HELLO_LIMIT, Hello, HelloReader, Peek};
pub use self::server::{ClientAuth, ClientAuthMode, ServerTls, ServerTlsSettings, TlsVersion};
pub use self::session::TlsStream;
