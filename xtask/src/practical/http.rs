//! As much of HTTP/1.1 as it takes to ask one program that is known.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// A user does not wait longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest body that is read.
const BODY: u64 = 64 << 20;

/// A connection that is kept, as browsers and load tools do.
#[derive(Debug)]
pub(super) struct Line {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Whether somebody listens.
pub(super) fn is_open(address: &str) -> bool {
    let address: Option<SocketAddr> = address.parse().ok();
    address.is_some_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
}

impl Line {
    pub(super) fn new(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Asks once; once more on a new connection when a kept one turns out to have been closed meanwhile.
    pub(super) fn ask(&mut self, method: &str, path: &str) -> Result<Answer> {
        if let Some(stream) = self.stream.take()
            && let Some(answer) = self.exchange(stream, method, path)?
        {
            return Ok(answer);
        }
        let stream = TcpStream::connect(("127.0.0.1", self.port)).context("connecting")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.exchange(BufReader::new(stream), method, path)?.context("the connection was closed without an answer")
    }

    /// `None` when the other side closed the connection before it said a word.
    fn exchange(&mut self, mut stream: BufReader<TcpStream>, method: &str, path: &str) -> Result<Option<Answer>> {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        let sent = stream.get_mut().write_all(request.as_bytes());
        let began = sent.and_then(|()| stream.fill_buf().map(|bytes| !bytes.is_empty()));
        match began {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                return Ok(None);
            }
            Err(error) => return Err(error).context("waiting for an answer"),
        }
        let (status, length, last) = head(&mut stream)?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).context("reading a body")?;
        if !last {
            self.stream = Some(stream);
        }
        Ok(Some(Answer { status, body }))
    }
}

/// Status, length of the body, and whether the connection ends with it.
fn head(stream: &mut BufReader<TcpStream>) -> Result<(u16, usize, bool)> {
    let mut lines = stream.by_ref().take(64 << 10).lines();
    let first = lines.next().context("no status")??;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("`{first}` is no status"))?;
    let (mut length, mut last) = (None, false);
    for line in lines {
        let line = line?.to_ascii_lowercase();
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => length = Some(value.parse::<u64>()?),
            Some(("connection", "close")) => last = true,
            Some(_) => {}
            None if line.is_empty() => {
                let length = length.filter(|length| *length <= BODY).context("no length that could be read")?;
                return Ok((status, usize::try_from(length)?, last));
            }
            None => bail!("`{line}` is no field"),
        }
    }
    bail!("the head has no end")
}
