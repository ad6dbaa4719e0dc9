//! Text that came from outside, made safe for a log line.

/// One printable line of at most `longest` bytes; what was cut is marked by `…`.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest));
    for char in text.trim().chars() {
        if line.len() + char.len_utf8() > longest {
            line.push('…');
            break;
        }
        line.push(if char.is_control() { ' ' } else { char });
    }
    line
}

/// Printable lines, at most `longest` bytes of them: line breaks stay, other control characters do not.
pub(crate) fn lines(text: &str, longest: usize) -> String {
    let mut lines = String::with_capacity(text.len().min(longest));
    for char in text.trim_end().chars() {
        if lines.len() + char.len_utf8() > longest {
            lines.push('…');
            break;
        }
        lines.push(if char.is_control() && char != '\n' { ' ' } else { char });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_no_control_characters_and_is_cut_between_characters() {
        assert_eq!(one_line(" a\nb\u{1b}[31m ", 100), "a b [31m");
        assert_eq!(one_line("ééé", 4), "éé…");
    }
}
