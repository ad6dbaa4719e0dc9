//! HTTP/2 to targets: many requests on one connection, each with an end of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use equipoise_proxy::{GroupSettings, GroupTimeouts, PoolSettings, Retry, TargetVersion, Transport};
use h2::Reason;
use http::{HeaderMap, HeaderValue};
use tokio::sync::{Barrier, Notify, mpsc};

use crate::streams::{Call, StreamOrigin, serve_all};
use crate::support::{Origin, Running, Wire, get, group, listener, soon};

fn http2() -> GroupSettings {
    let transport = Transport { version: TargetVersion::Http2, ..Transport::default() };
    GroupSettings { transport, ..GroupSettings::default() }
}

async fn before(settings: GroupSettings, origins: &[&StreamOrigin]) -> Running {
    let addresses: Vec<_> = origins.iter().map(|origin| origin.address).collect();
    Running::single(listener(), [group("g", &addresses, settings)]).await
}

/// So many requests at once, each on a connection of its own.
async fn ask_at_once(running: &Running, count: usize) -> Vec<String> {
    let clients = (0..count).map(|number| {
        let address = running.address;
        tokio::spawn(async move { get(address, &format!("/{number}")).await.text().to_owned() })
    });
    let mut answers = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        answers.push(soon(client).await.unwrap());
    }
    answers
}

