//! Target groups and who is attached to them.

use std::net::IpAddr;

use super::{Context, TARGET_GROUP, health_check};
use crate::NoteKind;
use crate::toml_text::{Toml, inline, seconds, text};
use crate::view::View;
use crate::world::Resource;

const ATTACHMENT: &str = "aws_lb_target_group_attachment";

/// AWS's own default, which is longer than ours.
const DEREGISTRATION_DELAY: u32 = 300;

pub(super) fn all(context: &Context<'_>) -> Toml {
    let mut toml = Toml::default();
    for group in context.world.of_kind(TARGET_GROUP) {
        write(context, group, &mut toml);
    }
    toml
}

fn write(context: &Context<'_>, group: &Resource, toml: &mut Toml) {
    let view = context.world.view(group);
    let name = context.name(group);
    let version = view.text("protocol_version").unwrap_or_default();
    let protocol = protocol(&view, &version);
    toml.blank();
    toml.comment(&context.origin(group));
    toml.table(&format!("target-group.{name}"));
    toml.set("protocol", text(protocol));
    targets(context, group, &view, toml);
    let delay = view.count("deregistration_delay").unwrap_or(DEREGISTRATION_DELAY);
    toml.set("deregistration-delay", seconds(delay.min(3600)));
    if let Some(slow_start) = view.count("slow_start").filter(|seconds| *seconds > 0) {
        toml.set("slow-start", seconds(slow_start.min(3600)));
    }
    if view.flag("proxy_protocol_v2") == Some(true) {
        toml.set("proxy-protocol", text("v2"));
    }
    balance(&view, name, matches!(protocol, "tcp" | "udp"), toml);
    health_check::write(context, &view, name, protocol, version == "GRPC", toml);
}

fn protocol(view: &View<'_>, version: &str) -> &'static str {
    let aws = view.text("protocol").unwrap_or_else(|| "HTTP".to_owned());
    match (aws.as_str(), version) {
        ("HTTPS", "HTTP2" | "GRPC") => "h2",
        ("HTTPS", _) => "https",
        ("TCP" | "TLS", _) => "tcp",
        ("UDP" | "QUIC", _) => "udp",
        ("TCP_UDP", _) => {
            view.note("protocol", NoteKind::Differs, "a group of TCP; UDP needs another one");
            "tcp"
        }
        (_, "HTTP2" | "GRPC") => "h2c",
        _ => "http",
    }
}

fn targets(context: &Context<'_>, group: &Resource, view: &View<'_>, toml: &mut Toml) {
    let filled = context.fills.values().any(|filled| std::ptr::eq(*filled, group));
    let port = view.count("port").filter(|port| (1..=65_535).contains(port));
    if let Some(kind) = view.text("target_type").filter(|kind| kind == "lambda" || kind == "alb") {
        view.note("target_type", NoteKind::Left, format!("targets are addresses, not `{kind}`"));
    }
    let belongs = |attachment: &&Resource| {
        let arn = context.peek(attachment, "target_group_arn");
        arn.and_then(|arn| context.target_group(&arn)).is_some_and(|found| std::ptr::eq(found, group))
    };
    let mut known = Vec::new();
    for attachment in context.world.of_kind(ATTACHMENT).filter(belongs) {
        known.extend(attached(context, attachment));
    }
    if let Some(port) = port.filter(|_| !filled || !known.is_empty()) {
        toml.set("port", i64::from(port));
    }
    if !known.is_empty() {
        toml.set("targets", toml::Value::Array(known));
    } else if !filled {
        view.note_whole(NoteKind::Complete, "nothing that can be reached from here is in it: name its targets");
        toml.set_with("targets", toml::Value::Array(Vec::new()), "TO COMPLETE: such as \"10.0.0.11\"");
    }
}

/// The target that an attachment names, if it is an address.
fn attached(context: &Context<'_>, attachment: &Resource) -> Option<toml::Value> {
    let view = context.world.view(attachment);
    view.saw(&["target_group_arn"]);
    let port = view.count("port");
    let target = view.raw("target_id")?;
    let instance =
        context.world.find(&target, &["aws_instance"]).and_then(|instance| context.peek(instance, "private_ip"));
    let address = instance.unwrap_or_else(|| target.clone()).as_text().filter(|text| text.parse::<IpAddr>().is_ok());
    let Some(address) = address else {
        let named = target.in_template().0;
        let named = named.trim_start_matches("${").trim_end_matches('}');
        let message = format!("{named} has no address that is written down: add it to `targets`");
        view.note("target_id", NoteKind::Complete, message);
        return None;
    };
    Some(match port {
        Some(port) => inline([("address", text(&address)), ("port", toml::Value::from(i64::from(port)))]),
        None => text(&address),
    })
}

fn balance(view: &View<'_>, name: &str, layer4: bool, toml: &mut Toml) {
    let sticky = view.block("stickiness").and_then(|sticky| sticky_key(&sticky));
    let algorithm = view.text("load_balancing_algorithm_type");
    if let Some(key) = sticky {
        toml.blank();
        toml.table(&format!("target-group.{name}.balance.consistent-hash"));
        toml.set("key", key);
        return;
    }
    let ours = match algorithm.as_deref() {
        Some("least_outstanding_requests") => "weighted-least-connections",
        Some("weighted_random") => {
            view.note("load_balancing_algorithm_type", NoteKind::Differs, "round robin by weight, without chance");
            return;
        }
        _ if layer4 => return,
        _ => "round-robin",
    };
    toml.blank();
    toml.table(&format!("target-group.{name}.balance.{ours}"));
}

/// What a sticky client is known by. A cookie of the load balancer's own making does not exist here.
fn sticky_key(sticky: &View<'_>) -> Option<toml::Value> {
    sticky.saw(&["cookie_duration"]);
    let (kind, cookie) = (sticky.text("type").unwrap_or_default(), sticky.text("cookie_name"));
    if sticky.flag("enabled") == Some(false) {
        return None;
    }
    match (kind.as_str(), cookie) {
        ("app_cookie", Some(cookie)) => {
            sticky.note_whole(
                NoteKind::Differs,
                format!("by a hash of the cookie `{cookie}`, for as long as the target is there"),
            );
            Some(inline([("cookie", text(&cookie))]))
        }
        ("source_ip", _) => Some(text("source")),
        _ => {
            sticky.note_whole(NoteKind::Differs, "by a hash of the client's address: no cookie is made up for targets");
            Some(text("source"))
        }
    }
}
