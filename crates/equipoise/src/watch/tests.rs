use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// Longer than any event takes; waited for only when one is missing.
const LIMIT: Duration = Duration::from_secs(10);
/// Long enough for an event that should not be.
const NOTHING: Duration = Duration::from_millis(400);

fn follow(path: &Path) -> Watch {
    let mut watch = Watch::new().unwrap();
    assert!(watch.follow(&[path.to_owned()]));
    watch
}

async fn is_told(watch: &mut Watch) -> bool {
    tokio::time::timeout(LIMIT, watch.changed()).await.is_ok()
}

#[tokio::test]
async fn a_log_beside_the_configuration_is_no_change_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e.toml");
    fs::write(&file, "").unwrap();
    let mut watch = follow(&file);
    fs::write(folder.path().join("access.log"), "a line").unwrap();
    assert!(tokio::time::timeout(NOTHING, watch.changed()).await.is_err());
    fs::write(&file, "workers = 1").unwrap();
    assert!(is_told(&mut watch).await);
}

#[tokio::test]
async fn a_file_that_joins_or_leaves_a_folder_of_files_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut watch = follow(folder.path());
    fs::write(folder.path().join("web.toml"), "").unwrap();
    assert!(is_told(&mut watch).await);
    fs::remove_file(folder.path().join("web.toml")).unwrap();
    assert!(is_told(&mut watch).await);
}

#[tokio::test]
async fn a_link_that_is_swapped_half_way_is_a_change_of_what_lies_behind() {
    let folder = tempfile::tempdir().unwrap();
    let release = |name: &str| {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("e.toml"), name).unwrap();
        symlink(name, folder.path().join("next")).unwrap();
        fs::rename(folder.path().join("next"), folder.path().join("current")).unwrap();
    };
    release("one");
    let file = folder.path().join("current/e.toml");
    let mut watch = follow(&file);
    for name in ["two", "three"] {
        release(name);
        assert!(is_told(&mut watch).await, "{name}");
        assert!(watch.follow(std::slice::from_ref(&file)));
    }
    fs::write(&file, "four").unwrap();
    assert!(is_told(&mut watch).await);
}

#[tokio::test]
async fn a_folder_that_is_replaced_by_another_of_its_name_is_watched_on() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, file) = (folder.path().join("etc"), folder.path().join("etc/e.toml"));
    let make = || {
        fs::create_dir(&inner).unwrap();
        fs::write(&file, "").unwrap();
    };
    make();
    let mut watch = follow(&file);
    fs::remove_dir_all(&inner).unwrap();
    make();
    assert!(is_told(&mut watch).await);
    watch.follow(std::slice::from_ref(&file));
    fs::write(&file, "workers = 1").unwrap();
    assert!(is_told(&mut watch).await);
}

#[tokio::test]
async fn a_file_whose_folder_is_yet_to_come_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a/b/e.toml");
    let mut watch = follow(&file);
    fs::create_dir(folder.path().join("a")).unwrap();
    assert!(is_told(&mut watch).await);
    assert!(watch.follow(std::slice::from_ref(&file)));
    fs::create_dir(folder.path().join("a/b")).unwrap();
    assert!(is_told(&mut watch).await);
    assert!(watch.follow(std::slice::from_ref(&file)));
    fs::write(&file, "").unwrap();
    assert!(is_told(&mut watch).await);
}

#[test]
fn links_that_go_round_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop");
    symlink("loop", &path).unwrap();
    assert!(Places::of(std::slice::from_ref(&path)).concerns(&folder.path().canonicalize().unwrap().join("loop")));
}
