//! The data plane on real sockets: raw bytes go in on one side, and are judged on the other.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

mod access;
mod announced;
mod balancing;
mod body;
mod certificates;
mod circuit;
mod early;
mod fields;
mod grpc;
mod hardening;
mod hedge;
mod http2;
mod https;
mod lifecycle;
mod limits;
mod multiplexed;
mod noting;
mod passthrough;
mod rate;
mod raw_http2;
mod retry;
mod sockets;
mod stream;
mod streams;
mod strict;
mod support;
mod tcp;
mod timeout;
mod to_targets;
mod tunnel;
mod udp;
