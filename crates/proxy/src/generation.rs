//! Everything that requests are served by, swapped as a whole.

use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use equipoise_target::GroupName;

use crate::{AccessLog, Group, Listener};

/// Everything that requests are served by. A request keeps the generation that it started with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Generation {
    /// Where clients connect. No two may share an address.
    pub listeners: Vec<Listener>,
    /// Where requests can go.
    pub groups: AHashMap<GroupName, Arc<Group>>,
    /// Where each request is noted.
    pub access_log: Option<AccessLog>,
    /// How long connections of a listener that is gone may take to finish.
    pub drain_timeout: Duration,
    /// How late a worker may come to what is due before it turns requests away; `None` for any.
    pub shed_lag: Option<Duration>,
}

impl Generation {
    /// A generation of these listeners and groups, without an access log, with 30 s to drain.
    #[must_use]
    pub fn new(listeners: Vec<Listener>, groups: impl IntoIterator<Item = Arc<Group>>) -> Self {
        let groups = groups.into_iter().map(|group| (group.name().clone(), group)).collect();
        Self { listeners, groups, access_log: None, drain_timeout: Duration::from_secs(30), shed_lag: None }
    }
}
