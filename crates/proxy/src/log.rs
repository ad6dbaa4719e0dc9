//! The access log: one line for each request, written by a thread of its own.
//!
//! A worker formats the line and puts it into a bounded queue. When the queue is full, because the disk is slow or the
//! pipe is not read, the line is dropped and counted: a log never holds up traffic.

mod entry;
mod passage;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

pub(crate) use entry::{Draft, Entry};
pub(crate) use passage::Passage;

/// Lines that may wait for the writer: about 2 MB, a tenth of a second of a busy worker.
const QUEUE: usize = 8192;
/// How often a flush looks whether a full queue has room again.
const LOOK: Duration = Duration::from_millis(5);
/// What tests wait for the writer at most.
#[cfg(test)]
const PLENTY: Duration = Duration::from_secs(30);

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// Standard output of the program.
    Stdout,
    /// A file, created when it is missing, appended to.
    File(PathBuf),
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object on one line, keys after OpenTelemetry's semantic conventions.
    Json,
    /// The combined log format of Apache and nginx, followed by the time in seconds, the target and the reason.
    Combined,
}

/// Where each request is noted. Clones write to the same place; when the last one is gone, the writer finishes what is
/// queued and ends.
#[derive(Debug, Clone)]
pub struct AccessLog {
    format: LogFormat,
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Reopen,
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// Opens the destination and starts the writer.
    ///
    /// # Errors
    /// The error of opening the file, or of starting a thread.
    pub fn open(destination: LogDestination, format: LogFormat) -> io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        let sink = open(&destination)?;
        std::thread::Builder::new().name("access-log".into()).spawn(move || write(&destination, sink, &lines))?;
        Ok(Self { format, queue, dropped: Arc::default() })
    }

    /// Closes and opens the file again, so that a rotated file is let go. When that fails, writing goes on in the old
    /// one. Does not wait.
    pub fn reopen(&self) {
        self.send(Message::Reopen);
    }

    /// Waits until everything noted so far is written, or `limit` is over: a pipe that nobody reads must not keep a
    /// program. Whether all was written. Blocks: for the end of a program, not for a worker.
    #[expect(clippy::disallowed_methods, reason = "not called on a worker")]
    pub fn flush(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let (done, written) = sync_channel(1);
        let mut message = Message::Flush(done);
        while let Err(refused) = self.queue.try_send(message) {
            let TrySendError::Full(back) = refused else { return false };
            if Instant::now() >= end {
                return false;
            }
            message = back;
            std::thread::sleep(LOOK);
        }
        written.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok()
    }

    /// Lines that were dropped because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    pub(crate) fn note(&self, entry: &Entry<'_>) {
        let mut line = Vec::with_capacity(256);
        entry.write(self.format, &mut line);
        self.send(Message::Line(line));
    }

    pub(crate) fn note_passage(&self, passage: &Passage<'_>) {
        let mut line = Vec::with_capacity(256);
        passage.write(self.format, &mut line);
        self.send(Message::Line(line));
    }

    fn send(&self, message: Message) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(message) {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

enum Sink {
    Stdout(io::Stdout),
    File(BufWriter<File>),
}

impl Sink {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::File(file) => file,
        }
    }
}

fn open(destination: &LogDestination) -> io::Result<Sink> {
    Ok(match destination {
        LogDestination::Stdout => Sink::Stdout(io::stdout()),
        LogDestination::File(path) => {
            Sink::File(BufWriter::with_capacity(64 << 10, OpenOptions::new().create(true).append(true).open(path)?))
        }
    })
}

fn write(destination: &LogDestination, mut sink: Sink, lines: &Receiver<Message>) {
    // A full disk must not end the writer, and cannot be told in the log: it is told once, until a write works again.
    let mut failing = false;
    while let Ok(first) = lines.recv() {
        let mut flushed = Vec::new();
        let mut result = Ok(());
        for message in std::iter::once(first).chain(lines.try_iter().take(QUEUE)) {
            match message {
                Message::Line(line) => result = result.and(sink.writer().write_all(&line)),
                Message::Flush(done) => flushed.push(done),
                Message::Reopen => {
                    result = result.and(sink.writer().flush());
                    match open(destination) {
                        Ok(fresh) => sink = fresh,
                        Err(error) => tracing::error!(%error, ?destination, "cannot reopen the access log"),
                    }
                }
            }
        }
        match result.and(sink.writer().flush()) {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, ?destination, "cannot write the access log");
            }
            Err(_) => {}
        }
        for done in flushed {
            let _ = done.send(()); // whoever waited may have given up
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopened_log_lets_the_rotated_file_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = AccessLog::open(LogDestination::File(path.clone()), LogFormat::Json).unwrap();
        log.send(Message::Line(b"one\n".to_vec()));
        assert!(log.flush(PLENTY));
        std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
        log.reopen();
        log.send(Message::Line(b"two\n".to_vec()));
        assert!(log.flush(PLENTY));
        assert_eq!(std::fs::read(folder.path().join("access.log.1")).unwrap(), b"one\n");
        assert_eq!(std::fs::read(path).unwrap(), b"two\n");
    }

    #[test]
    fn a_full_queue_drops_and_counts_but_never_waits() {
        let (queue, _unread) = sync_channel(1);
        let log = AccessLog { format: LogFormat::Json, queue, dropped: Arc::default() };
        (0..3).for_each(|_| log.send(Message::Line(Vec::new())));
        assert_eq!(log.dropped(), 2);
    }

    #[test]
    fn a_writer_that_is_stuck_holds_up_a_flush_for_its_limit_only() {
        let (queue, _unread) = sync_channel(1);
        let log = AccessLog { format: LogFormat::Json, queue, dropped: Arc::default() };
        assert!(!log.flush(Duration::from_millis(20)), "in the queue, and nobody reads it");
        assert!(!log.flush(Duration::from_millis(20)), "the queue is full");
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error_at_once() {
        let path = PathBuf::from("/nonexistent/access.log");
        assert!(AccessLog::open(LogDestination::File(path), LogFormat::Json).is_err());
    }
}
