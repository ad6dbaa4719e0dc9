//! One line of the access log.

use std::io::{self, Write};
use std::time::Duration;

use equipoise_stream::tls::TlsFacts;
use equipoise_target::Endpoint;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Uri, Version, header};

use super::LogFormat;
use crate::downstream::peer::Peer;

/// What a line needs of the request's head, which is gone by the time the request ends. Clones share the bytes that
/// came from the network.
#[derive(Debug)]
pub(crate) struct Draft {
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
}

impl Draft {
    pub(crate) fn new(head: &Parts, version: Version, request_id: Option<HeaderValue>) -> Self {
        let field = |name: &HeaderName| head.headers.get(name).cloned();
        Self {
            method: head.method.clone(),
            uri: head.uri.clone(),
            version,
            host: field(&header::HOST),
            user_agent: field(&header::USER_AGENT),
            referer: field(&header::REFERER),
            request_id,
        }
    }
}

impl Draft {
    fn json(&self, text: &mut impl FnMut(&str, &str) -> io::Result<()>) -> io::Result<()> {
        text("http.request.method", self.method.as_str())?;
        text("url.path", self.uri.path())?;
        self.uri.query().map_or(Ok(()), |query| text("url.query", query))?;
        text("network.protocol.version", protocol(self.version))?;
        let fields = [
            ("server.address", &self.host),
            ("user_agent.original", &self.user_agent),
            ("http.request.header.referer", &self.referer),
            ("request.id", &self.request_id),
        ];
        for (key, value) in fields {
            value.as_ref().map_or(Ok(()), |value| text(key, &String::from_utf8_lossy(value.as_bytes())))?;
        }
        Ok(())
    }
}

/// What one line says.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) unix_millis: u64,
    /// What the request asked for; `None` when its head could not be read.
    pub(crate) draft: Option<&'a Draft>,
    /// What the client's connection agreed on, inside TLS.
    pub(crate) tls: Option<&'a TlsFacts>,
    pub(crate) listener: &'a str,
    pub(crate) group: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) client: Peer,
    pub(crate) target: Option<Endpoint>,
    pub(crate) attempts: u8,
    pub(crate) status: u16,
    /// How a call of gRPC ended.
    pub(crate) grpc: Option<u8>,
    /// Why the request failed, or nothing.
    pub(crate) reason: &'a str,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) duration: Duration,
}

impl Entry<'_> {
    pub(crate) fn write(&self, format: LogFormat, line: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match format {
            LogFormat::Json => self.json(line),
            LogFormat::Combined => self.combined(line),
        };
    }

    fn json(&self, line: &mut Vec<u8>) -> io::Result<()> {
        let date = Date::of(self.unix_millis);
        write!(line, "{{\"time\":\"{}\"", date.rfc3339())?;
        let mut text = |key: &str, value: &str| -> io::Result<()> {
            write!(line, ",\"{key}\":")?;
            serde_json::to_writer(&mut *line, value).map_err(Into::into)
        };
        text("client.address", &self.client.to_string())?;
        self.draft.map_or(Ok(()), |draft| draft.json(&mut text))?;
        if let Some(tls) = self.tls {
            text("tls.protocol.version", tls.version.as_str())?;
            text("tls.cipher", tls.cipher)?;
            tls.server_name.as_deref().map_or(Ok(()), |name| text("tls.client.server_name", name))?;
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
        if let Some(grpc) = self.grpc {
            write!(line, ",\"rpc.grpc.status_code\":{grpc}")?;
        }
        let Self { status, attempts, received, sent, .. } = self;
        let seconds = self.duration.as_secs_f64();
        writeln!(
            line,
            ",\"http.response.status_code\":{status},\"attempts\":{attempts},\"bytes.received\":{received},\
             \"bytes.sent\":{sent},\"duration\":{seconds:.6}}}"
        )
    }

    fn combined(&self, line: &mut Vec<u8>) -> io::Result<()> {
        write!(line, "{} - - [{}] \"", self.client, Date::of(self.unix_millis).apache())?;
        if let Some(Draft { method, uri, version, .. }) = self.draft {
            write!(line, "{method} ")?;
            escape(uri.path_and_query().map_or(b"/", |target| target.as_str().as_bytes()), line);
            write!(line, " HTTP/{}", protocol(*version))?;
        } else {
            line.push(b'-');
        }
        write!(line, "\" {} {} \"", self.status, self.sent)?;
        let fields = self.draft.map_or((None, None), |draft| (draft.referer.as_ref(), draft.user_agent.as_ref()));
        for (value, end) in [(fields.0, "\" \""), (fields.1, "\"")] {
            escape(value.map_or(b"-", HeaderValue::as_bytes), line);
            line.extend_from_slice(end.as_bytes());
        }
        write!(line, " {:.6} ", self.duration.as_secs_f64())?;
        match self.target {
            Some(target) => write!(line, "{target}")?,
            None => line.push(b'-'),
        }
        writeln!(line, " {}", if self.reason.is_empty() { "-" } else { self.reason })
    }
}

