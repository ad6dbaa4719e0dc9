//! From the health monitor to the data plane.

use std::sync::Weak;

use equipoise_health::{EventKind, HealthEvent, Observer};
use equipoise_target::GroupName;

use crate::core::Core;

/// Tells a core what the monitor sees. Weak: the core owns the monitor.
pub(crate) struct ToCore(pub(crate) Weak<Core>);

impl Observer for ToCore {
    fn changed(&self, group: &GroupName) {
        if let Some(core) = self.0.upgrade() {
            core.publish(group);
        }
    }

    fn event(&self, event: &HealthEvent) {
        match &event.kind {
            EventKind::Healthy { .. } => tracing::info!("{event}"),
            EventKind::Held { .. } => tracing::error!("guard: {event}"),
            EventKind::Released { .. } => tracing::warn!("guard: {event}"),
            _ => tracing::warn!("{event}"),
        }
        if let Some(core) = self.0.upgrade() {
            core.metrics.health_event(event);
            core.tell_scaling(event);
        }
    }
}
