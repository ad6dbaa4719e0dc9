//! Which rules can apply to a request at all? Found by its host and path, so that a thousand rules cost it no more than
//! ten do.
//!
//! The index only leaves out rules that cannot hold; each candidate's conditions are still asked in full. Rules that name
//! neither a plain or wildcard host nor a plain or wildcard path are candidates for every request.

mod prefixes;

use std::borrow::Cow;
use std::collections::BTreeMap;

use ahash::AHashMap;

use self::prefixes::Prefixes;
use crate::condition::When;
use crate::pattern::Literal;
use crate::request::Request;

/// Up to here it costs less to try every rule than to look anything up.
const FEW: usize = 8;

/// Most combinations of hosts and paths that one rule is entered under; with more, its paths are left to the conditions.
const MOST_ENTRIES: usize = 1024;

/// Most lists of candidates kept without an allocation: an exact, a wildcard and an open host, each with an exact path,
/// three nested prefixes and an open path.
const LISTS: usize = 15;

/// Rules by what their hosts and paths have in common with the requests that they match.
#[derive(Debug)]
pub(super) enum Index {
    /// Every rule is a candidate for every request.
    Walk { rules: usize },
    /// Positions of rules by their hosts, and under each by their paths.
    Table(Box<Keyed<Paths>>),
}

type Paths = Keyed<Vec<u32>>;

impl Index {
    /// An index over rules with these conditions, in their order.
    pub(super) fn new<'a>(conditions: impl ExactSizeIterator<Item = &'a When>) -> Self {
        let rules = conditions.len();
        // More rules than a position can say do not fit into memory.
        if rules <= FEW || u32::try_from(rules).is_err() {
            return Self::Walk { rules };
        }
        let entries = (0..).zip(conditions).flat_map(|(position, when)| {
            let (hosts, mut paths) = (host_keys(when), path_keys(when));
            if hosts.len() * paths.len() > MOST_ENTRIES {
                paths = vec![Key::Any];
            }
            let pairs =
                move |host: Key<'a>| paths.clone().into_iter().map(move |path| (host.clone(), (path, position)));
            hosts.into_iter().flat_map(pairs)
        });
        Self::Table(Box::new(Keyed::new(entries, |entries| Paths::new(entries.into_iter(), distinct))))
    }

    /// Rules from position `first` on that may hold for `request`, in their order.
    pub(super) fn candidates(&self, request: &Request<'_>, first: usize) -> Candidates<'_> {
        match self {
            Self::Walk { rules } => Candidates::All(first..*rules),
            Self::Table(hosts) => Candidates::Some(hosts.gather(request, first)),
        }
    }
}

impl Keyed<Paths> {
    fn gather<'a>(&'a self, request: &Request<'_>, first: usize) -> Lists<'a> {
        let mut lists = Lists::default();
        let path = request.head.uri.path().as_bytes();
        let host = if self.has_keys() { request.host().unwrap_or_default() } else { &[] };
        let mut place = [0; 256];
        let backwards: &[u8] = if self.prefixes.is_empty() { &[] } else { reverse(host, &mut place) };
        self.visit(host, backwards, &mut |paths: &'a Paths| {
            paths.visit(path, path, &mut |list: &'a Vec<u32>| lists.push(list, first));
        });
        lists
    }
}

/// What the values that a pattern matches begin with, or are.
#[derive(Debug, Clone)]
enum Key<'a> {
    Exact(&'a [u8]),
    Prefix(Cow<'a, [u8]>),
    Any,
}

fn path_keys(when: &When) -> Vec<Key<'_>> {
    let patterns = when.path.iter().flat_map(|path| path.0.iter());
    keys(patterns.map(|pattern| match pattern.pattern().literal() {
        Literal::Whole(path) => Key::Exact(path),
        Literal::Ends { prefix: [], .. } | Literal::Unknown => Key::Any,
        Literal::Ends { prefix, .. } => Key::Prefix(prefix.into()),
    }))
}

