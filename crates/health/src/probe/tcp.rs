//! Is the port open?

use std::io;
use std::sync::Arc;

use equipoise_stream::Stream;
use equipoise_target::Endpoint;

use super::{BuildProbeError, Kind, Outcome, Probe, ProbeFuture, ProbeSource};
use crate::Layer;
use crate::reach::Reach;
use crate::terms::{Written, check_kind};

check_kind! {
    /// Opens a TCP connection and closes it again.
    pub struct TcpCheck, layer Layer::Liveness;
}

impl Default for TcpCheck {
    fn default() -> Self {
        Self::with_defaults()
    }
}

impl Kind for TcpCheck {
    fn build(&self, _: &dyn ProbeSource, _: &Reach) -> Result<Arc<dyn Probe>, BuildProbeError> {
        Ok(Arc::new(TcpProbe))
    }

    fn label(&self) -> String {
        "tcp".into()
    }

    fn written(&self) -> Written {
        self.common()
    }

    fn sees_only_a_port(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct TcpProbe;

impl Probe for TcpProbe {
    fn probe(&self, address: Endpoint) -> ProbeFuture<'_> {
        Box::pin(async move {
            match Stream::connect(address).await {
                Ok(_) => Outcome::Pass,
                Err(error) => connect_failed(&error),
            }
        })
    }
}

/// What a failed connect says: about the target, unless this machine had run out of something.
pub(super) fn connect_failed(error: &io::Error) -> Outcome {
    if is_ours(error) {
        Outcome::inconclusive(&format!("no connection could be opened from here: {error}"))
    } else {
        Outcome::fail(&format!("connect: {}", plain(error)))
    }
}

/// The error without the operating system's number, which tells people nothing.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::TimedOut => error.kind().to_string(),
        _ => error.to_string(),
    }
}

/// Out of ports, descriptors or memory, or forbidden by a local filter: no fault of the target.
fn is_ours(error: &io::Error) -> bool {
    /// `ENFILE` and `EMFILE`, which have no `ErrorKind`; the same numbers on Linux, macOS and the BSDs.
    const OUT_OF_DESCRIPTORS: [i32; 2] = [23, 24];
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::PermissionDenied | io::ErrorKind::OutOfMemory
    ) || error.raw_os_error().is_some_and(|number| OUT_OF_DESCRIPTORS.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_says_nothing_about_the_target() {
        for number in [23, 24] {
            assert!(matches!(connect_failed(&io::Error::from_raw_os_error(number)), Outcome::Inconclusive(_)));
        }
        assert!(matches!(connect_failed(&io::ErrorKind::AddrNotAvailable.into()), Outcome::Inconclusive(_)));
    }

    #[test]
    fn a_refused_connection_is_told_in_plain_words() {
        let refused = connect_failed(&io::Error::from_raw_os_error(111));
        assert_eq!(refused, Outcome::fail("connect: connection refused"));
    }
}
