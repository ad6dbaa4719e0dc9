//! Instances that an earlier program left running: by their records, and by their environment where no record was written
//! before that program was killed.

use std::collections::HashSet;
use std::sync::Arc;

use equipoise_target::Endpoint;
use rustix::process::Signal;
use tracing::{debug, info};

use super::census::{Census, Tag};
use super::cgroup::Cgroup;
use super::keeper::{Charge, keep};
use super::launch::files;
use super::leader::{Identity, Leader};
use super::ports::Reservation;
use super::record::Record;
use super::{Plan, roll, user};
use crate::InstanceId;

/// Takes over what runs of the group and is not on the roll. In a runtime only; blocks for some milliseconds.
pub(super) fn adopt(plan: &Plan) {
    let mut dead = HashSet::new();
    for record in files(plan).read(&plan.setting.owner) {
        if roll::knows(&record.instance) {
            continue;
        }
        let identity = record.handle.0.parse::<Identity>().ok().filter(|identity| identity.lives());
        match identity.zip(record.endpoint()) {
            Some((identity, address)) => take_over(plan, &record.instance, identity, address),
            None => drop(dead.insert(record.instance)),
        }
    }
    let census = Census::take();
    for (identity, tag) in census.told(plan.setting.group.as_str(), &plan.setting.owner) {
        let Some(instance) = InstanceId::from_text(&tag.instance) else { continue };
        if dead.contains(&instance) {
            // Its leader ended while nobody looked: what it left behind is of no use.
            identity.signal(Signal::KILL);
        } else if !roll::knows(&instance) && may_tell(plan, &tag) {
            stray(plan, &instance, identity, &tag);
        }
    }
    for instance in dead {
        debug!("instance {instance} of group {} ended while nobody looked", plan.setting.group);
        if let Some(cgroup) = Cgroup::existing(&instance) {
            cgroup.kill();
            cgroup.remove();
        }
        files(plan).remove(&instance);
    }
}

/// Whether a process may say by its environment that it is an instance: anybody can write one, and would get requests.
fn may_tell(plan: &Plan, tag: &Tag) -> bool {
    let template = &plan.template;
    let theirs = user::find(template.user.as_deref(), template.group.as_deref()).ok().flatten().map(|user| user.uid);
    tag.user == rustix::process::geteuid().as_raw() || Some(tag.user) == theirs
}

/// The oldest process of an instance without a record is its leader.
fn stray(plan: &Plan, instance: &InstanceId, identity: Identity, tag: &Tag) {
    let Ok(address) = tag.address.parse::<Endpoint>() else { return };
    take_over(plan, instance, identity, address);
    let record = Record {
        instance: instance.clone(),
        owner: tag.owner.clone(),
        handle: crate::provider::Handle(identity.to_string().into()),
        address: tag.address.clone(),
    };
    // Without one it is found by its environment again.
    let _ = files(plan).prepare().and_then(|()| files(plan).write(&record));
}

fn take_over(plan: &Plan, instance: &InstanceId, identity: Identity, address: Endpoint) {
    // One that ends in this moment is not there any more.
    let Ok(leader) = Leader::watch(identity) else { return };
    let Some(socket) = address.socket() else { return };
    let charge = Charge {
        instance: instance.clone(),
        owner: Arc::clone(&plan.setting.owner),
        group: plan.setting.group.clone(),
        leader,
        address,
        files: files(plan),
        port: Reservation::hold(socket.ip(), socket.port()),
        cgroup: Cgroup::existing(instance),
    };
    roll::enter(identity, || keep(charge));
    info!("instance {instance} of group {} runs on as process {}", plan.setting.group, identity.pid.as_raw_nonzero());
}
