use super::*;
use crate::testing::{fields, head, read, refusal};

#[test]
fn fields_are_removed_then_set_then_added() {
    let edits: HeaderEdits =
        read(r#"{ add = { a = ["3", "4"], b = "5" }, set = { a = "2", c = "6" }, remove = ["a", "d"] }"#).unwrap();
    let mut head = head("GET /\na: 0\na: 1\nb: 1\nd: 1\ne: 1");
    apply(edits.edits(), &mut head.headers);
    assert_eq!(fields(&head), "a: 2\na: 3\na: 4\nb: 1\nb: 5\nc: 6\ne: 1");
}

#[test]
fn fields_that_frame_or_belong_to_a_connection_are_refused_wherever_they_stand() {
    for name in [
        "content-length",
        "Transfer-Encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "proxy-connection",
        "http2-settings",
    ] {
        let lower = name.to_ascii_lowercase();
        let message = format!(
            "`{lower}` cannot be changed: it frames the message or belongs to one connection, which the balancer looks after"
        );
        for edit in [format!("{{ set = {{ {name} = \"1\" }} }}"), format!("{{ add = {{ {name} = \"1\" }} }}")] {
            assert_eq!(refusal::<HeaderEdits>(&edit), (message.clone(), name.to_owned()));
        }
        let remove = format!("{{ remove = [\"{name}\"] }}");
        assert_eq!(refusal::<HeaderEdits>(&remove), (message, format!("\"{name}\"")));
    }
}

#[test]
fn other_edits_that_cannot_be_made_are_explained() {
    for (edit, message) in [
        (r#"{ set = { Host = "x" } }"#, r#"`host` cannot be changed here: use `rewrite = { host = "…" }`"#),
        (r#"{ set = { "a b" = "x" } }"#, "`a b` is not the name of a header field: use letters, digits and `-`"),
        (r#"{ remove = [":path"] }"#, "`:path` is not the name of a header field: use letters, digits and `-`"),
        (
            r#"{ set = { a = "x\r\nb: c" } }"#,
            r#""x\r\nb: c" cannot be the value of a header field: use ASCII characters without line breaks"#,
        ),
        (
            r#"{ set = { a = "ü" } }"#,
            r#""ü" cannot be the value of a header field: use ASCII characters without line breaks"#,
        ),
        (r#"{ set = { a = "1", A = "2" } }"#, "`a` is named twice"),
        (r#"{ add = { a = [] } }"#, "this list is empty: name at least one value, or leave the key out"),
        (r#"{ set = { a = ["1"] } }"#, "invalid type: sequence, expected the value of a header field"),
    ] {
        assert_eq!(refusal::<HeaderEdits>(edit).0, message, "{edit}");
    }
}

#[test]
fn a_full_map_stays_as_it_is() {
    let mut headers = HeaderMap::new();
    let edits: Vec<_> = (0..40_000)
        .map(|number| {
            HeaderEdit::Add(
                HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap(),
                HeaderValue::from(number),
            )
        })
        .collect();
    apply(&edits, &mut headers);
    assert!(headers.len() < 40_000);
}

#[test]
fn what_a_certificate_does_not_say_nobody_else_says() {
    let edits: HeaderEdits = read(
        r#"{ set = { x-subject = "{client-certificate.subject}", x-verified = "{client-certificate.verified}", y = "1" }, add = { x-subject = "more" } }"#,
    )
    .unwrap();
    let forged = "GET /\nx-subject: CN=admin\nx-subject: CN=root\nx-verified: true";
    let mut without = head(forged);
    let resolved = edits.resolved(&without).into_owned();
    apply(&resolved, &mut without.headers);
    assert_eq!(fields(&without), "x-subject: more\nx-verified: false\ny: 1");
    let mut with = head(forged);
    let shown = crate::ClientCertificate { subject: "CN=alice".into(), ..Default::default() };
    with.extensions.insert(std::sync::Arc::new(shown));
    let resolved = edits.resolved(&with).into_owned();
    apply(&resolved, &mut with.headers);
    assert_eq!(fields(&with), "x-subject: CN=alice\nx-subject: more\nx-verified: true\ny: 1");
}
