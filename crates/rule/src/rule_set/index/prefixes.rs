//! Which of many prefixes does a value begin with?

/// Things by prefixes, in the order of the prefixes.
///
/// The longest prefix of a value is the greatest entry that is not above the value, or one that this entry itself begins
/// with: whatever lies between a prefix of the value and the value begins with that prefix too. So one binary search and
/// a walk along ever shorter entries find all of them.
#[derive(Debug)]
pub(super) struct Prefixes<T>(Box<[Entry<T>]>);

#[derive(Debug)]
struct Entry<T> {
    prefix: Box<[u8]>,
    /// Position of the longest other entry that this one begins with.
    shorter: Option<usize>,
    value: T,
}

impl<T> FromIterator<(Box<[u8]>, T)> for Prefixes<T> {
    /// From entries in ascending order of their prefixes, each prefix once.
    fn from_iter<I: IntoIterator<Item = (Box<[u8]>, T)>>(entries: I) -> Self {
        let mut all: Vec<Entry<T>> = Vec::new();
        for (prefix, value) in entries {
            // What the last entry does not begin with, this one does not either.
            let mut shorter = all.len().checked_sub(1);
            while let Some(at) = shorter
                && !prefix.starts_with(&all[at].prefix)
            {
                shorter = all[at].shorter;
            }
            all.push(Entry { prefix, shorter, value });
        }
        Self(all.into())
    }
}

impl<T> Prefixes<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What stands at the prefixes of `value`, the longest first.
    pub(super) fn of(&self, value: &[u8]) -> impl Iterator<Item = &T> {
        let shorter = |entry: &&Entry<T>| entry.shorter.map(|at| &self.0[at]);
        let at = self.0.partition_point(|entry| *entry.prefix <= *value);
        let nearest = at.checked_sub(1).map(|at| &self.0[at]);
        let longest = std::iter::successors(nearest, shorter).find(|entry| value.starts_with(&entry.prefix));
        std::iter::successors(longest, shorter).map(|entry| &entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prefixes: &[&str], value: &str, want: &[&str]) {
        let sorted: std::collections::BTreeSet<_> = prefixes.iter().copied().collect();
        let prefixes: Prefixes<&str> = sorted.into_iter().map(|text| (text.as_bytes().into(), text)).collect();
        assert_eq!(prefixes.of(value.as_bytes()).copied().collect::<Vec<_>>(), want);
    }

    #[test]
    fn all_prefixes_are_found_from_the_longest_to_the_shortest() {
        let all = ["/", "/a", "/a/", "/a/b", "/ab", "/b", "/a/c/d"];
        check(&all, "/a/b", &["/a/b", "/a/", "/a", "/"]);
        check(&all, "/a/bc", &["/a/b", "/a/", "/a", "/"]);
        check(&all, "/a/c", &["/a/", "/a", "/"]);
        check(&all, "/abc", &["/ab", "/a", "/"]);
        check(&all, "/c", &["/"]);
        check(&all, "", &[]);
        check(&all, "x", &[]);
        check(&[], "/", &[]);
    }
}