/// Wildcard hosts end alike rather than begin alike, so they are entered backwards.
fn host_keys(when: &When) -> Vec<Key<'_>> {
    let patterns = when.host.iter().flat_map(|host| host.0.iter());
    keys(patterns.map(|pattern| match pattern.pattern().literal() {
        Literal::Whole(host) => Key::Exact(host),
        Literal::Ends { suffix: [], .. } | Literal::Unknown => Key::Any,
        Literal::Ends { suffix, .. } => Key::Prefix(suffix.iter().rev().copied().collect()),
    }))
}

/// Every alternative by its own key, unless there is one that could match anything, or none at all.
fn keys<'a>(alternatives: impl Iterator<Item = Key<'a>>) -> Vec<Key<'a>> {
    let keys: Vec<_> = alternatives.collect();
    let open = keys.is_empty() || keys.iter().any(|key| matches!(key, Key::Any));
    if open { vec![Key::Any] } else { keys }
}

fn reverse<'a>(host: &[u8], place: &'a mut [u8; 256]) -> &'a [u8] {
    // A host has at most 255 bytes.
    let place = place.get_mut(..host.len()).unwrap_or_default();
    place.iter_mut().zip(host.iter().rev()).for_each(|(to, from)| *to = *from);
    place
}

/// Positions come in order; two alternatives of one rule may have the same key.
fn distinct(mut positions: Vec<u32>) -> Vec<u32> {
    positions.dedup();
    positions
}

/// Things by what the values that they are meant for begin with, or are.
#[derive(Debug)]
pub(super) struct Keyed<T> {
    exact: AHashMap<Box<[u8]>, T>,
    prefixes: Prefixes<T>,
    open: T,
}

impl<T> Keyed<T> {
    fn new<'a, E>(entries: impl Iterator<Item = (Key<'a>, E)>, make: impl Fn(Vec<E>) -> T) -> Self {
        let (mut exact, mut prefixes, mut open) = (AHashMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new(), vec![]);
        for (key, entry) in entries {
            match key {
                Key::Exact(value) => exact.entry(value).or_default().push(entry),
                Key::Prefix(value) => prefixes.entry(value).or_default().push(entry),
                Key::Any => open.push(entry),
            }
        }
        Self {
            exact: exact.into_iter().map(|(value, entries)| (value.into(), make(entries))).collect(),
            prefixes: prefixes.into_iter().map(|(value, entries)| (value.into(), make(entries))).collect(),
            open: make(open),
        }
    }

    fn has_keys(&self) -> bool {
        !(self.exact.is_empty() && self.prefixes.is_empty())
    }

    /// Everything that is meant for the value `whole`, which `begins` with what prefixes are compared with.
    fn visit<'a>(&'a self, whole: &[u8], begins: &[u8], each: &mut impl FnMut(&'a T)) {
        if let Some(exact) = self.exact.get(whole) {
            each(exact);
        }
        self.prefixes.of(begins).for_each(&mut *each);
        each(&self.open);
    }
}

/// Positions of rules that may hold, in order.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, for the length of one call")]
pub(super) enum Candidates<'a> {
    All(std::ops::Range<usize>),
    Some(Lists<'a>),
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::All(range) => range.next(),
            Self::Some(lists) => lists.next(),
        }
    }
}

/// Ascending lists, read as one.
#[derive(Debug, Default)]
pub(super) struct Lists<'a> {
    few: [&'a [u32]; LISTS],
    used: usize,
    more: Vec<&'a [u32]>,
}

impl<'a> Lists<'a> {
    fn push(&mut self, list: &'a [u32], first: usize) {
        let list = &list[list.partition_point(|position| (*position as usize) < first)..];
        if list.is_empty() {
            return;
        }
        match self.few.get_mut(self.used) {
            Some(place) => *place = list,
            None => self.more.push(list),
        }
        self.used += 1;
    }

    fn lists(&mut self) -> impl Iterator<Item = &mut &'a [u32]> + use<'_, 'a> {
        let used = self.used.min(LISTS);
        self.few[..used].iter_mut().chain(&mut self.more)
    }

    fn next(&mut self) -> Option<usize> {
        let least = *self.lists().filter_map(|list| list.first()).min()?;
        for list in self.lists() {
            if let Some((first, rest)) = list.split_first()
                && *first == least
            {
                *list = rest;
            }
        }
        Some(least as usize)
    }
}

#[cfg(test)]
mod tests;
