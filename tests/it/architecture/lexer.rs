//! Rust source into the tokens that paths are made of: comments, strings and lifetimes are gone, lines are kept.
//!
//! It knows no grammar. What it must get right is where strings and comments end, or it would read prose as code.

/// An identifier, `::`, a single other character of punctuation, or `""` in place of a literal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub fn is_identifier(&self) -> bool {
        self.text.starts_with(|first: char| first == '_' || first.is_alphabetic())
    }
}

pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, found: Vec::new() };
    while let Some(next) = lexer.rest.chars().next() {
        lexer.step(next);
    }
    lexer.found
}

struct Lexer<'source> {
    rest: &'source str,
    line: usize,
    found: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self, next: char) {
        if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment_bytes(self.rest));
        } else if next == '"' {
            self.literal(string_bytes(self.rest));
        } else if next == '\'' {
            self.quote();
        } else if next == '_' || next.is_alphanumeric() {
            self.word();
        } else if self.rest.starts_with("::") {
            self.push("::");
            self.skip(2);
        } else {
            if !next.is_whitespace() {
                self.push(&next.to_string());
            }
            self.skip(next.len_utf8());
        }
    }

    fn push(&mut self, text: &str) {
        self.found.push(Token { line: self.line, text: text.to_owned() });
    }

    fn skip(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }

    fn literal(&mut self, bytes: usize) {
        self.push("\"\"");
        self.skip(bytes);
    }

    /// An identifier, a number, a raw identifier, or the prefix of a string (`r"…"`, `br#"…"#`, `c"…"`).
    fn word(&mut self) {
        let bytes = self.rest.find(|at: char| at != '_' && !at.is_alphanumeric()).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(bytes);
        let hashes = after.len() - after.trim_start_matches('#').len();
        let quoted = after[hashes..].starts_with('"');
        match word {
            "r" | "br" | "cr" if quoted => {
                let end = format!("\"{}", "#".repeat(hashes));
                let body = bytes + hashes + 1;
                let length = self.rest[body..].find(&end).unwrap_or(self.rest.len() - body - end.len());
                self.literal(body + length + end.len());
            }
            "b" | "c" if quoted && hashes == 0 => self.literal(bytes + string_bytes(after)),
            "r" if hashes == 1 => self.skip(2),
            word => {
                let word = word.to_owned();
                self.push(&word);
                self.skip(bytes);
            }
        }
    }

    /// A character literal, or a lifetime, which no path contains.
    fn quote(&mut self) {
        let mut inside = self.rest[1..].chars();
        let (first, second) = (inside.next(), inside.next());
        match (first, second) {
            (Some('\\'), Some(escaped)) => {
                let body = 2 + escaped.len_utf8();
                self.skip(body + self.rest[body..].find('\'').map_or(0, |end| end + 1));
            }
            (Some(only), Some('\'')) => self.skip(2 + only.len_utf8()),
            _ => self.skip(
                1 + self.rest[1..]
                    .find(|at: char| at != '_' && !at.is_alphanumeric())
                    .unwrap_or(self.rest.len() - 1),
            ),
        }
    }
}

/// The length of the string literal that `rest` begins with, both quotes included.
fn string_bytes(rest: &str) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The length of the comment that `rest` begins with; block comments nest.
fn block_comment_bytes(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[test]
fn prose_is_no_code_and_code_is_no_prose() {
    let texts = |source: &str| tokens(source).into_iter().map(|token| token.text).collect::<Vec<_>>();

    for (source, wanted) in [
        ("// crate::a\ncrate::b", "crate :: b"),
        ("/* crate::a /* nested */ crate::a */ b", "b"),
        (r#"x("crate::a \" crate::a", b)"#, r#"x ( "" , b )"#),
        (r##"r#"crate::a " crate::a"# b"##, r#""" b"#),
        (r#"br"\" b"#, r#""" b"#),
        (r#"b"\\" c"x" r"y" z"#, r#""" "" "" z"#),
        ("r#type::b", "type :: b"),
        (r"'\'' '\\' '\u{1F600}' '\n' '\x7f' b", "b"),
        ("'\"' a 'é' b", "a b"),
        ("fn f<'a>(x: &'a str) -> &'static str", "fn f < > ( x : & str ) - > & str"),
        ("'outer: loop { break 'outer }", ": loop { break }"),
        ("0..5_usize 1.0e3 0xff", "0 . . 5_usize 1 . 0e3 0xff"),
        ("b'x' b'\\'' end", "b b end"),
    ] {
        assert_eq!(texts(source), wanted.split(' ').collect::<Vec<_>>(), "of {source}");
    }

    let lines: Vec<_> =
        tokens("a\n\"x\n\ny\" b /* \n */ c\nr\"\n\"d").into_iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 2, 4, 5, 6, 7]);
}
