//! A text cut at its variables.

/// Text as it is, or something to be looked up.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
    Malformed(&'a str),
}

/// Cuts a text at its variables.
pub(super) fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while let Some(at) = text.find("${") {
        if text[..at].ends_with('$') {
            // `$${` is a plain `${`: keep everything but the first `$`.
            pieces.extend([Piece::Text(&text[..at - 1]), Piece::Text("${")]);
            text = &text[at + 2..];
            continue;
        }
        pieces.push(Piece::Text(&text[..at]));
        let Some((variable, end)) = variable(&text[at..]) else {
            pieces.push(Piece::Malformed(&text[at..]));
            return pieces;
        };
        pieces.push(variable);
        text = &text[at + end..];
    }
    pieces.push(Piece::Text(text));
    pieces
}

/// The variable at the start of `text`, and its length.
fn variable(text: &str) -> Option<(Piece<'_>, usize)> {
    let close = text.find('}')?;
    let inside = &text[2..close];
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let head = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let legal = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // Variables are not filled into defaults: `${A:-${B}}` would quietly stand for itself.
    let legal = legal && default.is_none_or(|default| !default.contains("${"));
    (legal && name.as_bytes().first().is_some_and(head)).then_some((Piece::Variable { name, default }, close + 1))
}
