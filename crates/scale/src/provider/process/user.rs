//! Users and groups by name or number, from /etc/passwd and /etc/group: other directories are reached by number.

use std::fs;
use std::path::PathBuf;

/// Who a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: Option<PathBuf>,
}

/// The user and group that a template names. `None` where it names neither.
///
/// # Errors
/// A sentence for the user.
pub(super) fn find(user: Option<&str>, group: Option<&str>) -> Result<Option<User>, String> {
    if user.is_none() && group.is_none() {
        return Ok(None);
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    look_up(user, group, &read("/etc/passwd"), &read("/etc/group")).map(Some)
}

fn look_up(user: Option<&str>, group: Option<&str>, passwd: &str, groups: &str) -> Result<User, String> {
    let mut found = match user {
        Some(user) => of_passwd(user, passwd)?,
        None => User { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw(), home: None },
    };
    if let Some(group) = group {
        let line = groups.lines().map(fields).find(|line| line.first() == Some(&group));
        let number = line.and_then(|line| line.get(2)?.parse().ok()).or_else(|| group.parse().ok());
        found.gid = number.ok_or_else(|| format!("there is no group `{group}` in /etc/group; its number would do"))?;
    }
    Ok(found)
}

fn of_passwd(user: &str, passwd: &str) -> Result<User, String> {
    let known = |line: &Vec<&str>| line.first() == Some(&user) || line.get(2) == Some(&user);
    if let Some(line) = passwd.lines().map(fields).find(known)
        && let [_, _, uid, gid, _, home, ..] = line[..]
        && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
    {
        return Ok(User { uid, gid, home: Some(home.into()) });
    }
    match user.parse() {
        // Without an entry there is no group of its own; that of the same number is the custom.
        Ok(uid) => Ok(User { uid, gid: uid, home: None }),
        Err(_) => Err(format!("there is no user `{user}` in /etc/passwd; its number would do")),
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:100:An app:/srv/app:/bin/false\nbroken:x\n";
    const GROUPS: &str = "root:x:0:\nusers:x:100:app\nweb:x:33:\n";

    #[track_caller]
    fn check(user: Option<&str>, group: Option<&str>, expected: Result<(u32, u32), &str>) {
        match (look_up(user, group, PASSWD, GROUPS), expected) {
            (Ok(found), Ok(expected)) => assert_eq!((found.uid, found.gid), expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn users_and_groups_are_found_by_name_and_by_number() {
        check(Some("app"), None, Ok((1000, 100)));
        check(Some("1000"), None, Ok((1000, 100)));
        check(Some("4711"), None, Ok((4711, 4711)));
        check(Some("app"), Some("web"), Ok((1000, 33)));
        check(Some("app"), Some("5"), Ok((1000, 5)));
        check(None, Some("web"), Ok((rustix::process::geteuid().as_raw(), 33)));
        check(Some("nobody-here"), None, Err("no user `nobody-here`"));
        check(Some("broken"), None, Err("no user `broken`"));
        check(Some("app"), Some("nogroup-here"), Err("no group `nogroup-here`"));
        assert_eq!(find(None, None), Ok(None));
    }
}
