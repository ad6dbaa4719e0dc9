//! Every process of the machine at one moment, and whose it is: one pass over /proc for all instances of all groups.
//!
//! A process belongs to an instance when the instance's name stands in its environment, when it is in the process group of
//! the instance's leader, when its parent belongs to it, or when it was found to belong to it before. So one that forks away
//! is found, unless it leaves all of these at once.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::leader::Identity;

/// The variables by which an instance is known.
pub(super) const INSTANCE: &str = "EQUIPOISE_INSTANCE";
pub(super) const GROUP: &str = "EQUIPOISE_GROUP";
pub(super) const OWNER: &str = "EQUIPOISE_OWNER";
pub(super) const ADDRESS: &str = "EQUIPOISE_ADDRESS";

/// For how long one census answers everybody's question for usage.
const FRESH: Duration = Duration::from_millis(400);
/// How long a process may take from its fork to its program, where its environment is that of its parent.
const UNTOLD: Duration = Duration::from_secs(3);
/// The most of an environment that is looked at.
const ENVIRONMENT: u64 = 1 << 20;

/// What /proc says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) zombie: bool,
    /// Clock ticks in use since its start, with those of its children that ended and were waited for.
    pub(super) ticks: u64,
    /// In clock ticks since the machine's start.
    pub(super) start: u64,
    /// In pages.
    pub(super) resident: u64,
}

impl Stat {
    /// Of a process that is there, zombies included.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        Self::read(pid.as_raw_nonzero().get(), &mut String::new())
    }

    fn read(pid: i32, buffer: &mut String) -> Option<Self> {
        buffer.clear();
        let mut path = [0; 24];
        fs::File::open(stat_path(pid, &mut path)?).ok()?.read_to_string(buffer).ok()?;
        Self::parse(buffer)
    }

    /// proc_pid_stat(5). The name may hold anything, so fields are counted from its last parenthesis.
    fn parse(text: &str) -> Option<Self> {
        let fields: [&str; 22] = {
            let mut fields = [""; 22];
            let mut words = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
            for field in &mut fields {
                *field = words.next()?;
            }
            fields
        };
        let number = |at: usize| fields[at].parse::<u64>().ok();
        Some(Self {
            parent: fields[1].parse().ok()?,
            group: fields[2].parse().ok()?,
            zombie: matches!(fields[0], "Z" | "X" | "x"),
            ticks: number(11)? + number(12)? + number(13)? + number(14)?,
            start: number(19)?,
            resident: number(21)?,
        })
    }
}

/// `/proc/PID/stat` without an allocation: it is opened for every process each second.
fn stat_path(pid: i32, space: &mut [u8; 24]) -> Option<&str> {
    use std::io::Write as _;
    let all = space.len();
    let mut rest = space.as_mut_slice();
    write!(rest, "/proc/{pid}/stat").ok()?;
    let used = all - rest.len();
    std::str::from_utf8(&space[..used]).ok()
}

/// What a process was told by whoever launched it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) instance: String,
    pub(super) group: String,
    pub(super) owner: String,
    pub(super) address: String,
    /// Who may have written it: the process's user.
    pub(super) user: u32,
}

impl Tag {
    fn read(pid: i32) -> Option<Self> {
        let file = fs::File::open(format!("/proc/{pid}/environ")).ok()?;
        let user = file.metadata().ok()?.uid();
        let mut environment = Vec::new();
        file.take(ENVIRONMENT).read_to_end(&mut environment).ok()?;
        Self::parse(&environment, user)
    }

    fn parse(environment: &[u8], user: u32) -> Option<Self> {
        let value = |name: &str| {
            let mut variables = environment.split(|byte| *byte == 0);
            let value = variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
            String::from_utf8(value.to_vec()).ok()
        };
        let (instance, group, owner) = (value(INSTANCE)?, value(GROUP)?, value(OWNER)?);
        Some(Self { instance, group, owner, address: value(ADDRESS).unwrap_or_default(), user })
    }
}

/// Environments that were read before: they do not change but by another program.
static TAGS: LazyLock<Mutex<HashMap<i32, Known>>> = LazyLock::new(Mutex::default);

