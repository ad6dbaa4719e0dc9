//! What connections cost that have had an answer and wait for their next request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::process::{Pinned, pause};
use super::report::Sample;

/// Long enough for a proxy to give back what it gives back.
const SETTLE: Duration = Duration::from_secs(8);

/// KiB for each of `connections`, over what the proxy takes when it has served a few.
pub(super) fn measure(proxy: &Pinned, connections: usize) -> Result<Sample> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = connections as u64 + 500;
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), ..limit };
        setrlimit(Resource::Nofile, raised).with_context(|| format!("raising the limit of descriptors to {wanted}"))?;
    }
    let few = hold(proxy.port, 64)?;
    pause(SETTLE);
    let before = proxy.memory()?;
    let many = hold(proxy.port, connections)?;
    pause(SETTLE);
    let kib = (proxy.memory()? - before) / connections as f64;
    drop((few, many));
    Ok(Sample { kib, ..Sample::default() })
}

fn hold(port: u16, connections: usize) -> Result<Vec<TcpStream>> {
    let one = |number| answered(port).with_context(|| format!("connection {number}"));
    (0..connections).map(one).collect()
}

fn answered(port: u16) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /s HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    // The target's body ends like this and holds nothing else.
    while !answer.ends_with(b"xxxx") {
        let mut part = [0; 4096];
        let count = stream.read(&mut part)?;
        anyhow::ensure!(count > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..count]);
    }
    Ok(stream)
}
