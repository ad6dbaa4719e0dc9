use std::fs;
use std::path::Path;
use std::sync::Mutex;

use equipoise_admin::client::Client;

use super::*;
use crate::status::Status;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_a_drain_overtakes_puts_nothing_to_work() {
    let (entered, is_in) = std::sync::mpsc::channel();
    let (release, go_on) = std::sync::mpsc::channel();
    let go_on = Mutex::new(go_on);
    let make = move |snapshot: &equipoise_target::Snapshot| {
        entered.send(()).unwrap();
        go_on.lock().unwrap().recv_timeout(LIMIT).unwrap();
        equipoise_balance::Algorithm::default().picker(snapshot, &()).unwrap()
    };
    let running = Equipoise::builder().config_text(GOOD).balancer("slow", make).build().unwrap().start().await.unwrap();
    let handle = running.handle();
    let text = format!(
        "{GOOD}[listener.web]\nbind = \"127.0.0.1:0\"\ndefault = {{ forward = \"g\" }}\n\
         [target-group.g]\ntargets = [\"127.0.0.1:1\"]\n[target-group.g.balance.plugin]\nname = \"slow\"\n"
    );
    let reload = tokio::spawn({
        let handle = handle.clone();
        async move { handle.apply_text(text).await }
    });
    tokio::task::spawn_blocking(move || is_in.recv_timeout(LIMIT).unwrap()).await.unwrap();
    handle.drain(None);
    running.ended().await;
    release.send(()).unwrap();
    assert!(matches!(reload.await.unwrap(), Err(ReloadError::Draining)));
    assert!(handle.status().listeners.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_shows_what_a_group_that_left_still_finishes() {
    let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = target.local_addr().unwrap();
    let text = format!(
        "{GOOD}[listener.web]\nbind = \"127.0.0.1:0\"\ndefault = {{ forward = \"g\" }}\n\
         [target-group.g]\ntargets = [\"{address}\"]\n"
    );
    let running = Equipoise::builder().config_text(text).build().unwrap().start().await.unwrap();
    let handle = running.handle();
    let mut client = std::net::TcpStream::connect(&handle.status().listeners[0].bind).unwrap();
    std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    last(&handle, |status| status.target_groups[0].targets[0].in_flight == 1).await;
    handle.apply_text(GOOD).await.unwrap();
    let status = handle.status();
    let left = &status.target_groups[0].targets[0];
    assert!(left.draining && left.in_flight == 1 && left.address == address.to_string(), "{status:?}");
    drop((client, target));
    last(&handle, |status| status.target_groups.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_place_of_a_file_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let running = Equipoise::builder().config_text(GOOD).build().unwrap().start().await.unwrap();
    let text = format!("{GOOD}token-file = {pipe:?}\n");
    let refused = tokio::time::timeout(LIMIT, running.handle().apply_text(text)).await.unwrap().unwrap_err();
    assert!(chain(&refused).contains("no regular file"), "{refused:?}");
}
