//! Lines that fit: labelled values, and paragraphs that hang from their first line.

use crate::cli::output::{COLUMNS_MAX, Look, Output};

/// How wide labels are.
const LABEL_COLUMNS: usize = 16;

/// A block of labelled values under construction.
pub struct Block<'a> {
    out: &'a Output,
    lines: Vec<String>,
}

impl<'a> Block<'a> {
    /// Nothing yet.
    pub fn new(out: &'a Output) -> Self {
        Self { out, lines: Vec::new() }
    }

    /// A line of its own.
    pub fn heading(&mut self, text: &str, look: Look) {
        self.lines.push(self.out.look(text, look));
    }

    /// A label and its value. The value is escaped already.
    pub fn row(&mut self, label: &str, value: &str) {
        self.row_in(label, value, Look::Plain);
    }

    /// A label and its value in a look.
    pub fn row_in(&mut self, label: &str, value: &str, look: Look) {
        let label = self.out.look(&format!("{label:<LABEL_COLUMNS$}"), Look::Dim);
        self.lines.push(hang(&label, LABEL_COLUMNS, value, look, self.out));
    }

    /// The block.
    pub fn text(self) -> String {
        self.lines.join("\n")
    }
}

/// A paragraph after `lead`, which takes `lead_columns`; further lines begin below its first.
pub fn hang(lead: &str, lead_columns: usize, text: &str, look: Look, out: &Output) -> String {
    let width = usize::from(COLUMNS_MAX).saturating_sub(lead_columns);
    let lines = wrap(text, width).into_iter().map(|line| out.look(&line, look)).collect::<Vec<_>>();
    format!("{lead}{}", lines.join(&format!("\n{:lead_columns$}", "")))
}

/// Breaks at spaces, and within a word only where it is longer than a line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if columns > 0 && columns + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        if columns > 0 {
            line.push(' ');
            columns += 1;
        }
        columns += word.len();
        line.extend(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_break_at_spaces_and_long_words_where_they_must() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 5), [""]);
        for width in 1..40 {
            let text = "the Safe's nonce is 7 now: 0x1234567890abcdef can never execute";
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
