//! The signals that a service manager and a person at a terminal send.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// HUP: read the configuration again.
    Reload,
    /// USR1: open log files by name again, after they were rotated.
    ReopenLogs,
    /// USR2: put another process of the same program in this one's place.
    Upgrade,
    /// QUIT, or the first TERM or INT: finish requests, then end.
    Drain,
    /// TERM or INT during a drain: end now.
    Stop,
}

/// All of them, caught from the moment of [`Signals::catch`].
#[derive(Debug)]
pub(crate) struct Signals {
    hup: Signal,
    usr1: Signal,
    usr2: Signal,
    quit: Signal,
    term: Signal,
    int: Signal,
    draining: bool,
}

impl Signals {
    /// Must be called within a runtime, before anything that a signal should interrupt in an orderly way.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            usr2: signal(SignalKind::user_defined2())?,
            quit: signal(SignalKind::quit())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            draining: false,
        })
    }

    /// The next order. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.hup.recv() => Order::Reload,
            _ = self.usr1.recv() => Order::ReopenLogs,
            _ = self.usr2.recv() => Order::Upgrade,
            _ = self.quit.recv() => {
                self.draining = true;
                Order::Drain
            }
            _ = self.term.recv() => self.end(),
            _ = self.int.recv() => self.end(),
        }
    }

    fn end(&mut self) -> Order {
        if std::mem::replace(&mut self.draining, true) { Order::Stop } else { Order::Drain }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn the_second_request_to_end_means_now() {
        let mut signals = Signals::catch().unwrap();
        for (number, order) in [
            (Number::HUP, Order::Reload),
            (Number::USR1, Order::ReopenLogs),
            (Number::USR2, Order::Upgrade),
            (Number::TERM, Order::Drain),
            (Number::QUIT, Order::Drain),
            (Number::INT, Order::Stop),
        ] {
            kill_process(getpid(), number).unwrap();
            assert_eq!(signals.next().await, order, "{number:?}");
        }
    }
}
