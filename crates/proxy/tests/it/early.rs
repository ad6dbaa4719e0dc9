//! What a target says before its response, or before it has the whole request.

use crate::support::{Origin, Running, Wire, answer, soon};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nconnection: x-a\r\nx-a: 1\r\n\r\n";

/// A target that says `early`, and after a word of the test's the response.
async fn hinting(early: String) -> (Origin, tokio::sync::mpsc::UnboundedSender<()>) {
    let (go, going) = tokio::sync::mpsc::unbounded_channel::<()>();
    let going = std::sync::Arc::new(tokio::sync::Mutex::new(going));
    let origin = Origin::new(move |mut wire, _| {
        let (early, going) = (early.clone(), going.clone());
        async move {
            while wire.message().await.is_some() {
                wire.write(&early).await;
                let _ = going.lock().await.recv().await;
                wire.write_while_wanted(answer("done").as_bytes()).await;
            }
        }
    })
    .await;
    (origin, go)
}

#[tokio::test]
async fn an_interim_response_arrives_before_the_response_is_there() {
    let (origin, go) = hinting(HINTS.to_owned()).await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for _ in 0..3 {
        client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
        let hints = soon(client.head()).await.unwrap();
        assert_eq!(hints.head, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload");
        go.send(()).unwrap();
        assert_eq!(soon(client.message()).await.unwrap().text(), "done");
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn interim_responses_that_come_with_the_response_stand_before_it() {
    let origin = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            let early = format!("HTTP/1.1 102 Processing\r\n\r\n{}", HINTS.repeat(7));
            wire.write(early + &answer("done")).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    for _ in 0..20 {
        client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
        let mut statuses = Vec::new();
        let last = loop {
            let head = soon(client.head()).await.unwrap();
            match head.status() {
                200 => break head,
                interim => statuses.push(interim),
            }
        };
        assert_eq!(statuses, [102, 103, 103, 103, 103, 103, 103, 103]);
        assert_eq!(last.field("content-length"), "4");
        assert_eq!(client.exactly(4).await.unwrap(), b"done");
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn more_than_eight_interim_responses_are_a_502() {
    for early in [HINTS.repeat(9), "HTTP/1.1 100 Continue\r\n\r\n".repeat(9), "HTTP/1.1 103 \r\n\r\n".repeat(100_000)] {
        let (origin, _go) = hinting(early).await;
        let running = Running::before(&[origin.address]).await;
        let mut client = running.client().await;
        client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
        let last = loop {
            let head = soon(client.head()).await.unwrap();
            if head.status() >= 200 {
                break head;
            }
        };
        assert_eq!(last.status(), 502);
        assert!(last.field("proxy-status").contains("refused-response"));
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_sees_the_response_only() {
    let (origin, go) = hinting(HINTS.to_owned()).await;
    go.send(()).unwrap();
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(soon(client.head()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_response_of_a_pipeline_is_never_torn_by_an_interim_one() {
    // More than the kernel takes on the way, so that the first answer is held up for as long as nobody reads.
    let body: &'static str = "x".repeat(64 << 20).leak();
    let origin = Origin::new(move |mut wire, _| async move {
        while let Some(message) = wire.message().await {
            if message.head.starts_with("GET /big") {
                wire.write(answer(body)).await;
            } else {
                wire.write(HINTS.to_owned() + &answer("done")).await;
            }
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = running.client().await;
    client.write("GET /big HTTP/1.1\r\nhost: t\r\n\r\nGET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    running.eventually(|running| running.in_flight(0) == 1).await;
    // Read late, so that the second answer finds the first one still on its way.
    let first = soon(client.message()).await.unwrap();
    assert!(first.body == body.as_bytes());
    let second = soon(client.head()).await.unwrap();
    let last = if second.status() == 103 { soon(client.head()).await.unwrap() } else { second };
    assert_eq!(last.status(), 200);
    assert_eq!(client.exactly(4).await.unwrap(), b"done");
}

/// A target that answers when it has a request's head, and closes with the body unread.
async fn impatient(response: &'static str) -> Origin {
    Origin::new(move |mut wire, _| async move {
        wire.head().await;
        wire.write(response).await;
    })
    .await
}

const TOO_LARGE: &str = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nno!";

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let origin = impatient(TOO_LARGE).await;
    let running = Running::before(&[origin.address]).await;
    let body = vec![b'x'; 1 << 20];
    let head = format!("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", body.len());
    for _ in 0..300 {
        let mut client = running.client().await;
        client.write_while_wanted(&[head.as_bytes(), &body].concat()).await;
        let answer = soon(client.message()).await.expect("an answer");
        assert_eq!((answer.status(), answer.text()), (413, "no!"));
    }
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_target_that_only_breaks_off_is_still_a_502() {
    let origin = impatient("").await;
    let running = Running::before(&[origin.address]).await;
    for _ in 0..20 {
        let mut client = running.client().await;
        let head = "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1000000\r\n\r\n";
        client.write_while_wanted(&[head.as_bytes(), &vec![b'x'; 1_000_000]].concat()).await;
        assert_eq!(soon(client.message()).await.expect("an answer").status(), 502);
    }
}

async fn expecting(running: &Running, path: &str) -> Wire {
    let mut client = running.client().await;
    client.write(format!("POST {path} HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")).await;
    client
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_so_is_told_to_go_on() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            assert!(message.all("expect").is_empty());
            wire.write(answer(message.text())).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    let mut client = expecting(&running, "/").await;
    let head = soon(client.head()).await.unwrap();
    assert_eq!(head.head, "HTTP/1.1 100 Continue");
    client.write("hello").await;
    assert_eq!(soon(client.message()).await.unwrap().text(), "hello");
    assert_eq!(client.get("/").await.status(), 200, "the connection is still good");
}

#[tokio::test]
async fn a_request_that_we_answer_ourselves_is_not_told_to_go_on() {
    let running =
        Running::single(crate::support::listener_with("default = { respond = { status = 413, body = 'no' } }"), [])
            .await;
    let mut client = expecting(&running, "/").await;
    let refusal = soon(client.message()).await.unwrap();
    assert_eq!((refusal.status(), refusal.text()), (413, "no"));
}

#[tokio::test]
async fn the_last_response_is_whole_however_it_comes() {
    let origin = Origin::new(|mut wire, _| async move {
        while let Some(message) = wire.message().await {
            match message.head.split(' ').nth(1) {
                Some("/large") => wire.write(answer(&"x".repeat(1 << 20))).await,
                Some("/slow") => {
                    wire.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc").await;
                    // The second half only comes when the first has gone all the way.
                    let _ = wire.message().await;
                }
                _ => wire.write(answer("small")).await,
            }
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    for (path, length) in [("/small", 5), ("/large", 1 << 20)] {
        let mut client = running.client().await;
        client.write(format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")).await;
        let head = soon(client.head()).await.unwrap();
        assert_eq!(head.field("connection"), "close");
        assert_eq!(soon(client.exactly(length)).await.unwrap().len(), length);
        assert!(soon(client.message()).await.is_none(), "nothing after it");
    }
    let mut client = running.client().await;
    client.write("GET /slow HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").await;
    soon(client.head()).await.unwrap();
    assert_eq!(soon(client.exactly(3)).await.unwrap(), b"abc");
}

/// Bytes after the last request are nobody's; that they were not read must not take the response away.
#[tokio::test]
async fn the_last_response_survives_what_is_sent_after_its_request() {
    let origin = Origin::new(|mut wire, _| async move {
        while wire.message().await.is_some() {
            wire.write(answer("whole")).await;
        }
    })
    .await;
    let running = Running::before(&[origin.address]).await;
    for _ in 0..100 {
        let mut client = running.client().await;
        let requests = "GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n".to_owned()
            + &"GET / HTTP/1.1\r\nhost: t\r\n\r\n".repeat(900);
        client.write_while_wanted(requests.as_bytes()).await;
        assert_eq!(soon(client.message()).await.unwrap().text(), "whole");
    }
}
