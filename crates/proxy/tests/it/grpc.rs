//! gRPC through and through: a client and a target that speak it over HTTP/2, frames made by hand.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use equipoise_proxy::{
    AccessLog, Generation, GroupSettings, GroupTimeouts, LogDestination, LogFormat, Retry, TargetVersion, Transport,
};
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::sync::mpsc;

use crate::streams::{Call, StreamOrigin, read};
use crate::support::{Origin, Running, group, listener, listener_with, soon};

fn settings() -> GroupSettings {
    let transport = Transport { version: TargetVersion::Http2, ..Transport::default() };
    GroupSettings { transport, ..GroupSettings::default() }
}

async fn before(settings: GroupSettings, addresses: &[SocketAddr]) -> Running {
    Running::single(listener(), [group("g", addresses, settings)]).await
}

/// A message with its five bytes in front.
fn message(text: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(text.len()).unwrap());
    bytes.put_slice(text.as_bytes());
    bytes.freeze()
}

/// The texts of whole messages.
fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [0, a, b, c, d, rest @ ..] = bytes {
        let (text, more) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        bytes = more;
    }
    assert!(bytes.is_empty(), "{bytes:?}");
    texts
}

async fn client(running: &Running) -> SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

/// A call that was begun: what its messages go and come by.
struct Begun {
    sending: SendStream<Bytes>,
    response: h2::client::ResponseFuture,
}

fn begin(client: &mut SendRequest<Bytes>, path: &str, fields: &[(&str, &str)]) -> Begun {
    let mut request = Request::post(format!("http://todo.example{path}"))
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (response, sending) = client.send_request(request.body(()).unwrap(), false).unwrap();
    Begun { sending, response }
}

/// What a call came to.
#[derive(Debug)]
struct Outcome {
    head: http::response::Parts,
    texts: Vec<String>,
    trailers: Option<HeaderMap>,
}

impl Outcome {
    /// Code and message, wherever they stand.
    #[track_caller]
    fn end(&self) -> (&str, &str) {
        let fields = self.trailers.as_ref().unwrap_or(&self.head.headers);
        let text = |name: &str| fields.get(name).map_or("", |value| value.to_str().unwrap());
        (text("grpc-status"), text("grpc-message"))
    }
}

async fn end(response: Response<RecvStream>) -> Outcome {
    let (head, mut body) = response.into_parts();
    let (bytes, trailers) = soon(read(&mut body)).await.unwrap();
    Outcome { head, texts: texts(&bytes), trailers }
}

/// One message there, and what comes back.
async fn unary(client: &mut SendRequest<Bytes>, path: &str, fields: &[(&str, &str)], text: &str) -> Outcome {
    let mut begun = begin(client, path, fields);
    begun.sending.send_data(message(text), true).unwrap();
    end(soon(begun.response).await.unwrap()).await
}

fn trailers(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())])
}

fn head() -> Response<()> {
    Response::builder().header("content-type", "application/grpc+proto").body(()).unwrap()
}

/// A target that knows every kind of call.
async fn service() -> StreamOrigin {
    StreamOrigin::new(|mut call: Call| async move {
        assert_eq!(call.request.headers()["te"], "trailers");
        match call.path().as_str() {
            "/todo/Unary" | "/todo/ClientStream" => {
                let (bytes, _) = call.read().await.unwrap();
                let mut reply = call.reply.send_response(head(), false).unwrap();
                reply.send_data(message(&texts(&bytes).join("+")), false).unwrap();
                reply.send_trailers(trailers("0")).unwrap();
            }
            "/todo/ServerStream" => {
                call.read().await.unwrap();
                let mut reply = call.reply.send_response(head(), false).unwrap();
                for text in ["one", "two", "three"] {
                    reply.send_data(message(text), false).unwrap();
                }
                reply.send_trailers(trailers("0")).unwrap();
            }
            "/todo/Talk" => {
                let mut reply = call.reply.send_response(head(), false).unwrap();
                while let Some(data) = call.request.body_mut().data().await {
                    let data = data.unwrap();
                    call.request.body_mut().flow_control().release_capacity(data.len()).unwrap();
                    reply.send_data(data, false).unwrap();
                }
                reply.send_trailers(trailers("0")).unwrap();
            }
            "/todo/Refuse" => {
                let head = Response::builder()
                    .header("content-type", "application/grpc")
                    .header("grpc-status", "5")
                    .header("grpc-message", "no such todo");
                call.reply.send_response(head.body(()).unwrap(), true).unwrap();
            }
            _ => {
                let mut reply = call.reply.send_response(head(), false).unwrap();
                let _ = reply.send_data(message("some"), false);
                let _ = std::future::poll_fn(|cx| reply.poll_reset(cx)).await;
            }
        }
    })
    .await
}