struct Known {
    start: u64,
    tag: Option<Arc<Tag>>,
    since: Instant,
}

/// Every process at one moment.
#[derive(Debug)]
pub(super) struct Census {
    stats: HashMap<i32, Stat>,
    tags: HashMap<i32, Arc<Tag>>,
    by_instance: HashMap<String, Vec<i32>>,
    by_group: HashMap<i32, Vec<i32>>,
    by_parent: HashMap<i32, Vec<i32>>,
}

/// One process of an instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) identity: Identity,
    pub(super) stat: Stat,
}

impl Census {
    /// Looks at every process now. Blocks for some milliseconds.
    pub(super) fn take() -> Self {
        let mut stats = HashMap::new();
        let mut buffer = String::with_capacity(512);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = Stat::read(pid, &mut buffer) {
                stats.insert(pid, stat);
            }
        }
        let tags = tags(&stats);
        let mut census = Self {
            tags,
            by_instance: HashMap::new(),
            by_group: HashMap::new(),
            by_parent: HashMap::new(),
            stats: HashMap::new(),
        };
        for (pid, tag) in &census.tags {
            census.by_instance.entry(tag.instance.clone()).or_default().push(*pid);
        }
        for (pid, stat) in &stats {
            census.by_group.entry(stat.group).or_default().push(*pid);
            census.by_parent.entry(stat.parent).or_default().push(*pid);
        }
        census.stats = stats;
        census
    }

    /// The same, away from the threads that serve requests, and begun after this was called. Who asks while another census is
    /// being taken shares the next one, so that a hundred instances can end at once.
    pub(super) async fn now() -> Arc<Self> {
        Self::begun_after(Instant::now()).await
    }

    /// One that is a moment old at most: everybody who asks for usage in one tick gets the same.
    pub(super) async fn recent() -> Arc<Self> {
        let now = Instant::now();
        Self::begun_after(now.checked_sub(FRESH).unwrap_or(now)).await
    }

    async fn begun_after(moment: Instant) -> Arc<Self> {
        static LAST: tokio::sync::Mutex<Option<(Instant, Arc<Census>)>> = tokio::sync::Mutex::const_new(None);
        let mut last = LAST.lock().await;
        if let Some((_, census)) = last.as_ref().filter(|(begun, _)| *begun >= moment) {
            return Arc::clone(census);
        }
        let begun = Instant::now();
        // The task cannot fail: nothing in it panics, and a runtime that ends wants no answer.
        let Ok(census) = tokio::task::spawn_blocking(Self::take).await else { return Arc::new(Self::empty()) };
        let census = Arc::new(census);
        *last = Some((begun, Arc::clone(&census)));
        census
    }

    fn empty() -> Self {
        Self {
            stats: HashMap::new(),
            tags: HashMap::new(),
            by_instance: HashMap::new(),
            by_group: HashMap::new(),
            by_parent: HashMap::new(),
        }
    }

    /// Whether a process is in it.
    pub(super) fn has(&self, process: Identity) -> bool {
        self.stats.get(&process.pid.as_raw_nonzero().get()).is_some_and(|stat| stat.start == process.start)
    }

    /// Every process of an instance, zombies included; `known` are those that were found to be before.
    pub(super) fn members(&self, instance: &str, owner: &str, leader: Pid, known: &HashSet<Identity>) -> Vec<Member> {
        let leader = leader.as_raw_nonzero().get();
        let told = self.by_instance.get(instance).into_iter().flatten().copied();
        let mut open: Vec<i32> = told.filter(|pid| self.tags.get(pid).is_some_and(|tag| tag.owner == owner)).collect();
        open.extend(self.by_group.get(&leader).into_iter().flatten());
        let known = known.iter().map(|known| (known.pid.as_raw_nonzero().get(), known.start));
        open.extend(
            known.filter(|(pid, start)| self.stats.get(pid).is_some_and(|it| it.start == *start)).map(|it| it.0),
        );
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        while let Some(pid) = open.pop() {
            if !seen.insert(pid) {
                continue;
            }
            open.extend(self.by_parent.get(&pid).into_iter().flatten());
            let Some(stat) = self.stats.get(&pid).copied() else { continue };
            let Some(id) = Pid::from_raw(pid) else { continue };
            members.push(Member { identity: Identity { pid: id, start: stat.start }, stat });
        }
        members
    }

    /// Processes of an owner's group that were told so in their environment, the oldest first; no zombies.
    pub(super) fn told(&self, group: &str, owner: &str) -> Vec<(Identity, Arc<Tag>)> {
        let ours = self.tags.iter().filter(|(_, tag)| tag.group == group && tag.owner == owner);
        let mut told: Vec<_> = ours
            .filter_map(|(pid, tag)| {
                let stat = self.stats.get(pid).filter(|stat| !stat.zombie)?;
                Some((Identity { pid: Pid::from_raw(*pid)?, start: stat.start }, Arc::clone(tag)))
            })
            .collect();
        told.sort_by_key(|(identity, _)| (identity.start, identity.pid.as_raw_nonzero()));
        told
    }
}

