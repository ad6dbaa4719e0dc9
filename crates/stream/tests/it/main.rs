//! TLS on real sockets, with certificates made for the occasion.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod client_auth;
mod hello;
mod load;
mod names;
mod resumption;
mod stream;
mod support;