#[tokio::test]
async fn requests_of_many_clients_share_one_connection() {
    let together = Arc::new(Barrier::new(40));
    let origin = StreamOrigin::new(move |mut call: Call| {
        let together = Arc::clone(&together);
        async move {
            together.wait().await; // nobody is answered before all have come
            let path = call.path();
            call.answer(path);
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let answers = ask_at_once(&running, 40).await;
    assert_eq!(answers, (0..40).map(|number| format!("/{number}")).collect::<Vec<_>>());
    assert_eq!(origin.connections(), 1);
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn a_full_connection_is_joined_by_another() {
    let together = Arc::new(Barrier::new(12));
    let most = Arc::new(AtomicUsize::new(0));
    let (open, refused) = (Arc::new([const { AtomicUsize::new(0) }; 8]), Arc::clone(&most));
    let origin = StreamOrigin::with(h2::server::Builder::new().max_concurrent_streams(4), move |mut call: Call| {
        let (together, open, most) = (Arc::clone(&together), Arc::clone(&open), Arc::clone(&most));
        async move {
            most.fetch_max(open[call.connection].fetch_add(1, SeqCst) + 1, SeqCst);
            together.wait().await;
            call.answer("here");
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    assert_eq!(ask_at_once(&running, 12).await, ["here"; 12]);
    assert_eq!((origin.connections(), refused.load(SeqCst)), (3, 4));
    assert_eq!(running.metric("equipoise_retries_total{group=\"g\"}"), 0.0);
}

#[tokio::test]
async fn the_host_becomes_the_authority_and_fields_of_the_connection_stay_here() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let origin = StreamOrigin::new(move |mut call: Call| {
        let heads = heads.clone();
        async move {
            let (body, trailers) = call.read().await.unwrap();
            heads.send((call.request.uri().to_string(), call.request.headers().clone(), body, trailers)).unwrap();
            call.answer("");
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let mut client = running.client().await;
    client.ask("GET /a?b=c HTTP/1.1\r\nhost: todo.example:81\r\nconnection: x-a\r\nx-a: 1\r\nx-b: 2\r\n\r\n").await;
    let (uri, fields, ..) = seen.recv().await.unwrap();
    assert_eq!(uri, "http://todo.example:81/a?b=c");
    for name in ["host", "connection", "x-a", "transfer-encoding", "te"] {
        assert!(!fields.contains_key(name), "{name}");
    }
    assert_eq!((&fields["x-b"], &fields["x-forwarded-for"]), (&"2".parse().unwrap(), &"127.0.0.1".parse().unwrap()));
    client.ask("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(seen.recv().await.unwrap().0, "http:///".replace("http:///", "/"), "no host was named");
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways() {
    let origin = StreamOrigin::new(|mut call: Call| async move {
        let (body, trailers) = call.read().await.unwrap();
        let mut stream = call.begin();
        stream.send_data(body.into(), false).unwrap();
        let mut back = HeaderMap::new();
        back.insert("x-sum", trailers.map_or(HeaderValue::from_static("none"), |trailers| trailers["x-sum"].clone()));
        stream.send_trailers(back).unwrap();
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let big = "x".repeat(300_000);
    let mut client = running.client().await;
    // With a length, in chunks, and in chunks with trailers, which HTTP/1.1 gives back to those who take them.
    let sized = format!("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n{big}", big.len());
    assert!(client.ask(&sized).await.text() == big);
    let fields = "POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n";
    let chunked = format!("{fields}{:x}\r\n{big}\r\n0\r\nx-sum: 7\r\n\r\n", big.len());
    client.write(&chunked).await;
    let head = soon(client.head()).await.unwrap();
    assert_eq!(head.status(), 200);
    let mut body = Vec::new();
    loop {
        match soon(client.chunk()).await.unwrap().as_slice() {
            [] => break,
            chunk => body.extend_from_slice(chunk),
        }
    }
    assert!(body == big.as_bytes());
}

#[tokio::test]
async fn what_is_under_way_survives_a_goodbye_and_what_follows_takes_a_new_connection() {
    let (accepted, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, released) = (Arc::clone(&accepted), Arc::clone(&release));
    let origin = StreamOrigin::driving(move |stream, number| {
        let (accepted, release) = (Arc::clone(&told), Arc::clone(&released));
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            if number > 0 {
                return serve_all(&mut connection, number, |mut call| async move { call.answer("new") }).await;
            }
            let (request, reply) = connection.accept().await.unwrap().unwrap();
            connection.graceful_shutdown();
            tokio::spawn(async move {
                let mut call = Call { request, reply, connection: 0 };
                accepted.notify_one();
                release.notified().await;
                call.answer("old");
            });
            while connection.accept().await.is_some() {}
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let address = running.address;
    let old = tokio::spawn(async move { get(address, "/").await.text().to_owned() });
    soon(accepted.notified()).await;
    // The goodbye may still be on its way for the first few of these; none of them may fail for it.
    let mut client = running.client().await;
    while client.get("/").await.text() != "new" {}
    release.notify_one();
    assert_eq!(soon(old).await.unwrap(), "old");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_refused_stream_is_sent_to_another_target_for_free_with_its_body() {
    let refusing = StreamOrigin::new(|mut call: Call| async move {
        let _ = call.request.body_mut().data().await; // a part of the body is there already
        call.reply.send_reset(Reason::REFUSED_STREAM);
    })
    .await;
    let origin = StreamOrigin::new(|mut call: Call| async move {
        let (body, _) = call.read().await.unwrap();
        call.answer(body);
    })
    .await;
    let retry = Retry { budget_percent: 0, budget_minimum: 0, ..Retry::default() };
    let running = before(GroupSettings { retry, ..http2() }, &[&refusing, &origin]).await;
    let mut client = running.client().await;
    for _ in 0..6 {
        let answer = client.ask("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody").await;
        assert_eq!((answer.status(), answer.text()), (200, "body"));
    }
    assert!(running.metric("equipoise_retries_total{group=\"g\"}") >= 3.0);
    assert_eq!(running.in_flight(0) + running.in_flight(1), 0);
}

#[tokio::test]
async fn a_stream_that_was_refused_after_much_of_its_body_is_not_sent_again() {
    let refusing =
        StreamOrigin::with(h2::server::Builder::new().initial_window_size(1 << 20), |mut call: Call| async move {
            let mut got = 0;
            while got < 100_000 {
                let data = call.request.body_mut().data().await.unwrap().unwrap();
                got += data.len();
                call.request.body_mut().flow_control().release_capacity(data.len()).unwrap();
            }
            call.reply.send_reset(Reason::REFUSED_STREAM);
        })
        .await;
    let running = before(http2(), &[&refusing]).await;
    let mut client = running.client().await;
    client.write(format!("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 200000\r\n\r\n{}", "x".repeat(150_000))).await;
    let answer = soon(client.message()).await.unwrap();
    assert_eq!((answer.status(), answer.text()), (502, "502 Bad Gateway: stream-refused\n"));
}

#[tokio::test]
async fn a_stream_that_the_target_resets_takes_no_other_with_it() {
    let seen = Arc::new(Notify::new());
    let both = Arc::clone(&seen);
    let origin = StreamOrigin::new(move |mut call: Call| {
        let seen = Arc::clone(&both);
        async move {
            let mut stream = call.begin();
            stream.send_data(Bytes::from_static(b"some"), false).unwrap();
            seen.notified().await;
            if call.path() == "/bad" {
                stream.send_reset(Reason::INTERNAL_ERROR);
            } else {
                stream.send_data(Bytes::from_static(b" more"), true).unwrap();
            }
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let (mut good, mut bad) = (running.client().await, running.client().await);
    good.write("GET /good HTTP/1.1\r\nhost: t\r\n\r\n").await;
    bad.write("GET /bad HTTP/1.1\r\nhost: t\r\n\r\n").await;
    for client in [&mut good, &mut bad] {
        soon(client.head()).await.unwrap();
        assert_eq!(soon(client.chunk()).await.unwrap(), b"some");
    }
    seen.notify_waiters();
    assert!(soon(bad.chunk()).await.is_none(), "the client can see that it was cut");
    assert_eq!(soon(good.chunk()).await.unwrap(), b" more");
    assert_eq!((origin.connections(), running.in_flight(0)), (1, 0));
    let cut = "equipoise_faults_total{listener=\"web\",reason=\"response-cut\"}";
    running.eventually(|running| running.metric(cut) == 1.0).await;
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_target_at_once_and_nobody_elses() {
    let (resets, mut seen) = mpsc::unbounded_channel();
    let stay = Arc::new(Notify::new());
    let staying = Arc::clone(&stay);
    let origin = StreamOrigin::new(move |mut call: Call| {
        let (resets, stay) = (resets.clone(), Arc::clone(&staying));
        async move {
            if call.path() == "/stay" {
                stay.notified().await;
                return call.answer("stayed");
            }
            let mut stream = call.begin();
            stream.send_data(Bytes::from_static(b"some"), false).unwrap();
            let reason = std::future::poll_fn(|cx| stream.poll_reset(cx)).await.unwrap();
            resets.send(reason).unwrap();
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let address = running.address;
    let staying = tokio::spawn(async move { get(address, "/stay").await.text().to_owned() });
    let mut leaving = running.client().await;
    leaving.write("GET /leave HTTP/1.1\r\nhost: t\r\n\r\n").await;
    soon(leaving.head()).await.unwrap();
    running.eventually(|running| running.in_flight(0) == 2).await;
    drop(leaving);
    assert_eq!(soon(seen.recv()).await.unwrap(), Reason::CANCEL);
    running.eventually(|running| running.in_flight(0) == 1).await;
    stay.notify_one();
    assert_eq!(soon(staying).await.unwrap(), "stayed");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_time_out_resets_the_stream_and_leaves_the_connection() {
    let (resets, mut seen) = mpsc::unbounded_channel();
    let origin = StreamOrigin::new(move |mut call: Call| {
        let resets = resets.clone();
        async move {
            match call.path().as_str() {
                "/slow" => {
                    let reason = std::future::poll_fn(|cx| call.reply.poll_reset(cx)).await.unwrap();
                    resets.send(reason).unwrap();
                }
                _ => call.answer("quick"),
            }
        }
    })
    .await;
    let timeouts = GroupTimeouts { first_byte: Duration::from_millis(80), ..GroupTimeouts::default() };
    let running = before(GroupSettings { timeouts, ..http2() }, &[&origin]).await;
    let mut client = running.client().await;
    assert_eq!(client.get("/slow").await.status(), 504);
    assert_eq!(soon(seen.recv()).await.unwrap(), Reason::CANCEL);
    assert_eq!(client.get("/quick").await.text(), "quick");
    assert_eq!((origin.connections(), running.in_flight(0)), (1, 0));
}

#[tokio::test]
async fn an_upload_that_the_target_does_not_take_holds_no_more_than_its_window() {
    let (bytes, mut seen) = mpsc::unbounded_channel();
    let origin = StreamOrigin::new(move |mut call: Call| {
        let bytes = bytes.clone();
        async move {
            let data = call.request.body_mut().data().await.unwrap().unwrap();
            bytes.send(data.len()).unwrap();
            // Nothing is released, so nothing beyond the window may come.
            let _stay = std::future::poll_fn(|cx| call.reply.poll_reset(cx)).await;
        }
    })
    .await;
    let timeouts = GroupTimeouts { first_byte: Duration::from_millis(300), ..GroupTimeouts::default() };
    let running = before(GroupSettings { timeouts, ..http2() }, &[&origin]).await;
    let mut client = running.client().await;
    let length = 64 << 20;
    client.write(format!("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: {length}\r\n\r\n")).await;
    let body = vec![b'x'; length];
    let (answer, ()) = tokio::join!(
        async { soon(seen.recv()).await.unwrap() },
        // It ends when the request does.
        client.write_while_wanted(&body)
    );
    assert!(answer <= 65_535);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_ends_the_request() {
    let origin = StreamOrigin::new(|mut call: Call| async move {
        call.answer("enough"); // what is left of the request is not read
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let mut client = running.client().await;
    client.write("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\nsome").await;
    assert_eq!(soon(client.message()).await.unwrap().text(), "enough");
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn what_has_no_body_says_how_long_it_would_be_and_what_is_too_short_is_cut() {
    let read = Arc::new(Notify::new());
    let reading = Arc::clone(&read);
    let origin = StreamOrigin::new(move |mut call: Call| {
        let read = Arc::clone(&reading);
        async move {
            let head = http::Response::builder().header("content-length", "8").body(()).unwrap();
            let mut stream = call.reply.send_response(head, call.request.method() == "HEAD").unwrap();
            if call.request.method() != "HEAD" {
                stream.send_data(Bytes::from_static(b"some"), false).unwrap();
                read.notified().await;
                stream.send_reset(Reason::NO_ERROR);
            }
        }
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    let mut client = running.client().await;
    client.write("HEAD / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(soon(client.head()).await.unwrap().field("content-length"), "8");
    client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
    soon(client.head()).await.unwrap();
    assert_eq!(soon(client.exactly(4)).await.unwrap(), b"some");
    read.notify_one();
    assert!(soon(client.exactly(4)).await.is_none());
}

#[tokio::test]
async fn a_target_that_speaks_something_else_fails_the_connection_and_is_sent_no_request() {
    let origin = Origin::answering("hello").await;
    let timeouts = GroupTimeouts { connect: Duration::from_millis(300), ..GroupTimeouts::default() };
    let settings = GroupSettings { timeouts, ..http2() };
    let running = Running::single(listener(), [group("g", &[origin.address], settings)]).await;
    let answer = get(running.address, "/").await;
    assert!([502, 504].contains(&answer.status()), "{}", answer.head);
    assert!(running.metric("equipoise_upstream_connect_failures_total{group=\"g\"}") >= 1.0);
}

#[tokio::test]
async fn when_a_connection_cannot_be_made_all_who_wait_for_it_are_told() {
    let gone = Origin::gone().await;
    let retry = Retry { attempts: 0, ..Retry::default() };
    let running = Running::single(listener(), [group("g", &[gone], GroupSettings { retry, ..http2() })]).await;
    assert_eq!(ask_at_once(&running, 20).await, ["502 Bad Gateway: connect-failed\n"; 20]);
}

#[tokio::test]
async fn an_idle_connection_is_closed_with_a_goodbye() {
    let ended = Arc::new(Notify::new());
    let end = Arc::clone(&ended);
    let origin = StreamOrigin::driving(move |stream, number| {
        let end = Arc::clone(&end);
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            serve_all(&mut connection, number, |mut call| async move { call.answer("here") }).await;
            end.notify_one();
        }
    })
    .await;
    let pool = PoolSettings { idle_timeout: Duration::from_millis(50), ..PoolSettings::default() };
    let running = before(GroupSettings { pool, ..http2() }, &[&origin]).await;
    assert_eq!(get(running.address, "/").await.text(), "here");
    soon(ended.notified()).await;
}

#[tokio::test]
async fn a_flood_of_interim_responses_ends_the_stream() {
    let origin = StreamOrigin::new(|mut call: Call| async move {
        for _ in 0..100 {
            let hints = http::Response::builder().status(103).body(()).unwrap();
            if call.reply.send_informational(hints).is_err() {
                return;
            }
        }
        call.answer("never");
    })
    .await;
    let running = before(http2(), &[&origin]).await;
    assert_eq!(get(running.address, "/").await.text(), "502 Bad Gateway: refused-response\n");
}

#[tokio::test]
async fn a_target_that_dies_with_requests_on_it_fails_each_of_them_once() {
    let together = Arc::new(Barrier::new(5));
    let origin = StreamOrigin::driving(move |stream, number| {
        let together = Arc::clone(&together);
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let all = serve_all(&mut connection, number, |call: Call| {
                let together = Arc::clone(&together);
                async move {
                    let _call = call;
                    together.wait().await;
                    std::future::pending::<()>().await;
                }
            });
            // Dropping the connection closes its socket.
            tokio::select! { () = all => {}, _ = together.wait() => {} }
        }
    })
    .await;
    let retry = Retry { attempts: 0, ..Retry::default() };
    let running = before(GroupSettings { retry, ..http2() }, &[&origin]).await;
    assert_eq!(ask_at_once(&running, 4).await, ["502 Bad Gateway: target-closed\n"; 4]);
    assert_eq!(running.in_flight(0), 0);
}

#[tokio::test]
async fn leases_are_exact_after_a_storm_of_aborts() {
    let origin =
        StreamOrigin::with(h2::server::Builder::new().max_concurrent_streams(3), |mut call: Call| async move {
            let mut stream = call.begin();
            let _ = stream.send_data(Bytes::from_static(b"some"), false);
            let _ = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
        })
        .await;
    let running = before(http2(), &[&origin]).await;
    for round in 0..20 {
        let mut clients = Vec::new();
        for _ in 0..5 {
            let mut client = Wire::connect(running.address).await;
            client.write("GET / HTTP/1.1\r\nhost: t\r\n\r\n").await;
            if round % 2 == 0 {
                soon(client.head()).await.unwrap();
            }
            clients.push(client);
        }
        drop(clients);
    }
    running.eventually(|running| running.in_flight(0) == 0).await;
}
