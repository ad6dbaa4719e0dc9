//! Health checks of target groups, with what AWS does where nothing is said.

use super::Context;
use crate::NoteKind;
use crate::toml_text::{Toml, seconds, text};
use crate::view::View;

/// Where Terraform's provider has a default that differs from AWS's own, it counts as soon as there is a block.
struct Thresholds {
    healthy: u32,
    unhealthy: u32,
}

const OF_PROVIDER: Thresholds = Thresholds { healthy: 3, unhealthy: 3 };
const OF_AWS: Thresholds = Thresholds { healthy: 5, unhealthy: 2 };
const INTERVAL: u32 = 30;

/// Writes the check of the group `name`.
pub(super) fn write(_: &Context<'_>, group: &View<'_>, name: &str, protocol: &str, grpc: bool, toml: &mut Toml) {
    let layer4 = matches!(protocol, "tcp" | "udp");
    let Some(block) = group.block("health_check") else {
        let kind = if layer4 {
            "tcp"
        } else if grpc {
            "grpc"
        } else {
            "http"
        };
        common(toml, name, kind, INTERVAL, if layer4 { 10 } else { 5 }, &OF_AWS);
        if kind == "http" {
            toml.set("expected-status", text("200"));
        }
        return;
    };
    if block.flag("enabled") == Some(false) {
        block.saw(&[
            "healthy_threshold",
            "unhealthy_threshold",
            "interval",
            "timeout",
            "protocol",
            "path",
            "port",
            "matcher",
        ]);
        return;
    }
    let checked = block.text("protocol").unwrap_or_else(|| "HTTP".to_owned());
    let kind = if checked == "TCP" {
        "tcp"
    } else if grpc {
        "grpc"
    } else {
        "http"
    };
    let interval = block.count("interval").unwrap_or(INTERVAL).max(1);
    let usual = if !layer4 {
        5
    } else if kind == "http" {
        6
    } else {
        10
    };
    let timeout = block.count("timeout").unwrap_or_else(|| usual.min(interval.saturating_sub(1)));
    let thresholds = Thresholds {
        healthy: block.count("healthy_threshold").unwrap_or(OF_PROVIDER.healthy),
        unhealthy: block.count("unhealthy_threshold").unwrap_or(OF_PROVIDER.unhealthy),
    };
    common(toml, name, kind, interval, timeout, &thresholds);
    if let Some(port) = block.text("port").and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0) {
        toml.set("port", i64::from(port));
    }
    match kind {
        "http" => http(&block, protocol, layer4, &checked, toml),
        "grpc" => {
            block.saw(&["path", "matcher"]);
            block.note_whole(NoteKind::Differs, "asks gRPC's own health service, for the whole server");
        }
        _ => block.saw(&["path", "matcher"]),
    }
}

fn common(toml: &mut Toml, name: &str, kind: &str, interval: u32, timeout: u32, thresholds: &Thresholds) {
    toml.blank();
    toml.table(&format!("target-group.{name}.health-check.{kind}"));
    toml.set("interval", seconds(interval));
    toml.set("timeout", seconds(timeout.max(1)));
    toml.set("healthy-threshold", i64::from(thresholds.healthy.max(1)));
    toml.set("unhealthy-threshold", i64::from(thresholds.unhealthy.max(1)));
}

fn http(block: &View<'_>, protocol: &str, layer4: bool, checked: &str, toml: &mut Toml) {
    toml.set("path", text(&block.text("path").unwrap_or_else(|| "/".to_owned())));
    let usual = if layer4 { "200-399" } else { "200" };
    toml.set("expected-status", text(&block.text("matcher").unwrap_or_else(|| usual.to_owned())));
    match (checked, protocol) {
        ("HTTP", "https" | "h2") => toml.set("plain", true),
        ("HTTPS", "http" | "h2c" | "tcp" | "udp") => {
            block.note("protocol", NoteKind::Differs, "checked without TLS, as the group's requests are sent");
        }
        _ => {}
    }
}