fn calls(code: u8) -> String {
    format!("equipoise_grpc_calls_total{{listener=\"web\",group=\"g\",grpc_status=\"{code}\"}}")
}

#[tokio::test]
async fn calls_of_every_kind_pass() {
    let service = service().await;
    let running = before(settings(), &[service.address]).await;
    let mut client = client(&running).await;
    let outcome = unary(&mut client, "/todo/Unary", &[], "hello").await;
    assert_eq!((outcome.texts.as_slice(), outcome.end()), (["hello".to_owned()].as_slice(), ("0", "")));
    assert_eq!(outcome.head.headers["content-type"], "application/grpc+proto");
    let outcome = unary(&mut client, "/todo/ServerStream", &[], "").await;
    assert_eq!((outcome.texts.join(" ").as_str(), outcome.end()), ("one two three", ("0", "")));
    let mut begun = begin(&mut client, "/todo/ClientStream", &[]);
    for text in ["one", "two", "three"] {
        begun.sending.send_data(message(text), text == "three").unwrap();
    }
    let outcome = end(soon(begun.response).await.unwrap()).await;
    assert_eq!((outcome.texts.join(" ").as_str(), outcome.end()), ("one+two+three", ("0", "")));
    let outcome = unary(&mut client, "/todo/Refuse", &[], "").await;
    assert_eq!((outcome.texts.len(), outcome.end()), (0, ("5", "no such todo")));
    running.eventually(|running| running.metric(&calls(0)) == 3.0 && running.metric(&calls(5)) == 1.0).await;
    assert_eq!((service.connections(), running.in_flight(0)), (1, 0));
}

#[tokio::test]
async fn two_talk_to_each_other_message_by_message() {
    let service = service().await;
    let running = before(settings(), &[service.address]).await;
    let mut client = client(&running).await;
    let mut begun = begin(&mut client, "/todo/Talk", &[]);
    let mut response = soon(begun.response).await.unwrap();
    for round in 0..10 {
        let said = message(&format!("round {round}"));
        begun.sending.send_data(said.clone(), false).unwrap();
        // The answer to each is there before the next is said.
        let mut heard = BytesMut::new();
        while heard.len() < said.len() {
            let data = soon(response.body_mut().data()).await.unwrap().unwrap();
            response.body_mut().flow_control().release_capacity(data.len()).unwrap();
            heard.extend_from_slice(&data);
        }
        assert_eq!(heard, said);
    }
    begun.sending.send_data(Bytes::new(), true).unwrap();
    assert_eq!(end(response).await.end(), ("0", ""));
}

#[tokio::test]
async fn what_fails_here_is_told_in_the_words_of_a_call() {
    let running = before(settings(), &[Origin::gone().await]).await;
    let outcome = unary(&mut client(&running).await, "/todo/Unary", &[], "hello").await;
    assert_eq!((outcome.head.status.as_u16(), outcome.trailers.is_none()), (200, true));
    assert_eq!(outcome.end(), ("14", "502 Bad Gateway: connect-failed"));
    assert_eq!(outcome.head.headers["content-type"], "application/grpc");
    running.eventually(|running| running.metric(&calls(14)) == 1.0).await;
    let failed = "equipoise_faults_total{listener=\"web\",reason=\"connect-failed\"}";
    assert_eq!(running.metric(failed), 1.0);
    for (action, want) in [
        ("respond = { status = 404 }", ("12", "Not Found")),
        ("respond = { status = 403, body = 'not you' }", ("7", "not you")),
        ("forward = 'nowhere'", ("14", "503 Service Unavailable: no-group")),
    ] {
        let running = Running::single(listener_with(&format!("default = {{ {action} }}")), []).await;
        assert_eq!(unary(&mut client(&running).await, "/todo/Unary", &[], "").await.end(), want);
    }
    // Beside a call, the same listener answers others as ever.
    let running = before(settings(), &[Origin::gone().await]).await;
    assert_eq!(crate::support::get(running.address, "/").await.status(), 502);
}

#[tokio::test]
async fn a_deadline_ends_a_call_before_its_response_and_within_it() {
    let silent = StreamOrigin::new(|mut call: Call| async move {
        let _ = std::future::poll_fn(|cx| call.reply.poll_reset(cx)).await;
    })
    .await;
    let running = before(settings(), &[silent.address]).await;
    let started = Instant::now();
    let outcome = unary(&mut client(&running).await, "/todo/Unary", &[("grpc-timeout", "150m")], "hello").await;
    assert_eq!(outcome.end(), ("4", "504 Gateway Timeout: total-timeout"));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(150) && took < Duration::from_millis(400), "{took:?}");
    assert_eq!(running.in_flight(0), 0);
    let service = service().await;
    let running = before(settings(), &[service.address]).await;
    let outcome = unary(&mut client(&running).await, "/todo/Endless", &[("grpc-timeout", "150m")], "hello").await;
    assert_eq!((outcome.texts.join("").as_str(), outcome.end()), ("some", ("4", "total-timeout")));
    running.eventually(|running| running.metric(&calls(4)) == 1.0).await;
}

