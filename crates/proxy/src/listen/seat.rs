//! Places for connections: among the listener's, the process's, and its source's. Each is given back by its drop.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::listen::sources::SourceSeat;
use crate::worker::local::Place;

/// A connection's place.
#[derive(Debug)]
pub(crate) struct Seat {
    _listener: Counted,
    _process: Counted,
    _source: Option<SourceSeat>,
}

/// Why there is no place; each is a reason code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Listener,
    Process,
    Source,
}

impl Full {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Listener => "too-many-connections",
            Self::Process => "no-descriptors",
            Self::Source => "too-many-from-source",
        }
    }
}

impl Seat {
    /// A place among the `limit` connections of a listener, and among those that the process has descriptors for.
    pub(crate) fn take(place: &Place, limit: usize) -> Result<Self, Full> {
        let listener = Counted::take(&place.connections, limit).ok_or(Full::Listener)?;
        let process = Counted::take(&place.budget.taken, place.budget.limit()).ok_or(Full::Process)?;
        Ok(Self { _listener: listener, _process: process, _source: None })
    }

    /// The same with a place among the `limit` connections of its source.
    pub(crate) fn of_source(self, place: &Place, source: IpAddr, limit: usize) -> Result<Self, Full> {
        let source = place.sources.take(source, limit).ok_or(Full::Source)?;
        Ok(Self { _source: Some(source), ..self })
    }
}

/// One of those that are counted.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn take(count: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let counted = Self(Arc::clone(count)); // given back by its drop, also when it was one too many
        (count.fetch_add(1, Relaxed) < limit).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
