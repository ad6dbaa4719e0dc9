//! Load balancers and their listeners.

use std::collections::BTreeMap;

use super::security::{Allowed, allowed};
use super::{Context, LISTENER, LOAD_BALANCER, route, rule};
use crate::NoteKind;
use crate::toml_text::{Toml, inline, seconds, text, texts};
use crate::value::Value;
use crate::view::View;
use crate::world::Resource;

/// What listeners take from their load balancer.
#[derive(Debug, Default)]
struct LoadBalancer {
    security_groups: Vec<Value>,
    /// Whether AWS takes a security group when none is named.
    has_default_group: bool,
    idle: Option<u32>,
    dual_stack: bool,
    internal: bool,
}

pub(super) fn all(context: &Context<'_>) -> Toml {
    let mut balancers = BTreeMap::new();
    let mut text = Toml::default();
    for listener in context.world.of_kind(LISTENER) {
        let view = context.world.view(listener);
        let arn = view.raw("load_balancer_arn");
        let found = arn.and_then(|arn| context.world.find(&arn, &[LOAD_BALANCER]));
        let none = LoadBalancer::default();
        let balancer = match found {
            Some(found) => balancers
                .entry(found.address(context.world.program))
                .or_insert_with(|| load_balancer(&context.world.view(found))),
            None => &none,
        };
        write(context, listener, &view, balancer, &mut text);
    }
    text
}

fn load_balancer(view: &View<'_>) -> LoadBalancer {
    view.saw(&["preserve_host_header", "drop_invalid_header_fields", "desync_mitigation_mode"]);
    let read = LoadBalancer {
        security_groups: security_groups(view),
        has_default_group: view.text("load_balancer_type").is_none_or(|kind| kind == "application"),
        idle: view.count("idle_timeout"),
        dual_stack: view.text("ip_address_type").is_some_and(|kind| kind.starts_with("dualstack")),
        internal: view.flag("internal") == Some(true),
    };
    if view.flag("enable_http2") == Some(false) {
        view.note("enable_http2", NoteKind::Left, "clients may always speak HTTP/2");
    }
    read
}

/// What is not known stays in the list, so that it does not look like nothing.
fn security_groups(view: &View<'_>) -> Vec<Value> {
    match view.raw("security_groups") {
        Some(Value::List(groups)) => groups,
        other => other.into_iter().collect(),
    }
}

fn write(context: &Context<'_>, listener: &Resource, view: &View<'_>, balancer: &LoadBalancer, toml: &mut Toml) {
    let name = context.name(listener);
    let aws_protocol = view.text("protocol").unwrap_or_else(|| "HTTP".to_owned());
    let protocol = protocol(view, &aws_protocol);
    let port = view.count("port").filter(|port| (1..=65_535).contains(port));
    toml.blank();
    toml.comment(&context.origin(listener));
    toml.table(&format!("listener.{name}"));
    bind(view, port, balancer, toml);
    toml.set("protocol", text(protocol));
    allow(context, view, balancer, port.unwrap_or(0), protocol == "udp", toml);
    let http = matches!(protocol, "http" | "https");
    if let Some(idle) = balancer.idle.filter(|idle| http && *idle > 0) {
        toml.set("timeouts", inline([("keep-alive", seconds(idle)), ("idle", seconds(idle))]));
    }
    if let Some(default) = route::action(context, &view.blocks("default_action"), http) {
        toml.set("default", default);
    }
    if protocol == "https" {
        tls(view, name, toml);
    }
    for rule in rule::of_listener(context, listener) {
        toml.blank();
        toml.comment(&rule.origin);
        toml.element(&format!("listener.{name}.rule"));
        toml.set("priority", i64::from(rule.priority));
        if let Some(when) = rule.when {
            toml.set("when", when);
        }
        toml.set("then", rule.then);
    }
}

