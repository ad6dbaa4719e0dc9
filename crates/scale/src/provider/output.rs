//! What instances and programs write, made fit to be shown.

/// How much of one line is shown.
const LINE: usize = 2048;

/// The last lines of some output, each one safe to print: what is no text is replaced, and so are terminals' commands.
pub(super) fn last_lines(output: &[u8], lines: usize) -> Vec<String> {
    let output = output.strip_suffix(b"\n").unwrap_or(output);
    if output.is_empty() || lines == 0 {
        return Vec::new();
    }
    let mut last: Vec<String> = output.rsplit(|byte| *byte == b'\n').take(lines).map(printable).collect();
    last.reverse();
    last
}

fn printable(line: &[u8]) -> String {
    // What was punched out reads as zeros.
    let line = line.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &line[at..]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let cut = &line[..line.len().min(LINE)];
    let mut text: String = String::from_utf8_lossy(cut)
        .chars()
        .map(|char| if char.is_control() && char != '\t' { char::REPLACEMENT_CHARACTER } else { char })
        .collect();
    if cut.len() < line.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_oldest_first_and_safe_to_print() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), ["b", "c"]);
        assert_eq!(last_lines(b"a\r\n\n", 5), ["a", ""]);
        assert_eq!(last_lines(b"no end", 5), ["no end"]);
        assert_eq!(last_lines(b"", 5), [""; 0]);
        assert_eq!(last_lines(b"a\n", 0), [""; 0]);
        assert_eq!(last_lines(b"\0\0\0x\ty\x1b[2J\xff\n", 5), ["x\ty\u{fffd}[2J\u{fffd}"]);
        let long = last_lines(&[b'x'; 5000], 1);
        assert_eq!(long[0].chars().count(), LINE + 1);
    }
}
