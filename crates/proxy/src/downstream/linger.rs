//! Closing on a client that still sends.

use std::time::Duration;

use equipoise_stream::Stream;
use tokio::io::AsyncReadExt;

/// Most bytes that are read and dropped before a connection is closed.
pub(crate) const MOST: usize = 64 << 10;

/// Longest time that is spent on it.
const LONGEST: Duration = Duration::from_secs(2);

/// Drops what a client still sends, for a while. The kernel answers bytes that come after a close with a reset, and a
/// reset takes away from the client what it has not read of our last answer (RFC 9112 section 9.6).
pub(crate) async fn linger(mut stream: Stream) {
    let dropping = async {
        let (mut space, mut dropped) = ([0; 4096], 0);
        while dropped < MOST {
            match stream.read(&mut space).await {
                Ok(count) if count > 0 => dropped += count,
                _ => return,
            }
        }
    };
    // Whether the client stopped or the time did makes no difference.
    let _ = tokio::time::timeout(LONGEST, dropping).await;
}
