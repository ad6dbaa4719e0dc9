//! A container as the engine wants it described, and as it describes it. No I/O but the files of variables.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStatsResponse, ContainerSummary, HostConfig, PortBinding,
};
use equipoise_target::Endpoint;

use crate::provider::limits::Limits;
use crate::provider::{Setting, Usage, environment};
use crate::template::Placeholders;
use crate::{DockerTemplate, InstanceId};

/// The labels by which a container is found again.
pub(super) const INSTANCE: &str = "equipoise.instance";
pub(super) const GROUP: &str = "equipoise.group";
pub(super) const OWNER: &str = "equipoise.owner";

/// What the engine is to make.
pub(super) fn body(
    setting: &Setting,
    template: &DockerTemplate,
    limits: &Limits,
    instance: &InstanceId,
) -> Result<ContainerCreateBody, String> {
    let with = Placeholders { port: template.port, instance: instance.as_str(), group: setting.group.as_str() };
    let port = format!("{}/tcp", template.port);
    let command: Vec<String> = template.command.iter().map(|word| with.fill(word)).collect();
    let mut labels: HashMap<String, String> =
        template.labels.iter().map(|(name, value)| (name.clone(), with.fill(value))).collect();
    labels.insert(INSTANCE.to_owned(), instance.to_string());
    labels.insert(GROUP.to_owned(), setting.group.to_string());
    labels.insert(OWNER.to_owned(), setting.owner.to_string());
    Ok(ContainerCreateBody {
        image: Some(template.image.clone()),
        cmd: (!command.is_empty()).then_some(command),
        env: Some(variables(setting, template, &with)?),
        labels: Some(labels),
        exposed_ports: Some(vec![port.clone()]),
        host_config: Some(host(template, limits, port)),
        ..ContainerCreateBody::default()
    })
}

fn variables(setting: &Setting, template: &DockerTemplate, with: &Placeholders<'_>) -> Result<Vec<String>, String> {
    let mut all = vec![format!("PORT={}", with.port)];
    all.extend(template.environment.iter().map(|(name, value)| format!("{name}={}", with.fill(value))));
    for (name, path) in &template.environment_files {
        all.push(format!("{name}={}", environment::secret(name, &setting.base.join(path))?));
    }
    all.push(format!("EQUIPOISE_INSTANCE={}", with.instance));
    all.push(format!("EQUIPOISE_GROUP={}", with.group));
    Ok(all)
}

fn host(template: &DockerTemplate, limits: &Limits, port: String) -> HostConfig {
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    // A port that the engine picks, on loopback: nobody else's way around the balancer.
    let binding = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(String::new()) };
    HostConfig {
        #[allow(clippy::cast_possible_truncation, reason = "processors in billionths fit by far")]
        nano_cpus: limits.cpu.map(|cpu| (cpu * 1e9) as i64),
        memory: limits.memory.map(whole),
        pids_limit: limits.tasks.map(whole),
        network_mode: template.network.clone(),
        port_bindings: template.network.is_none().then(|| HashMap::from([(port, Some(vec![binding]))])),
        ..HostConfig::default()
    }
}

/// Where a container answers.
pub(super) fn address(template: &DockerTemplate, container: &ContainerInspectResponse) -> Option<Endpoint> {
    let settings = container.network_settings.as_ref()?;
    if let Some(network) = &template.network {
        let endpoint = settings.networks.as_ref()?.get(network)?;
        let written = [&endpoint.ip_address, &endpoint.global_ipv6_address];
        let ip = written.into_iter().flatten().find_map(|text| text.parse::<IpAddr>().ok())?;
        return Some(SocketAddr::new(ip, template.port).into());
    }
    let bindings = settings.ports.as_ref()?.get(&format!("{}/tcp", template.port))?.as_ref()?;
    bindings.iter().find_map(|binding| endpoint(binding.host_ip.as_deref(), binding.host_port.as_ref()?.parse().ok()?))
}

/// The same, from a list of containers, for a published port.
pub(super) fn published(template: &DockerTemplate, container: &ContainerSummary) -> Option<Endpoint> {
    if template.network.is_some() {
        return None;
    }
    let mut ports = container.ports.as_ref()?.iter().filter(|port| port.private_port == template.port);
    ports.find_map(|port| endpoint(port.ip.as_deref(), port.public_port?))
}

fn endpoint(ip: Option<&str>, port: u16) -> Option<Endpoint> {
    let ip: IpAddr = ip?.parse().ok()?;
    (port > 0).then(|| SocketAddr::new(ip, port).into())
}

/// What a container has used. The page cache that can be given back is not counted, as `docker stats` does not.
pub(super) fn usage(stats: &ContainerStatsResponse, limits: &Limits) -> Usage {
    let cpu = stats.cpu_stats.as_ref().and_then(|stats| stats.cpu_usage.as_ref()?.total_usage);
    let memory = stats.memory_stats.as_ref().and_then(|memory| {
        let kept = memory.stats.as_ref();
        let cache = kept.and_then(|kept| kept.get("inactive_file").or_else(|| kept.get("total_inactive_file")));
        Some(memory.usage?.saturating_sub(cache.copied().unwrap_or(0)))
    });
    let networks = stats.networks.as_ref();
    let sum = |of: fn(&bollard::models::ContainerNetworkStats) -> Option<u64>| {
        networks.map(|networks| networks.values().filter_map(of).sum())
    };
    Usage {
        cpu: cpu.map(Duration::from_nanos),
        processors: limits.processors(),
        memory,
        memory_limit: limits.memory,
        received: sum(|network| network.rx_bytes),
        sent: sum(|network| network.tx_bytes),
    }
}
