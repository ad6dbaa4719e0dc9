use super::*;

fn asks(fields: &[(&str, &str)]) -> Result<Option<String>, Refusal> {
    let mut builder = Request::builder().uri("/");
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    let head = builder.body(()).unwrap().into_parts().0;
    let found = Upgrade::of_fields(&head, &Upgrades::new(["websocket", "spdy/3"]));
    found.map(|found| found.map(|upgrade| upgrade.token.to_str().unwrap().to_owned()))
}

const CONNECTION: (&str, &str) = ("connection", "keep-alive, Upgrade");

#[test]
fn only_what_is_wanted_and_named_by_connection_is_asked_for() {
    let websocket = Ok(Some("websocket".to_owned()));
    assert_eq!(asks(&[CONNECTION, ("upgrade", "websocket")]), websocket);
    assert_eq!(asks(&[CONNECTION, ("upgrade", "h2c, websocket")]), websocket);
    assert_eq!(asks(&[CONNECTION, ("upgrade", "WebSocket")]), Ok(Some("WebSocket".to_owned())));
    assert_eq!(asks(&[CONNECTION, ("upgrade", "h2c"), ("upgrade", "spdy/3")]), Ok(Some("spdy/3".to_owned())));
    assert_eq!(asks(&[("upgrade", "websocket")]), Ok(None));
    assert_eq!(asks(&[("connection", "x-upgrade"), ("upgrade", "websocket")]), Ok(None));
    for other in ["h2c", "", "websocket/13", "TLS/1.0"] {
        assert_eq!(asks(&[CONNECTION, ("upgrade", other)]), Ok(None), "{other}");
    }
}

#[test]
fn h2c_is_never_wanted() {
    assert!(!Upgrades::new(["H2C"]).contains(b"h2c"));
}

#[test]
fn a_change_of_protocol_has_no_body() {
    let upgrade = ("upgrade", "websocket");
    assert_eq!(asks(&[CONNECTION, upgrade, ("content-length", "1")]), Err(Refusal::UpgradeWithBody));
    assert_eq!(asks(&[CONNECTION, upgrade, ("transfer-encoding", "chunked")]), Err(Refusal::UpgradeWithBody));
    assert_eq!(asks(&[CONNECTION, upgrade, ("content-length", "0")]), Ok(Some("websocket".to_owned())));
    // It is read as a request like any other, so its body is nothing special.
    assert_eq!(asks(&[CONNECTION, ("upgrade", "h2c"), ("content-length", "1")]), Ok(None));
}

fn answer(status: u16, fields: &[(&str, &str)]) -> response::Parts {
    let mut builder = Response::builder().status(status);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap().into_parts().0
}

#[test]
fn a_yes_repeats_what_was_asked() {
    let asked = Upgrade { token: HeaderValue::from_static("websocket"), key: None, client_key: None };
    let upgrade = ("upgrade", "WebSocket");
    assert!(asked.is_granted(&answer(101, &[CONNECTION, upgrade])));
    assert!(!asked.is_granted(&answer(200, &[CONNECTION, upgrade])));
    assert!(!asked.is_granted(&answer(101, &[CONNECTION])));
    assert!(!asked.is_granted(&answer(101, &[upgrade])));
    assert!(!asked.is_granted(&answer(101, &[CONNECTION, ("upgrade", "h2c")])));
    assert!(!asked.is_granted(&answer(101, &[CONNECTION, ("upgrade", "websocket, h2c")])));
}

#[test]
fn the_key_and_its_answer_are_those_of_rfc_6455() {
    let key = Key::new(*b"the sample nonce");
    assert_eq!(key.sent, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(key.accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn an_extended_connect_becomes_a_get_with_a_key_of_ours() {
    let mut head = Request::builder().method("CONNECT").uri("https://a.example/chat").body(()).unwrap().into_parts().0;
    let wanted = Upgrades::default();
    let websocket = Protocol::from_static("websocket");
    let asked = Upgrade::of_protocol(&mut head, &websocket, &wanted, *b"the sample nonce").unwrap();
    assert_eq!(head.method, Method::GET);
    asked.ask(&mut head.headers);
    assert_eq!(head.headers[header::SEC_WEBSOCKET_KEY], "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(head.headers[header::SEC_WEBSOCKET_VERSION], "13");

    let upgrade = ("upgrade", "websocket");
    assert!(!asked.is_granted(&answer(101, &[CONNECTION, upgrade])), "nobody answered the key");
    let mut yes = answer(101, &[CONNECTION, upgrade, ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")]);
    assert!(asked.is_granted(&yes));
    asked.grant(&mut yes);
    assert_eq!(yes.status, 200);
    assert!(yes.headers.is_empty());
}

#[test]
fn only_websocket_is_known_to_http_2() {
    let wanted = Upgrades::new(["websocket", "connect-udp"]);
    for other in ["connect-udp", "WebSocket", "h2c"] {
        let mut head = Request::builder().method("CONNECT").uri("/").body(()).unwrap().into_parts().0;
        let protocol = Protocol::from_static(other);
        let asked = Upgrade::of_protocol(&mut head, &protocol, &wanted, [0; 16]);
        assert_eq!(asked, Err(Refusal::Protocol), "{other}");
        assert_eq!(head.method, Method::CONNECT);
    }
}
