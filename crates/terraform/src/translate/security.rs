//! Security groups: which networks may connect to a port.

use super::Context;
use crate::NoteKind;
use crate::value::Value;
use crate::view::View;
use crate::world::Resource;

const GROUP: &str = "aws_security_group";
const RULES: [&str; 2] = ["aws_security_group_rule", "aws_vpc_security_group_ingress_rule"];

/// Who may connect to a listener.
#[derive(Debug, PartialEq)]
pub(super) enum Allowed {
    /// There is no security group.
    Everybody,
    /// These networks, and nobody when there is none.
    Only(Vec<String>),
    /// A security group that the files do not describe.
    Unknown,
}

/// Who may connect to `port`, by the security groups in a load balancer's `security_groups`.
pub(super) fn allowed(context: &Context<'_>, groups: &[Value], port: u32, udp: bool) -> Allowed {
    if groups.is_empty() {
        return Allowed::Everybody;
    }
    let mut networks = Vec::new();
    for group in groups {
        let Some(group) = context.world.find(group, &[GROUP]) else { return Allowed::Unknown };
        let view = context.world.view(group);
        for ingress in view.blocks("ingress") {
            networks.extend(rule(&ingress, port, udp, "protocol"));
        }
        for kind in RULES {
            for resource in context.world.of_kind(kind).filter(|resource| belongs(context, resource, group)) {
                networks.extend(separate(context, resource, port, udp));
            }
        }
    }
    networks.dedup();
    let mut seen = Vec::new();
    networks.retain(|network: &String| {
        !seen.contains(network) && {
            seen.push(network.clone());
            true
        }
    });
    Allowed::Only(networks)
}

fn belongs(context: &Context<'_>, rule: &Resource, group: &Resource) -> bool {
    let of = context.peek(rule, "security_group_id");
    of.and_then(|of| context.world.find(&of, &[GROUP])).is_some_and(|found| std::ptr::eq(found, group))
}

/// A rule that is a resource of its own.
fn separate(context: &Context<'_>, resource: &Resource, port: u32, udp: bool) -> Vec<String> {
    let view = context.world.view(resource);
    view.saw(&["security_group_id", "type"]);
    if view.text("type").is_some_and(|kind| kind != "ingress") {
        view.saw(&[
            "from_port",
            "to_port",
            "protocol",
            "cidr_blocks",
            "ipv6_cidr_blocks",
            "source_security_group_id",
            "self",
        ]);
        view.note_whole(NoteKind::Left, super::reason::of_attribute("egress"));
        return Vec::new();
    }
    rule(&view, port, udp, if view.has("ip_protocol") { "ip_protocol" } else { "protocol" })
}

/// The networks of a rule, if it is about the port.
fn rule(view: &View<'_>, port: u32, udp: bool, protocol: &str) -> Vec<String> {
    let networks: Vec<_> = ["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"]
        .iter()
        .flat_map(|name| view.texts(name))
        .collect();
    for name in [
        "security_groups",
        "source_security_group_id",
        "referenced_security_group_id",
        "prefix_list_ids",
        "prefix_list_id",
    ] {
        if view.has(name) {
            view.saw(&[name]);
            view.note(
                name,
                NoteKind::Left,
                "networks are allowed here, not members of a group: add theirs to the listener's `allow`",
            );
        }
    }
    let (from, to) = (view.number("from_port"), view.number("to_port"));
    let protocol = view.text(protocol).unwrap_or_else(|| "-1".to_owned()).to_lowercase();
    view.saw(&["self"]);
    let wanted = if udp { ["udp", "17"] } else { ["tcp", "6"] };
    let port = f64::from(port);
    let fits = match protocol.as_str() {
        "-1" | "all" => true,
        protocol => {
            wanted.contains(&protocol) && from.is_some_and(|from| from <= port) && to.is_some_and(|to| port <= to)
        }
    };
    if fits { networks } else { Vec::new() }
}
