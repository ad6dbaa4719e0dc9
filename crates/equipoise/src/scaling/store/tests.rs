use std::path::Path;

use super::*;

fn put(table: Table, key: &str, value: &[u8]) -> Change {
    Change { table, key: key.to_owned(), value: Some(value.to_owned()) }
}

/// Both kinds do the same.
#[track_caller]
fn check(store: &mut dyn Store) {
    store.write(&[]).unwrap();
    assert!(store.last(Table::Activities, "", 9).unwrap().is_empty());
    let changes: Vec<_> = (1..=5).map(|id| put(Table::Activities, &format!("web/{id}"), &[id])).collect();
    store.write(&changes).unwrap();
    store.write(&[put(Table::Activities, "wec/1", b"another"), put(Table::Groups, "web", b"state")]).unwrap();
    let gone = Change { table: Table::Activities, key: "web/4".to_owned(), value: None };
    store.write(&[gone, put(Table::Activities, "web/5", b"changed")]).unwrap();
    let last = store.last(Table::Activities, "web/", 3).unwrap();
    assert_eq!(last, [("web/5".into(), b"changed".to_vec()), ("web/3".into(), vec![3]), ("web/2".into(), vec![2])]);
    assert_eq!(store.keys(Table::Groups).unwrap(), ["web"]);
    assert_eq!(store.keys(Table::Activities).unwrap(), ["web/1", "web/2", "web/3", "web/5", "wec/1"]);
}

fn in_file(path: &Path) -> File {
    let mut file = File::open(path).unwrap();
    file.write(&[]).unwrap();
    file
}

#[test]
fn records_are_put_replaced_taken_away_and_read_from_the_last_one_back() {
    check(&mut Memory::default());
    let folder = tempfile::tempdir().unwrap();
    check(&mut in_file(&folder.path().join("new folder").join("scaling.redb")));
}

#[test]
fn a_file_holds_what_it_held_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scaling.redb");
    in_file(&path).write(&[put(Table::Groups, "web", b"state")]).unwrap();
    assert_eq!(in_file(&path).keys(Table::Groups).unwrap(), ["web"]);
}

#[test]
fn a_file_that_another_has_open_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scaling.redb");
    let _first = in_file(&path);
    let error = File::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }) && error.to_string().contains("scaling.redb"), "{error}");
}

#[test]
fn a_broken_file_is_moved_aside_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scaling.redb");
    in_file(&path).write(&[put(Table::Groups, "web", &[7; 5000])]).unwrap();
    let sound = std::fs::read(&path).unwrap();
    let mut torn = sound.clone();
    torn[sound.len() / 4..].fill(0xa5);
    let head = {
        let mut head = sound.clone();
        head[..64].fill(0);
        head
    };
    for (number, broken) in [b"no database, but longer than nothing".to_vec(), torn, head].iter().enumerate() {
        std::fs::write(&path, broken).unwrap();
        assert!(in_file(&path).keys(Table::Groups).unwrap().is_empty(), "case {number}");
        let aside = folder.path().join(format!("scaling.redb.broken-{}", number + 1));
        assert_eq!(&std::fs::read(aside).unwrap(), broken, "case {number}");
    }
}

#[test]
fn what_another_version_wrote_and_what_is_damaged_is_passed_over() {
    assert_eq!(decode::<u32>(Table::Meta, "k", &encode(&7_u32)), Some(7));
    assert_eq!(decode::<u32>(Table::Meta, "k", br#"{"v":2,"data":7}"#), None);
    assert_eq!(decode::<u32>(Table::Meta, "k", b"\xff"), None);
}
