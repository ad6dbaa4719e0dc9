//! One line of the access log for a connection, or a session of datagrams, that was passed on.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use equipoise_target::Endpoint;

use super::LogFormat;
use super::entry::{Date, escape};

/// What one line says.
#[derive(Debug)]
pub(crate) struct Passage<'a> {
    pub(crate) unix_millis: u64,
    /// `tcp`, `tls` or `udp`.
    pub(crate) protocol: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) group: &'a str,
    pub(crate) rule: &'a str,
    /// `None` for a client on a Unix socket.
    pub(crate) client: Option<SocketAddr>,
    /// The server name that a TLS client asked for.
    pub(crate) sni: Option<&'a str>,
    pub(crate) target: Option<Endpoint>,
    pub(crate) attempts: u8,
    /// Why it ended early, or nothing.
    pub(crate) reason: &'a str,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) duration: Duration,
}

impl Passage<'_> {
    pub(crate) fn write(&self, format: LogFormat, line: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match format {
            LogFormat::Json => self.json(line),
            LogFormat::Combined => self.combined(line),
        };
    }

    fn json(&self, line: &mut Vec<u8>) -> std::io::Result<()> {
        write!(line, "{{\"time\":\"{}\"", Date::of(self.unix_millis).rfc3339())?;
        let mut text = |key: &str, value: &str| -> std::io::Result<()> {
            write!(line, ",\"{key}\":")?;
            serde_json::to_writer(&mut *line, value).map_err(Into::into)
        };
        if let Some(client) = self.client {
            text("client.address", &client.ip().to_canonical().to_string())?;
        }
        text("network.protocol.name", self.protocol)?;
        if let Some(sni) = self.sni {
            text("tls.server.name", sni)?;
        }
        text("listener", self.listener)?;
        text("rule", self.rule)?;
        text("group", self.group)?;
        if let Some(target) = self.target {
            text("target", &target.to_string())?;
        }
        if !self.reason.is_empty() {
            text("reason", self.reason)?;
        }
        if let Some(client) = self.client {
            write!(line, ",\"client.port\":{}", client.port())?;
        }
        let Self { attempts, received, sent, .. } = self;
        let seconds = self.duration.as_secs_f64();
        writeln!(
            line,
            ",\"attempts\":{attempts},\"bytes.received\":{received},\"bytes.sent\":{sent},\"duration\":{seconds:.6}}}"
        )
    }

    /// As near to the format as what is no request can be: the protocol and the server name for the request line, and 000,
    /// which no response has, for the status.
    fn combined(&self, line: &mut Vec<u8>) -> std::io::Result<()> {
        match self.client {
            Some(client) => write!(line, "{}", client.ip().to_canonical())?,
            None => line.push(b'-'),
        }
        write!(line, " - - [{}] \"{}", Date::of(self.unix_millis).apache(), self.protocol.to_ascii_uppercase())?;
        if let Some(sni) = self.sni {
            line.push(b' ');
            escape(sni.as_bytes(), line);
        }
        write!(line, "\" 000 {} \"-\" \"-\" {:.6} ", self.sent, self.duration.as_secs_f64())?;
        match self.target {
            Some(target) => write!(line, "{target}")?,
            None => line.push(b'-'),
        }
        writeln!(line, " {}", if self.reason.is_empty() { "-" } else { self.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: LogFormat, want: &str) {
        let passage = Passage {
            unix_millis: 1_700_000_000_123,
            protocol: "tls",
            listener: "sni",
            group: "db",
            rule: "10",
            client: Some("[::ffff:192.0.2.7]:4000".parse().unwrap()),
            sni: Some("a\"b"),
            target: Some("10.0.0.1:5432".parse().unwrap()),
            attempts: 2,
            reason: "idle-timeout",
            received: 3,
            sent: 4,
            duration: Duration::from_millis(1500),
        };
        let mut line = Vec::new();
        passage.write(format, &mut line);
        assert_eq!(String::from_utf8(line).unwrap(), want);
    }

    #[test]
    fn json_says_all_of_it() {
        check(
            LogFormat::Json,
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"client.address\":\"192.0.2.7\",\
             \"network.protocol.name\":\"tls\",\"tls.server.name\":\"a\\\"b\",\"listener\":\"sni\",\"rule\":\"10\",\
             \"group\":\"db\",\"target\":\"10.0.0.1:5432\",\"reason\":\"idle-timeout\",\"client.port\":4000,\
             \"attempts\":2,\"bytes.received\":3,\"bytes.sent\":4,\"duration\":1.500000}\n",
        );
    }

    #[test]
    fn combined_keeps_its_columns() {
        check(
            LogFormat::Combined,
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"TLS a\\x22b\" 000 4 \"-\" \"-\" 1.500000 10.0.0.1:5432 \
             idle-timeout\n",
        );
    }
}