/// Bytes that could end the line, the quotes or the reader's terminal session are written as `\xHH`, as nginx does.
pub(super) fn escape(bytes: &[u8], line: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\' {
            line.push(byte);
        } else {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
            line.extend_from_slice(&[b'\\', b'x', high, low]);
        }
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

/// A point in time, taken apart for people. UTC.
pub(super) struct Date {
    year: u64,
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millis: u64,
}

impl Date {
    /// Days to a date by counting from 1 March of year 0, so that the leap day is the last of its year; 400 years have
    /// 146,097 days.
    pub(super) fn of(unix_millis: u64) -> Self {
        let seconds = unix_millis / 1000;
        let days = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: month as usize, // 1 to 12
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millis: unix_millis % 1000,
        }
    }

    pub(super) fn rfc3339(&self) -> String {
        let Self { year, month, day, hour, minute, second, millis } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }

    pub(super) fn apache(&self) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{day:02}/{}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000", MONTHS[month - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat) -> String {
        line_of(format, true)
    }

    fn line_of(format: LogFormat, readable: bool) -> String {
        let request = http::Request::get("/todos?a=1")
            .header("host", "todo.example")
            .header("user-agent", HeaderValue::from_bytes(b"evil\"\t\xff").unwrap())
            .body(())
            .unwrap();
        let draft = Draft::new(&request.into_parts().0, Version::HTTP_11, None);
        let entry = Entry {
            unix_millis: 1_709_210_096_007,
            draft: readable.then_some(&draft),
            tls: None,
            listener: "web",
            group: "todo",
            rule: "10",
            client: Peer::behind_proxy([192, 0, 2, 1].into()),
            target: Some(Endpoint::from(([10, 0, 0, 1], 80))),
            attempts: 2,
            status: 504,
            grpc: None,
            reason: "response-timeout",
            received: 3,
            sent: 4,
            duration: Duration::from_millis(1500),
        };
        let mut line = Vec::new();
        entry.write(format, &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_combined_line_holds_no_control_character_and_no_foreign_quote() {
        assert_eq!(
            line(LogFormat::Combined),
            "192.0.2.1 - - [29/Feb/2024:12:34:56 +0000] \"GET /todos?a=1 HTTP/1.1\" 504 4 \"-\" \
             \"evil\\x22\\x09\\xFF\" 1.500000 10.0.0.1:80 response-timeout\n"
        );
    }

    #[test]
    fn a_request_that_nobody_could_read_is_a_line_too() {
        assert_eq!(
            line_of(LogFormat::Combined, false),
            "192.0.2.1 - - [29/Feb/2024:12:34:56 +0000] \"-\" 504 4 \"-\" \"-\" 1.500000 10.0.0.1:80 response-timeout\n"
        );
        let value: serde_json::Value = serde_json::from_str(&line_of(LogFormat::Json, false)).unwrap();
        assert_eq!((&value["client.address"], value.get("url.path")), (&"192.0.2.1".into(), None));
    }

    #[test]
    fn a_json_line_is_one_object() {
        let line = line(LogFormat::Json);
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["time"], "2024-02-29T12:34:56.007Z");
        assert_eq!(value["url.query"], "a=1");
        assert_eq!(value["user_agent.original"], "evil\"\t\u{fffd}");
        assert_eq!(value["http.response.status_code"], 504);
        assert_eq!(value["duration"], 1.5);
    }

    #[test]
    fn dates_know_leap_years_and_ends_of_months() {
        for (millis, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Date::of(millis).rfc3339(), want);
        }
    }
}
