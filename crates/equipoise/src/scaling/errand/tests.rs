use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const SOON: Duration = Duration::from_secs(20);

async fn shell(script: &str, limit: Duration) -> Result<(), ErrandError> {
    let command = ["/bin/sh", "-c", script].map(PathBuf::from);
    run(&command, &BTreeMap::from([("EQUIPOISE_HOOK", "warm".to_owned())]), limit).await
}

#[tokio::test]
async fn a_command_agrees_by_its_exit_code_and_knows_what_it_is_about() {
    shell("test \"$EQUIPOISE_HOOK\" = warm", SOON).await.unwrap();
}

#[tokio::test]
async fn a_command_that_fails_is_quoted_within_bounds() {
    let error = shell("echo said; echo 'no such\tbucket' >&2; exit 4", SOON).await.unwrap_err().to_string();
    assert_eq!(error, "/bin/sh ended with exit status: 4: no such bucket");
    let long = shell("head -c 100000 /dev/zero | tr '\\0' x; exit 1", SOON).await.unwrap_err().to_string();
    assert!(long.len() < LONGEST_OUTPUT + 100, "{}", long.len());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended() {
    let error = shell("sleep 1000", Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.to_string(), "/bin/sh did not end within 50ms");
}

#[tokio::test]
async fn what_a_command_leaves_in_the_background_is_not_waited_for() {
    shell("sleep 3 & exit 0", SOON).await.unwrap();
    let error = shell("sleep 3 & echo no >&2; exit 1", SOON).await.unwrap_err().to_string();
    assert_eq!(error, "/bin/sh ended with exit status: 1: no");
}

#[tokio::test]
async fn what_a_command_started_ends_with_it_when_it_takes_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
    let ended = tokio::spawn(async move { shell(&script, Duration::from_secs(2)).await });
    assert!(ended.await.unwrap().is_err());
    let Ok(child) = std::fs::read_to_string(&pid) else { return }; // it had no time to start anything
    let stat = format!("/proc/{}/stat", child.trim());
    let gone = async {
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.unwrap();
}

#[tokio::test]
async fn a_command_learns_nothing_of_our_own_variables() {
    // Cargo sets it for tests, and nobody passes it on.
    shell("test -z \"$CARGO_MANIFEST_DIR\"", SOON).await.unwrap();
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    let error = run(&["/no/such/hook".into()], &BTreeMap::new(), SOON).await.unwrap_err().to_string();
    assert!(error.contains("/no/such/hook"), "{error}");
}

/// Answers one request, and gives what it was.
async fn page(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/launch?x=1", listener.local_addr().unwrap());
    let answered = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"}") {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).await.unwrap();
            read.extend_from_slice(&buffer[..count]);
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nquota");
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(read).unwrap()
    });
    (url, answered)
}

#[tokio::test]
async fn a_page_is_posted_to_and_agrees_by_its_status() {
    let (url, asked) = page("204 No Content").await;
    post(&url, serde_json::json!({ "instance": "i-1" }), SOON).await.unwrap();
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /hooks/launch?x=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_ascii_lowercase().contains("content-type: application/json"), "{asked}");
    assert!(asked.ends_with("\r\n\r\n{\"instance\":\"i-1\"}"), "{asked}");
    let (url, _asked) = page("503 Service Unavailable").await;
    let error = post(&url, serde_json::json!({}), SOON).await.unwrap_err().to_string();
    assert!(error.ends_with("answered 503 Service Unavailable: quota"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for url in ["ftp://a.example/", "/hooks", "http://"] {
        let error = post(url, serde_json::json!({}), SOON).await.unwrap_err();
        assert!(matches!(error, ErrandError::Url { .. }), "{url}: {error}");
    }
}
