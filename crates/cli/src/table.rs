//! Columns for people.

use std::fmt::Write;

use crate::output::Style;

/// Rows under a heading. Cells are padded by what is seen; the last column is not padded.
#[derive(Debug)]
pub(crate) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// Text with a meaning that may be painted.
#[derive(Debug)]
pub(crate) struct Cell {
    text: String,
    paint: fn(Style, &str) -> String,
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: visible(&text.to_string()), paint: |_, text| text.to_owned() }
    }
}

impl Cell {
    pub(crate) fn painted(text: &str, paint: fn(Style, &str) -> String) -> Self {
        Self { text: visible(text), paint }
    }
}

/// Names and reasons come from files, targets and plugins: none of them may move the cursor.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl Table {
    pub(crate) fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text; nothing at all without rows.
    pub(crate) fn render(&self, style: Style) -> String {
        let mut text = String::new();
        if self.rows.is_empty() {
            return text;
        }
        let widths = self.widths();
        let heading: Vec<_> = self.heading.iter().map(|text| Cell::painted(text, Style::faint)).collect();
        for row in std::iter::once(&heading).chain(&self.rows) {
            line(&mut text, row, &widths, style);
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let cell_width = |row: &Vec<Cell>, column: usize| row.get(column).map_or(0, |cell| cell.text.chars().count());
        let widest = |(column, heading): (usize, &&str)| {
            self.rows.iter().map(|row| cell_width(row, column)).max().unwrap_or(0).max(heading.chars().count())
        };
        self.heading.iter().enumerate().map(widest).collect()
    }
}

fn line(text: &mut String, row: &[Cell], widths: &[usize], style: Style) {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let padding = width.saturating_sub(cell.text.chars().count()) + 2;
        // Writing to memory cannot fail.
        let _ = write!(line, "{}{:padding$}", (cell.paint)(style, &cell.text), "");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "N"]);
        table.row(["a-long-name".into(), 1.into()]);
        table.row(["b".into(), 22.into()]);
        assert_eq!(table.render(Style::plain()), "NAME         N\na-long-name  1\nb            22\n");
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new(&["NAME"]).render(Style::plain()), "");
    }

    #[test]
    fn a_reason_cannot_move_the_cursor() {
        let mut table = Table::new(&["R"]);
        table.row(["\x1b[2Jgone\n".into()]);
        assert!(!table.render(Style::plain()).contains('\x1b'));
    }
}
