use super::*;

fn read(kind: SourceKind, text: &str) -> Result<Body, SyntaxError> {
    let source = Source::new("x".to_owned(), kind, text.to_owned());
    Reader { source: &source, file: 0 }.body()
}

#[test]
fn both_notations_give_the_same_blocks_with_their_lines() {
    let native = read(SourceKind::Native, "\nresource \"aws_lb\" \"web\" {\n  name = \"web\"\n}\n").unwrap();
    let json = "{\n\"resource\": { \"aws_lb\": { \"//\": \"a comment\",\n  \"web\": {\n    \"name\": \"web\" } } } }";
    let json = read(SourceKind::Json, json).unwrap();
    for (body, lines) in [(native, (2, 3)), (json, (3, 4))] {
        let block = &body.blocks[0];
        assert_eq!((block.kind.as_str(), block.labels.join(".")), ("resource", "aws_lb.web".to_owned()));
        let name = block.body.attribute("name").unwrap();
        assert_eq!((block.place.line, name.place.line), lines);
        assert_eq!(name.expr.as_str(), Some("web"));
    }
}

#[test]
fn escapes_that_only_json_has_are_read() {
    let body =
        read(SourceKind::Json, "{\"locals\": {\"a\": \"\\/\\ud83d\\ude00\", \"b\": \"${lookup(x, \\\"y\\\")}\"}}")
            .unwrap();
    let locals = &body.blocks[0].body;
    assert_eq!(locals.attribute("a").unwrap().expr.as_str(), Some("/😀"));
    assert!(locals.attribute("b").unwrap().expr.is_string_template());
}

#[test]
fn errors_show_line_column_and_a_caret() {
    let error = read(SourceKind::Native, "a = 1\nresource \"x\" {\n  b = = 2\n}\n").unwrap_err();
    assert_eq!((error.line, error.column), (3, 7), "{error}");
    let text = error.to_string();
    assert!(text.contains("x:3:7") && text.contains("3 |   b = = 2\n  |       ^\n"), "{text}");
    let error = read(SourceKind::Json, "{\n \"a\": }").unwrap_err();
    assert_eq!((error.line, error.column, error.message.as_str()), (2, 7, "expected value"), "{error}");
    assert!(read(SourceKind::Json, "[]").is_err());
}
