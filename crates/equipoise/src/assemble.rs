//! Configuration → parts that can run. No I/O, no tasks: what is built here serves nobody until it is applied.

mod resilience;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use equipoise_balance::PickerSource;
use equipoise_config as config;
use equipoise_health::{GroupPlan, HealthCheck, Initial, Probe, ProbeSource};
use equipoise_proxy::{
    AccessList, Announcers, Group, GroupSettings, GroupTimeouts, ListenOptions, Listener, ListenerLimits,
    ListenerProtocol, ListenerTimeouts, Networks, PathForm, PoolSettings, TcpSettings, Transport, UdpSettings,
    Upgrades,
};
use equipoise_rule::{RouterSource, RuleSet};
use equipoise_target::{Availability, Condition, Endpoint, GroupName, Member, Membership, Snapshot, Target};

use crate::error::ApplyError;
use crate::keyring::Keyring;
use crate::members::{Joined, with_joined};

/// What assembling needs beside the configuration.
pub(crate) struct Context<'a> {
    pub(crate) routers: &'a dyn RouterSource,
    pub(crate) pickers: &'a dyn PickerSource,
    pub(crate) probes: &'a dyn ProbeSource,
    /// Records of targets that are known already, so that their statistics live on.
    pub(crate) known: &'a AHashMap<(GroupName, Endpoint), Arc<Target>>,
    /// Targets beside the configured ones.
    pub(crate) joined: &'a Joined,
    /// The group that serves under this description's name, if it is balanced by the same algorithm: its picker is kept.
    pub(crate) predecessor: &'a dyn Fn(&config::TargetGroup) -> Option<Arc<Group>>,
    /// What listeners end TLS with.
    pub(crate) keyring: &'a Keyring,
    /// What a process before this one found out about a target that is not known here.
    pub(crate) belief: &'a dyn Fn(&GroupName, Endpoint) -> Option<Initial>,
    /// What the health checks say of a known target.
    pub(crate) condition: &'a dyn Fn(&GroupName, Endpoint) -> Condition,
}

/// Everything that one configuration asks for.
pub(crate) struct Assembly {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) groups: Vec<Arc<Group>>,
    /// For the configured targets alone: who joined beside them may have left by the time this serves.
    pub(crate) plans: BTreeMap<GroupName, GroupPlan>,
}

/// Builds all parts, or says everything that stands in the way.
pub(crate) fn assemble(config: &config::Config, context: &Context<'_>) -> Result<Assembly, ApplyError> {
    let mut errors = Vec::new();
    let mut assembly = Assembly { listeners: Vec::new(), groups: Vec::new(), plans: BTreeMap::new() };
    for described in &config.target_groups {
        match group(described, context) {
            Ok((group, plan)) => {
                assembly.groups.push(group);
                assembly.plans.extend(plan.map(|plan| (plan.group.clone(), plan)));
            }
            Err(error) => errors.push(error),
        }
    }
    for described in &config.listeners {
        match listener(described, context) {
            Ok(listener) => assembly.listeners.push(listener),
            Err(error) => errors.push(error),
        }
    }
    match ApplyError::from_list(errors) {
        Some(error) => Err(error),
        None => Ok(assembly),
    }
}

fn group(
    described: &config::TargetGroup,
    context: &Context<'_>,
) -> Result<(Arc<Group>, Option<GroupPlan>), ApplyError> {
    let members = with_joined(members(described, context), context.joined.of(described));
    let membership = Arc::new(Membership::new(described.name.clone(), members));
    let snapshot = Snapshot::new(membership.clone(), Arc::new(availability(described, &membership, context)));
    let plan = plan(described, &membership, context)?;
    let settings = settings(described, context.keyring.ways.transport(&described.name));
    if let Some(predecessor) = (context.predecessor)(described) {
        return Ok((Arc::new(predecessor.successor(settings, snapshot)), plan));
    }
    let picker = described
        .balance
        .picker(&snapshot, context.pickers)
        .map_err(|source| ApplyError::Picker { group: described.name.clone(), source })?;
    let group = Group::new(described.name.clone(), settings, snapshot, picker);
    Ok((Arc::new(group), plan))
}

fn members(described: &config::TargetGroup, context: &Context<'_>) -> Vec<Member> {
    let record = |address| match context.known.get(&(described.name.clone(), address)) {
        Some(known) => Arc::clone(known),
        None => Arc::new(Target::new(address)),
    };
    let member = |target: &config::Target| Member {
        target: record(target.address),
        weight: target.weight,
        priority: target.priority,
    };
    described.targets.iter().map(member).collect()
}

/// Availability before the monitor has looked at what is new: a target that has to pass first takes nothing until then.
fn availability(described: &config::TargetGroup, membership: &Membership, context: &Context<'_>) -> Availability {
    let must_pass = described.health_checks.iter().any(|check| check.terms().initial == Initial::Unhealthy);
    let condition = |index| {
        let Some(member) = membership.member(index) else { return Condition::Out };
        let address = member.target.address();
        let is_new = !context.known.contains_key(&(described.name.clone(), address));
        match (context.belief)(&described.name, address).filter(|_| is_new) {
            Some(Initial::Healthy) => Condition::Ready,
            Some(Initial::Unhealthy) => Condition::Unhealthy,
            None if is_new && must_pass => Condition::Unhealthy,
            None => (context.condition)(&described.name, address),
        }
    };
    Availability::compute(membership, condition, described.fail_open)
}

