use std::fs;
use std::path::Path;

use equipoise_admin::client::Client;
use equipoise_admin::status::Status;

use super::*;
use crate::{Equipoise, Handle, Running};

const GOOD: &str = "[admin]\nbind = \"127.0.0.1:0\"\n";
/// Waited for only when something is missing.
const LIMIT: Duration = Duration::from_secs(20);

async fn start(file: &Path) -> (Running, Handle) {
    let running = Equipoise::builder().config_path(file).build().unwrap().start().await.unwrap();
    let handle = running.handle();
    (running, handle)
}

/// Until the last reload is as `wanted`.
async fn last(handle: &Handle, wanted: impl Fn(&Status) -> bool) -> Status {
    let look = async {
        loop {
            let status = handle.status();
            if wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, look).await.unwrap()
}

fn result(status: &Status) -> ReloadResult {
    status.last_reload.as_ref().unwrap().result
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_put_right_again_is_refused_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e.toml");
    fs::write(&file, GOOD).unwrap();
    let (_running, handle) = start(&file).await;
    let successful = |handle: &Handle| handle.metrics().contains("\nequipoise_config_last_reload_successful 1\n");
    // Emptied, as by an editor that is about to write.
    fs::write(&file, "").unwrap();
    last(&handle, |status| result(status) == ReloadResult::Refused).await;
    assert!(!successful(&handle));
    fs::write(&file, GOOD).unwrap();
    let status = last(&handle, |status| result(status) != ReloadResult::Refused).await;
    assert_eq!((result(&status), status.generation), (ReloadResult::Unchanged, 1));
    assert!(successful(&handle));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_refused_configuration_lacked_is_taken_up_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e.toml");
    fs::write(&file, GOOD).unwrap();
    let (_running, handle) = start(&file).await;
    fs::write(&file, format!("{GOOD}token-file = \"secrets/token\"\n")).unwrap();
    last(&handle, |status| result(status) == ReloadResult::Refused).await;
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/token"), "0123456789abcdef\n").unwrap();
    last(&handle, |status| status.generation == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_changed_in_its_file_locks_out_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, token) = (folder.path().join("e.toml"), folder.path().join("token"));
    fs::write(&file, format!("{GOOD}token-file = \"token\"\n")).unwrap();
    fs::write(&token, "the-first-token-of-all").unwrap();
    let (_running, handle) = start(&file).await;
    let ask = async |token: &str| {
        let address = handle.admin_address().unwrap().to_string();
        Client::new(address, Some(token.to_owned())).status().await
    };
    assert!(ask("the-first-token-of-all").await.is_ok());
    fs::write(folder.path().join("new"), "the-second-token-of-all").unwrap();
    fs::rename(folder.path().join("new"), &token).unwrap();
    let status = last(&handle, |status| status.generation == 2).await;
    assert_eq!(status.last_reload.unwrap().changes, ["admin: another token"]);
    assert!(ask("the-first-token-of-all").await.is_err());
    assert!(ask("the-second-token-of-all").await.is_ok());
    fs::write(&token, "short").unwrap();
    last(&handle, |status| result(status) == ReloadResult::Refused).await;
    assert!(ask("the-second-token-of-all").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_refused_is_never_read_by_another_reload() {
    let running = Equipoise::builder().config_text(GOOD).build().unwrap().start().await.unwrap();
    let handle = running.handle();
    let (bad, good) = tokio::join!(handle.apply_text("x = 1"), handle.apply_text(format!("{GOOD}# the same\n")));
    assert!(bad.is_err());
    assert_eq!(good.unwrap().result, ReloadResult::Unchanged);
    assert_eq!(handle.reload().await.unwrap().result, ReloadResult::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_numbers_of_workers_are_said_to_wait_for_the_next_start() {
    let running = Equipoise::builder().config_text(GOOD).build().unwrap().start().await.unwrap();
    let reload = running.handle().apply_text(format!("workers = 3\n{GOOD}")).await.unwrap();
    assert!(reload.changes.iter().any(|change| change.contains("until the program starts again")), "{reload:?}");
}