#[tokio::test]
async fn no_client_waits_longer_than_the_group_lets_it() {
    let service = service().await;
    let timeouts = GroupTimeouts { total: Some(Duration::from_millis(100)), ..GroupTimeouts::default() };
    let running = before(GroupSettings { timeouts, ..settings() }, &[service.address]).await;
    let outcome = unary(&mut client(&running).await, "/todo/Endless", &[("grpc-timeout", "1H")], "hello").await;
    assert_eq!(outcome.end(), ("4", "total-timeout"));
}

#[tokio::test]
async fn a_target_that_breaks_off_ends_the_call_with_a_word() {
    let origin = StreamOrigin::new(|mut call: Call| async move {
        let mut reply = call.reply.send_response(head(), false).unwrap();
        reply.send_data(message("some"), false).unwrap();
        call.read().await.unwrap(); // ends when the client has read that
        reply.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let running = before(settings(), &[origin.address]).await;
    let mut client = client(&running).await;
    let mut begun = begin(&mut client, "/todo/Unary", &[]);
    let mut response = soon(begun.response).await.unwrap();
    let data = soon(response.body_mut().data()).await.unwrap().unwrap();
    assert_eq!(texts(&data), ["some"]);
    begun.sending.send_data(Bytes::new(), true).unwrap();
    assert_eq!(end(response).await.end(), ("14", "response-cut"));
}

#[tokio::test]
async fn a_call_that_its_client_cancels_is_cancelled_at_the_target() {
    let (resets, mut seen) = mpsc::unbounded_channel();
    let origin = StreamOrigin::new(move |mut call: Call| {
        let resets = resets.clone();
        async move {
            let mut reply = call.reply.send_response(head(), false).unwrap();
            reply.send_data(message("some"), false).unwrap();
            resets.send(std::future::poll_fn(|cx| reply.poll_reset(cx)).await.unwrap()).unwrap();
        }
    })
    .await;
    let running = before(settings(), &[origin.address]).await;
    let mut client = client(&running).await;
    let mut begun = begin(&mut client, "/todo/Talk", &[]);
    let response = soon(begun.response).await.unwrap();
    begun.sending.send_reset(Reason::CANCEL);
    drop(response);
    assert_eq!(soon(seen.recv()).await.unwrap(), Reason::CANCEL);
    running.eventually(|running| running.in_flight(0) == 0).await;
}

#[tokio::test]
async fn a_call_that_nobody_has_looked_at_is_made_again_elsewhere() {
    let refusing = StreamOrigin::new(|mut call: Call| async move {
        let _ = call.read().await;
        call.reply.send_reset(Reason::REFUSED_STREAM);
    })
    .await;
    let service = service().await;
    let retry = Retry { budget_percent: 0, budget_minimum: 0, ..Retry::default() };
    let addresses = [refusing.address, service.address];
    let running = before(GroupSettings { retry, ..settings() }, &addresses).await;
    let mut client = client(&running).await;
    for _ in 0..4 {
        let outcome = unary(&mut client, "/todo/Unary", &[], "hello").await;
        assert_eq!((outcome.texts.join("").as_str(), outcome.end()), ("hello", ("0", "")));
    }
    // What the target may have begun is not made again: a call is a POST.
    let failing = StreamOrigin::new(|mut call: Call| async move {
        let _ = call.read().await;
        call.reply.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let running = before(settings(), &[failing.address, failing.address]).await;
    let outcome = unary(&mut self::client(&running).await, "/todo/Unary", &[], "hello").await;
    assert_eq!(outcome.end(), ("14", "502 Bad Gateway: target-reset"));
}

#[tokio::test]
async fn the_access_log_says_how_a_call_ended() {
    let service = service().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(LogDestination::File(path.clone()), LogFormat::Json).unwrap();
    let mut generation = Generation::new(vec![listener()], [group("g", &[service.address], settings())]);
    generation.access_log = Some(log);
    let running = Running::start(1, generation).await;
    let mut client = client(&running).await;
    unary(&mut client, "/todo/Unary", &[], "hello").await;
    unary(&mut client, "/todo/Refuse", &[], "hello").await;
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    running.eventually(|_| read().lines().count() == 2).await;
    let text = read();
    let codes: Vec<_> = text.lines().filter_map(|line| line.split_once("\"rpc.grpc.status_code\":")).collect();
    assert!(codes[0].1.starts_with("0,") && codes[1].1.starts_with("5,"), "{text}");
}
