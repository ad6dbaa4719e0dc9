//! Byte streams: TCP and Unix sockets behind one type, and TLS over them.
//!
//! This crate knows sockets and rustls. It refuses to know what is said over a stream.
//!
//! ```no_run
//! use equipoise_stream::Stream;
//! use tokio::io::AsyncWriteExt;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut stream = Stream::connect("unix:/run/todo.sock".parse()?).await?;
//! stream.write_all(b"hello").await?;
//! # Ok(())
//! # }
//! ```

mod dial;
mod proxy_protocol;
mod stream;
pub mod tls;

pub use dial::{Dial, DialError, SocketOptions, TargetTls};
pub use proxy_protocol::{Ends, ProxyProtocol};
pub use stream::Stream;