/// The tags of processes that have one. What was read before is not read again.
fn tags(stats: &HashMap<i32, Stat>) -> HashMap<i32, Arc<Tag>> {
    let now = Instant::now();
    let mut known = TAGS.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|pid, known| stats.get(pid).is_some_and(|stat| stat.start == known.start));
    let mut tags = HashMap::new();
    for (pid, stat) in stats {
        let entry = known.entry(*pid).or_insert(Known { start: stat.start, tag: None, since: now });
        if entry.tag.is_none() && !stat.zombie && now.duration_since(entry.since) < UNTOLD {
            entry.tag = Tag::read(*pid).map(Arc::new);
        }
        if let Some(tag) = &entry.tag {
            tags.insert(*pid, Arc::clone(tag));
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_from_the_last_parenthesis_of_the_name() {
        let text = "42 (a) b (c) S 7 41 40 0 -1 4194560 1 2 3 4 100 20 5 1 20 0 3 0 12345 1000 77 18446744073709551615";
        let stat = Stat { parent: 7, group: 41, zombie: false, ticks: 126, start: 12345, resident: 77 };
        assert_eq!(Stat::parse(text), Some(stat));
        for bad in ["", "42 (a", "42 (a) S 1 2", ")", "42 (a) S x 41 40 0 -1 4 1 2 3 4 1 2 5 1 20 0 3 0 1 1 7"] {
            assert_eq!(Stat::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_environment_tells_whose_a_process_is() {
        let text = b"A=1\0EQUIPOISE_INSTANCE=i-1\0EQUIPOISE_GROUP=g\0EQUIPOISE_OWNER=o\0EQUIPOISE_ADDRESS=x\0";
        let tag = Tag::parse(text, 7).unwrap();
        assert_eq!((tag.instance.as_str(), tag.group.as_str(), tag.owner.as_str()), ("i-1", "g", "o"));
        assert_eq!((tag.address.as_str(), tag.user), ("x", 7));
        assert_eq!(Tag::parse(b"EQUIPOISE_INSTANCE=i-1\0XEQUIPOISE_GROUP=g\0EQUIPOISE_OWNER=o\0", 0), None);
    }

    #[tokio::test]
    async fn a_census_is_shared_by_those_who_may_and_new_for_those_who_must() {
        let one = Census::now().await;
        // Another test may have taken one in between; it is new for this one as well.
        let two = Census::now().await;
        assert!(!Arc::ptr_eq(&one, &two));
        let before = Instant::now();
        let all = tokio::join!(Census::recent(), Census::recent(), Census::recent());
        let shared = Arc::ptr_eq(&all.0, &all.1) && Arc::ptr_eq(&all.1, &all.2);
        assert!(shared || before.elapsed() > FRESH);
    }

    #[test]
    fn this_process_is_counted() {
        let ours = rustix::process::getpid();
        let census = Census::take();
        let stat = census.stats[&ours.as_raw_nonzero().get()];
        assert!(stat.resident > 0 && !stat.zombie);
    }
}
