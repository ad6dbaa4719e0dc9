//! Configuration: text to a [`Document`], a document to a checked [`Config`], and a [`Report`] of everything that is
//! wrong on the way, each problem with its file, line, column and what to write instead.
//!
//! This crate knows what can be configured. It refuses to know how any of it runs.
//!
//! ```
//! let environment = |name: &str| (name == "PORT").then(|| "8080".to_owned());
//! let text = r#"
//!     [listener.web]
//!     bind = "127.0.0.1:${PORT}"
//!     default = { forward = "todo" }
//!     [target-group.todo]
//!     targets = ["127.0.0.1:6400", "127.0.0.1:6401"]
//! "#;
//! let loaded = equipoise_config::parse(text, &environment)?;
//! assert_eq!(loaded.config.target_groups[0].targets.len(), 2);
//!
//! let report = equipoise_config::parse(&text.replace("\"todo\"", "\"tood\""), &environment).unwrap_err();
//! assert!(report.to_string().contains("did you mean `todo`?"));
//! # Ok::<(), equipoise_config::Report>(())
//! ```

mod check;
mod code;
mod config;
mod describe;
mod diff;
pub mod document;
mod effective;
mod finding;
mod json;
mod limits;
mod load;
mod locate;
mod path;
mod read;
mod report;
mod schema;
mod size;
mod source;
mod suggest;
mod toml_text;
mod tree;

pub use code::Code;
pub use config::{
    CertificateFiles, ClientAuth, Config, Listener, ListenerTls, Need, Needed, Plugin, Target, TargetGroup, TargetTls,
    Way,
};
pub use diff::{Action as ChangeAction, Change, diff};
pub use document::{
    AccessLog, AccessLogFormat, Admin, CircuitBreaker, ClientAuthMode, ClientLimits, ClientTimeouts, Document,
    Fallback, FileMode, Grant, GroupLimits, Hedge, ListenerSocket, NormalizePath, Pool, Protocol, ProxyProtocolFrom,
    ProxyVersion, Queue, RateKey, RateLimit, Retry, RetryOn, Scaling, Shed, StateFile, TargetProtocol, TargetSocket,
    TargetTimeouts, TcpSettings, TlsVersion, UdpSettings, World,
};
pub use effective::effective;
pub use limits::{
    MAX_ALARMS, MAX_BYTES, MAX_FILES, MAX_HASH_SLOTS, MAX_LISTENERS, MAX_PLUGINS, MAX_POLICIES, MAX_PROBLEMS,
    MAX_RULES, MAX_SCALING_GROUPS, MAX_TARGET_GROUPS, MAX_TARGETS,
};
pub use load::{Loaded, Native, check, load, parse};
pub use report::{Diagnostic, Location, Related, Report, Severity};
pub use schema::schema;
pub use size::{Size, SizeError};
pub use source::Sources;
pub use tree::Environment;
