//! World `router` as a [`Router`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use equipoise_rule::{Decision, Router, Verdict};
use http::request::Parts;
use wasmtime::Store;

use crate::Fallback;
use crate::answer;
use crate::bindings::router::{Router as Bindings, RouterPre};
use crate::failure::Failure;
use crate::plugin::Identity;
use crate::state::State;
use crate::template::{Guest, Template};
use crate::warm::Warm;

pub(crate) struct RouterPlugin {
    template: Arc<Template<Bindings>>,
    warm: Warm<Bindings>,
    fallback: Fallback,
}

impl RouterPlugin {
    pub(crate) fn new(
        identity: Arc<Identity>,
        pre: RouterPre<State>,
        config: String,
        fallback: Fallback,
    ) -> Result<Self, Failure> {
        Ok(Self { template: Template::new(identity, pre, config)?, warm: Warm::new(), fallback })
    }
}

impl Guest for Bindings {
    type Pre = RouterPre<State>;

    fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self> {
        pre.instantiate(store)
    }

    fn configure(&self, store: &mut Store<State>, config: &str) -> wasmtime::Result<Result<(), String>> {
        self.equipoise_plugin_configuration().call_configure(store, config)
    }
}

impl Router for RouterPlugin {
    fn route(&self, head: &mut Parts, client: IpAddr) -> Decision {
        let limit = self.template.identity.limits.time;
        let decision = self.warm.call(&self.template, |instance| {
            let state = instance.store.data_mut();
            state.swap_request(head);
            state.client = client;
            let answer = instance.guest.equipoise_plugin_routing().call_route(&mut instance.store);
            instance.store.data_mut().swap_request(head);
            let answer = answer.map_err(|error| Failure::of(&error, instance.store.data_mut(), limit))?;
            answer::decision(answer)
        });
        decision.unwrap_or_else(|_| match self.fallback {
            Fallback::Continue => Decision::default(),
            Fallback::Refuse => Decision { verdict: Verdict::Refuse, ..Decision::default() },
        })
    }
}

impl fmt::Debug for RouterPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RouterPlugin").field(&self.template.identity.name).finish()
    }
}