fn protocol(view: &View<'_>, aws: &str) -> &'static str {
    match aws {
        "HTTPS" => "https",
        "TCP" => "tcp",
        "UDP" | "QUIC" => "udp",
        "TLS" => {
            view.saw(&["certificate_arn", "ssl_policy", "alpn_policy"]);
            view.note(
                "protocol",
                NoteKind::Differs,
                "TLS is passed on here, not ended: the targets need the certificate",
            );
            "tls"
        }
        "TCP_UDP" => {
            view.note(
                "protocol",
                NoteKind::Differs,
                "one listener for TCP; add another with `protocol = \"udp\"` and a group of its own",
            );
            "tcp"
        }
        _ => "http",
    }
}

fn bind(view: &View<'_>, port: Option<u32>, balancer: &LoadBalancer, toml: &mut Toml) {
    // Nothing that was private opens up by itself.
    let address = match (balancer.internal, balancer.dual_stack) {
        (true, _) => "127.0.0.1",
        (false, true) => "[::]",
        (false, false) => "0.0.0.0",
    };
    if balancer.internal {
        view.note_whole(
            NoteKind::Complete,
            "an internal load balancer: put a private address of this machine into `bind`",
        );
        toml.comment("TO COMPLETE: an internal load balancer; put a private address of this machine here.");
    }
    match port {
        Some(port) => toml.set("bind", text(&format!("{address}:{port}"))),
        None => {
            view.note_whole(NoteKind::Complete, "its port is not known: 8080 stands there");
            toml.set_with("bind", text(&format!("{address}:8080")), "TO COMPLETE: the port");
        }
    }
    if balancer.dual_stack && !balancer.internal {
        toml.set("socket", inline([("dual-stack", toml::Value::from(true))]));
    }
}

fn allow(context: &Context<'_>, view: &View<'_>, balancer: &LoadBalancer, port: u32, udp: bool, toml: &mut Toml) {
    match allowed(context, &balancer.security_groups, port, udp) {
        Allowed::Everybody if balancer.has_default_group => {
            let message =
                "no security group is named, so AWS takes the network's default one; here everybody may connect";
            view.note_whole(NoteKind::Differs, message);
        }
        Allowed::Everybody => {}
        Allowed::Only(networks) if networks.is_empty() => {
            view.note_whole(
                NoteKind::Complete,
                format!("no security group lets a network connect to port {port}: nobody may"),
            );
            toml.set_with("deny", texts(["0.0.0.0/0", "::/0"]), "TO COMPLETE: who may connect (`allow`)");
        }
        Allowed::Only(networks) => toml.set("allow", texts(networks)),
        Allowed::Unknown => {
            view.note_whole(
                NoteKind::Complete,
                "a security group is not in these files: only this machine may connect",
            );
            toml.set_with("allow", texts(["127.0.0.0/8"]), "TO COMPLETE: who may connect");
        }
    }
}

fn tls(view: &View<'_>, name: &str, toml: &mut Toml) {
    let certificate = view.raw("certificate_arn");
    let named = certificate.map(|arn| arn.in_template().0).unwrap_or_default();
    view.note(
        "certificate_arn",
        NoteKind::Complete,
        "put the certificate and its key into files, and name them in `tls.certificates`",
    );
    toml.blank();
    toml.comment(&format!("TO COMPLETE: files with the certificate {named} and its key."));
    toml.table(&format!("listener.{name}.tls"));
    let pair = inline([("chain", text("TO-COMPLETE.pem")), ("key", text("TO-COMPLETE.key"))]);
    toml.set("certificates", toml::Value::Array(vec![pair]));
    let policy = view.text("ssl_policy").unwrap_or_default();
    // Policies that speak nothing older are named after it twice.
    if policy.starts_with("ELBSecurityPolicy-TLS13-1-3") {
        toml.set("min-version", text("1.3"));
    } else if policy.contains("-1-0") || policy.contains("-1-1") || policy == "ELBSecurityPolicy-2016-08" {
        view.note("ssl_policy", NoteKind::Differs, "TLS 1.2 is the oldest version that is spoken");
    }
}
