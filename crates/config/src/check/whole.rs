//! What belongs to no listener, group or plugin.

use std::path::Path;
use std::time::Duration;

use super::Checker;
use super::range::HOUR;
use crate::code::Code;
use crate::document::{AccessLog, Admin};
use crate::finding::{At, Finding};
use crate::path::KeyPath;

impl Checker<'_> {
    pub(super) fn admin(&mut self) -> Admin {
        let admin = self.document.admin.clone();
        let path = KeyPath::root().key("admin");
        let open = !admin.bind.ip().to_canonical().is_loopback() && admin.token_file.is_none();
        if open && !self.origin.excused(&path.key("token-file")) {
            let message = format!("{} can be reached from other machines, and needs no token", admin.bind);
            let finding = Finding::error(Code::OpenAdmin, At::Value(path.key("bind")), message);
            self.say(finding.help("write `token-file = \"…\"` beside it, or bind to \"127.0.0.1:9900\""));
        }
        let token_file = admin.token_file.as_deref().map(|file| self.resolve(file, &path.key("token-file")));
        Admin { token_file, ..admin }
    }

    pub(super) fn access_log(&mut self) -> AccessLog {
        let AccessLog { format, path } = &self.document.access_log;
        let key = KeyPath::root().key("access-log").key("path");
        let path = if path == Path::new("-") { path.clone() } else { self.resolve(path, &key) };
        AccessLog { format: *format, path }
    }

    pub(super) fn program(&mut self) {
        let root = KeyPath::root();
        if let Some(workers) = self.document.workers {
            self.number(&root, "workers", workers.get(), 1..=1024);
        }
        self.duration(&root, "drain-timeout", self.document.drain_timeout, Duration::ZERO..=HOUR);
        if self.document.listener.is_empty() && !self.origin.is_partial() {
            let at = At::Key(root.key("listener"));
            let finding = Finding::warning(Code::NoListeners, at, "there is no listener, so no request can come in");
            self.say(finding.help("write `[listener.web]` with `bind = \"0.0.0.0:8080\"`"));
        }
    }
}
