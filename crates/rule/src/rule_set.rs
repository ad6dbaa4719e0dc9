//! The rules of one listener, ready to route.

mod index;

use std::cell::OnceCell;
use std::sync::Arc;

use equipoise_target::{GroupName, PluginName};
use http::StatusCode;
use http::request::Parts;

use self::index::Index;
use crate::action::{Action, End, HeaderEdits, Rewrite, apply, consult};
use crate::client::Client;
use crate::condition::When;
use crate::connection::Connection;
use crate::request::Request;
use crate::routed::{Destination, Passage, Reply, Routed};
use crate::router::{Router, RouterSource};
use crate::rule::Rule;

/// Rules in the order of their priorities, with a default action behind them.
///
/// Immutable and shared by all workers. Rules are tried one after the other, as far as an index over hosts and paths says
/// that they can hold.
#[derive(Debug)]
pub struct RuleSet {
    steps: Box<[Step]>,
    index: Index,
    default: (Changes, End),
}

/// Why rules cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildRulesError {
    /// Two rules have one priority.
    #[error("two rules have priority {priority}")]
    DuplicatePriority {
        /// The shared priority.
        priority: u32,
    },
    /// The default action leaves requests without an end.
    #[error("the default action has no end: it needs one of `forward`, `redirect` and `respond`")]
    DefaultWithoutEnd,
    /// A rule names a plugin that does not exist.
    #[error("rule {rule} asks for the router `{plugin}`, which does not exist")]
    NoRouter {
        /// Label of the rule: its priority, or `default`.
        rule: String,
        /// The plugin that is missing.
        plugin: PluginName,
    },
}

#[derive(Debug)]
struct Step {
    label: Box<str>,
    when: When,
    changes: Changes,
    end: Option<End>,
}

/// What an action does before its end.
#[derive(Debug)]
struct Changes {
    router: Option<Arc<dyn Router>>,
    rewrite: Option<Rewrite>,
    request: HeaderEdits,
    response: HeaderEdits,
}

const DEFAULT: &str = "default";

impl RuleSet {
    /// Puts rules in order and finds their routers.
    ///
    /// # Errors
    /// [`BuildRulesError`] when two rules have one priority, the default action has no end, or a router is missing.
    pub fn build(rules: &[Rule], default: &Action, routers: &dyn RouterSource) -> Result<Self, BuildRulesError> {
        let mut rules: Vec<&Rule> = rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        if let Some(twins) = rules.windows(2).find(|pair| pair[0].priority == pair[1].priority) {
            return Err(BuildRulesError::DuplicatePriority { priority: twins[0].priority });
        }
        let end = default.end.clone().ok_or(BuildRulesError::DefaultWithoutEnd)?;
        let index = Index::new(rules.iter().map(|rule| &rule.when));
        let steps = rules.into_iter().map(|rule| Step::build(rule, routers)).collect::<Result<_, _>>()?;
        Ok(Self { steps, index, default: (Changes::build(DEFAULT, default, routers)?, end) })
    }

    /// Routes one request: runs the rules in order until one ends it, and changes `head` as they say.
    ///
    /// `random` decides between weighted groups; it has to be evenly distributed over all 64 bits.
    pub fn route(&self, head: &mut Parts, client: impl Into<Client>, random: u64) -> Routed<'_> {
        let client = client.into();
        let mut passage = Passage::default();
        let mut host = OnceCell::new();
        let mut candidates = self.index.candidates(&Request::new(head, client.address, &host), 0);
        while let Some(position) = candidates.next() {
            let step = &self.steps[position];
            if !step.when.holds(&Request::new(head, client.address, &host)) {
                continue;
            }
            if let Some(reply) = step.changes.run(step.end.as_ref(), head, client, random, &mut passage) {
                return passage.end(reply, &step.label);
            }
            // The following rules see what this one changed.
            host.take();
            candidates = self.index.candidates(&Request::new(head, client.address, &host), position + 1);
        }
        let (changes, end) = &self.default;
        let reply = changes.run(Some(end), head, client, random, &mut passage);
        // With an end there is always a reply.
        passage.end(reply.unwrap_or_else(|| Reply::from(Destination::plain(StatusCode::NOT_FOUND))), DEFAULT)
    }
}

impl RuleSet {
    /// The group that takes a connection, and the label of the rule that decided. Without a group, none of the rules takes
    /// it and the default is none that a connection could have.
    #[must_use]
    pub fn route_connection(&self, connection: &Connection<'_>, random: u64) -> (Option<&GroupName>, &str) {
        let steps = self.steps.iter().filter(|step| step.when.holds_for(connection));
        let found = steps.filter_map(|step| Some((step.end.as_ref()?.group(random)?, &*step.label))).next();
        match found {
            Some((group, rule)) => (Some(group), rule),
            None => (self.default.1.group(random), DEFAULT),
        }
    }
}

impl Step {
    fn build(rule: &Rule, routers: &dyn RouterSource) -> Result<Self, BuildRulesError> {
        let label = rule.priority.to_string();
        let changes = Changes::build(&label, &rule.then, routers)?;
        Ok(Self { label: label.into(), when: rule.when.clone(), changes, end: rule.then.end.clone() })
    }
}

impl Changes {
    fn build(label: &str, action: &Action, routers: &dyn RouterSource) -> Result<Self, BuildRulesError> {
        let find = |plugin: &PluginName| {
            let missing = || BuildRulesError::NoRouter { rule: label.to_owned(), plugin: plugin.clone() };
            routers.router(plugin).ok_or_else(missing)
        };
        Ok(Self {
            router: action.plugin.as_ref().map(find).transpose()?,
            rewrite: action.rewrite.clone(),
            request: action.request_headers.clone().unwrap_or_default(),
            response: action.response_headers.clone().unwrap_or_default(),
        })
    }

    /// Makes the changes and comes to an end: the router's if it wants one, else the rule's if it has one.
    fn run<'a>(
        &'a self,
        end: Option<&'a End>,
        head: &mut Parts,
        client: Client,
        random: u64,
        passage: &mut Passage<'a>,
    ) -> Option<Reply<'a>> {
        let verdict = self.router.as_deref().and_then(|router| consult(router, head, client.address, passage));
        passage.response_edits.push(self.response.resolved(head));
        if self.rewrite.as_ref().is_some_and(|rewrite| rewrite.apply(head).is_err()) {
            return Some(Reply::from(Destination::plain(StatusCode::URI_TOO_LONG)));
        }
        let edits = self.request.resolved(head);
        apply(&edits, &mut head.headers);
        match verdict {
            Some(destination) => Some(Reply::from(destination)),
            None => end.map(|end| end.reach(head, client, random)),
        }
    }
}

#[cfg(test)]
mod tests;
