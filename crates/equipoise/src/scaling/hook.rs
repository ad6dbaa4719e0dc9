//! Hooks of instances and actions of alarms.

use std::collections::BTreeMap;
use std::time::Duration;

use equipoise_scale::{Action, Event, Hook, HookMoment, InstanceId, Transition};
use equipoise_target::{AlarmName, HookName, ScalingGroupName};
use serde_json::json;

use super::errand::{ErrandError, post, run};
use super::roster::Task;
use super::{Scaling, State};

/// How long an alarm's page may take to answer.
const WEBHOOK: Duration = Duration::from_secs(10);

/// How long an alarm's command may run.
const COMMAND: Duration = Duration::from_secs(60);

impl Scaling {
    pub(super) fn hook(&self, state: &mut State, group: ScalingGroupName, instance: InstanceId, name: HookName) {
        let (Some(me), Some(core)) = (self.me.upgrade(), self.core.upgrade()) else { return };
        let serving = core.serving.load();
        let settings = serving.config.scaling_groups.get(&group).and_then(|settings| settings.hook.get(&name)).cloned();
        let Some(entry) = state.roster.entry(&group, &instance) else { return };
        let address = entry.target.as_ref().map(|target| target.address().to_string()).unwrap_or_default();
        let task = Task::Hook(name.clone());
        let job = self.spawn(async move {
            let failure = match settings {
                Some(hook) => call(&hook, &group, &instance, &name, &address).await.err(),
                // It was taken out of the configuration meanwhile: nobody is there to disagree.
                None => None,
            };
            let event = Event::Hooked { hook: name, failure: failure.map(|failure| failure.to_string()) };
            me.happened(&group, &instance, event);
        });
        entry.jobs.insert(task, job);
    }

    pub(super) fn act(&self, alarm: &AlarmName, action: Action, transition: Transition) {
        let alarm = alarm.clone();
        let state = state_text(&transition);
        if action == Action::Log {
            tracing::warn!(%alarm, state, "alarm: {}", transition.reason);
            return;
        }
        let over = self.over.clone();
        self.runtime.spawn(async move {
            let done = async {
                match &action {
                    Action::Webhook(url) => post(url, about(&transition, &state), WEBHOOK).await,
                    Action::Command(command) => run(command, &variables(&transition, &state), COMMAND).await,
                    Action::Log => Ok(()),
                }
            };
            if let Some(Err(error)) = over.run_until_cancelled(done).await {
                tracing::error!(%alarm, %error, "an action of an alarm came to nothing");
            }
        });
    }
}

async fn call(
    hook: &Hook,
    group: &ScalingGroupName,
    instance: &InstanceId,
    name: &HookName,
    address: &str,
) -> Result<(), ErrandError> {
    let moment = match hook.on {
        HookMoment::Launching => "launching",
        HookMoment::Terminating => "terminating",
    };
    let Some(url) = &hook.webhook else {
        let variables = BTreeMap::from([
            ("EQUIPOISE_INSTANCE", instance.to_string()),
            ("EQUIPOISE_GROUP", group.to_string()),
            ("EQUIPOISE_ADDRESS", address.to_owned()),
            ("EQUIPOISE_HOOK", name.to_string()),
        ]);
        return run(&hook.command, &variables, hook.timeout).await;
    };
    let body = json!({
        "hook": name.as_str(),
        "on": moment,
        "group": group.as_str(),
        "instance": instance.as_str(),
        "address": address,
    });
    post(url, body, hook.timeout).await
}

fn state_text(transition: &Transition) -> String {
    serde_json::to_value(transition.to).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn about(transition: &Transition, state: &str) -> serde_json::Value {
    json!({
        "alarm": transition.alarm.as_str(),
        "state": state,
        "previous_state": serde_json::to_value(transition.from).unwrap_or_default(),
        "at": transition.at.to_string(),
        "reason": transition.reason,
    })
}

fn variables(transition: &Transition, state: &str) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("EQUIPOISE_ALARM", transition.alarm.to_string()),
        ("EQUIPOISE_STATE", state.to_owned()),
        ("EQUIPOISE_REASON", transition.reason.clone()),
    ])
}