fn plan(
    described: &config::TargetGroup,
    membership: &Membership,
    context: &Context<'_>,
) -> Result<Option<GroupPlan>, ApplyError> {
    let built = |check: &HealthCheck| -> Result<(HealthCheck, Arc<dyn Probe>), ApplyError> {
        let failed = |source| ApplyError::Probe { group: described.name.clone(), source };
        Ok((check.clone(), check.probe(context.probes, &context.keyring.ways.reach(&described.name)).map_err(failed)?))
    };
    let checks = described.health_checks.iter().map(built).collect::<Result<Vec<_>, _>>()?;
    if checks.is_empty() {
        return Ok(None);
    }
    let configured = membership.members().iter().take(described.targets.len());
    let targets = configured.map(|member| member.target.clone()).collect();
    Ok(Some(GroupPlan { group: described.name.clone(), checks, targets, guard: described.guard }))
}

fn settings(described: &config::TargetGroup, transport: Transport) -> GroupSettings {
    let config::TargetTimeouts { connect, first_byte, per_try, idle, total, stream_idle, stream } = described.timeouts;
    let config::Pool { idle_timeout, max_idle } = described.pool;
    GroupSettings {
        timeouts: GroupTimeouts { connect, first_byte, per_try, idle, total, stream_idle, stream },
        retry: resilience::retry(&described.retry),
        pool: PoolSettings { idle_timeout, max_idle },
        transport,
        limits: resilience::limits(described.limits),
        breaker: resilience::breaker(described),
        hedge: described.hedge.map(resilience::hedge),
    }
}

fn listener(described: &config::Listener, context: &Context<'_>) -> Result<Listener, ApplyError> {
    let rules = RuleSet::build(&described.rules, &described.default, context.routers)
        .map_err(|source| ApplyError::Rules { listener: described.name.clone(), source })?;
    let config::ClientTimeouts { handshake, head, keep_alive, idle } = described.timeouts;
    let limits = &described.limits;
    let mut listener = Listener::new(described.name.clone(), described.bind, rules);
    listener.protocol = match context.keyring.get(&described.name) {
        Some(tls) => ListenerProtocol::Https(Arc::clone(tls)),
        None => protocol(described),
    };
    listener.access =
        AccessList { allow: Networks::new(described.allow.clone()), deny: Networks::new(described.deny.clone()) };
    listener.trusted_proxies = Networks::new(described.trusted_proxies.clone());
    listener.keep_request_id = described.keep_request_id;
    listener.path_form = match described.normalize_path {
        config::NormalizePath::Full => PathForm::Normal,
        config::NormalizePath::KeepSlashes => PathForm::KeepSlashes,
        config::NormalizePath::Off => PathForm::AsSent,
    };
    listener.upgrades = Upgrades::new(described.upgrades.0.iter().map(String::as_str));
    listener.socket = listen_options(&described.socket);
    let announcers =
        |from: &config::ProxyProtocolFrom| Announcers::new(Networks::new(from.from.clone()), from.required);
    listener.proxy_protocol = described.proxy_protocol.as_ref().map(announcers);
    listener.timeouts = ListenerTimeouts { handshake, head, keep_alive, idle };
    listener.limits = ListenerLimits {
        connections: limits.connections,
        connections_per_source: limits.connections_per_source,
        requests: limits.requests,
        fields: limits.fields,
        head_bytes: bytes(limits.head_size),
        target_bytes: bytes(limits.uri_size),
        underscores: limits.underscores,
        passes: limits.passes,
        body_rate: limits.body_rate.bytes(),
    };
    listener.rate_limits = described.rate_limits.iter().map(resilience::rate_limit).collect();
    Ok(listener)
}

fn protocol(described: &config::Listener) -> ListenerProtocol {
    let tcp = described.tcp.map(|config::TcpSettings { idle }| TcpSettings { idle }).unwrap_or_default();
    let udp = described.udp.unwrap_or_default();
    let config::UdpSettings { idle, sessions, sessions_per_source } = udp;
    match described.protocol {
        config::Protocol::Tcp => ListenerProtocol::Tcp(tcp),
        config::Protocol::Tls => ListenerProtocol::Tls(tcp),
        config::Protocol::Udp => ListenerProtocol::Udp(UdpSettings { idle, sessions, sessions_per_source }),
        _ => ListenerProtocol::Http,
    }
}

fn listen_options(described: &config::ListenerSocket) -> ListenOptions {
    let unless_zero = |limit: Duration| (!limit.is_zero()).then_some(limit);
    ListenOptions {
        backlog: u16::try_from(described.backlog).unwrap_or(u16::MAX), // its range is that of the type
        dual_stack: described.dual_stack,
        keep_alive: unless_zero(described.keep_alive),
        user_timeout: unless_zero(described.user_timeout),
        mode: described.mode.0,
        owner: described.owner,
        group: described.group,
        trusted: described.trusted,
    }
}

/// A checked size fits: the largest that the configuration takes is a gibibyte.
fn bytes(size: config::Size) -> usize {
    usize::try_from(size.bytes()).unwrap_or(usize::MAX)
}
