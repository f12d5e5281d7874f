//! From text to a tree, and from a place in the tree back to the text.
//!
//! Integer literals too long for CEL's 64 bits are read exactly: before parsing, each is replaced by a name
//! of the same length, so that every position stays what it was.

use std::collections::BTreeMap;
use std::fmt;

use cel::parser::{Expression as Tree, Parser};
use cel::{Env, ParseErrors};

use super::number::Integer;
use super::{EXPRESSION_BRACKETS_MAX, EXPRESSION_CHARS_MAX};

/// Decimal digits that surely fit 64 bits, sign included.
const SHORT_DIGITS_MAX: usize = 18;
/// Hexadecimal digits that surely fit.
const SHORT_HEX_DIGITS_MAX: usize = 15;
/// Syntax errors shown: after the first few a parser only guesses.
const SYNTAX_ERRORS_SHOWN_MAX: usize = 3;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// Counted from one; zero when the whole expression is meant.
    pub line: usize,
    /// In characters, counted from one; zero when the whole expression is meant.
    pub column: usize,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The line it is about, empty when the whole expression is meant.
    pub excerpt: String,
}

impl ExpressionError {
    /// An error about the whole of `text`.
    pub(crate) fn whole(text: &str, message: impl Into<String>) -> Self {
        let excerpt = text.lines().next().unwrap_or_default().chars().take(EXCERPT_CHARS_MAX).collect();
        Self { line: 0, column: 0, message: message.into(), excerpt }
    }
}

/// Longest excerpt of an error about the whole expression.
const EXCERPT_CHARS_MAX: usize = 120;

impl fmt::Display for ExpressionError {
    /// The sentence, then the line and a caret under the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.excerpt.is_empty() {
            return f.write_str(&self.message);
        }
        if self.line == 0 {
            return write!(f, "{}\n  | {}", self.message, self.excerpt);
        }
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        write!(f, "\n  | {}\n  | {:>column$}", self.excerpt, "^", column = self.column)
    }
}

impl std::error::Error for ExpressionError {}

/// A parsed expression.
pub(super) struct Source {
    text: String,
    pub(super) tree: Tree,
    info: cel::common::ast::SourceInfo,
    long_integers: BTreeMap<String, Integer>,
}

impl Source {
    /// Parses within the bounds.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<ExpressionError>> {
        let length = text.chars().count();
        if length > EXPRESSION_CHARS_MAX {
            let message =
                format!("it is {length} characters long; at most {EXPRESSION_CHARS_MAX} are allowed");
            return Err(vec![ExpressionError::whole(text, message)]);
        }
        if text.trim().is_empty() {
            return Err(vec![ExpressionError::whole(text, "it is empty")]);
        }
        let (readable, long_integers) = replace_long_integers(text)?;
        match Self::parser().parse_with_source_info(&readable) {
            Ok((tree, info)) => Ok(Self { text: text.to_owned(), tree, info, long_integers }),
            Err(errors) => Err(syntax_errors(text, errors)),
        }
    }

    /// The parser without macros: `exists` and `has` stay calls, which the checker knows.
    fn parser() -> Parser {
        Env::default().with_optional_support(false).parser()
    }

    /// The literal that stood where this name now stands.
    pub(super) fn long_integer(&self, name: &str) -> Option<Integer> {
        self.long_integers.get(name).copied()
    }

    /// The text of a literal, as it was written.
    pub(super) fn written(&self, node: u64) -> Option<String> {
        let (start, stop) = self.info.offset_for(node)?;
        let (start, stop) = (usize::try_from(start).ok()?, usize::try_from(stop).ok()?);
        let length = stop.checked_sub(start)?.checked_add(1)?;
        Some(self.text.chars().skip(start).take(length).collect())
    }

    /// An error at a node.
    pub(super) fn error(&self, node: u64, message: impl Into<String>) -> ExpressionError {
        match self.info.offset_for(node) {
            None => ExpressionError::whole(&self.text, message),
            Some((offset, _)) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                locate(&self.text, name_at(&self.text, offset), message.into())
            }
        }
    }
}

/// A call is placed at its parenthesis and a field at its dot; a reader looks for the name.
fn name_at(text: &str, offset: usize) -> usize {
    match text.chars().nth(offset) {
        Some('.') => return offset.saturating_add(1),
        Some('(') => {}
        Some(_) | None => return offset,
    }
    let before: Vec<char> = text.chars().take(offset).collect();
    offset.saturating_sub(before.iter().rev().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count())
}

fn locate(text: &str, offset: usize, message: String) -> ExpressionError {
    let before: String = text.chars().take(offset).collect();
    let line = before.matches('\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count();
    ExpressionError {
        line: line.saturating_add(1),
        column: column.saturating_add(1),
        message,
        excerpt: text.lines().nth(line).unwrap_or_default().to_owned(),
    }
}

fn syntax_errors(text: &str, errors: ParseErrors) -> Vec<ExpressionError> {
    errors
        .errors
        .into_iter()
        .take(SYNTAX_ERRORS_SHOWN_MAX)
        .map(|error| {
            let message = in_plain_words(&error.msg);
            match (usize::try_from(error.pos.0), usize::try_from(error.pos.1)) {
                (Ok(line @ 1..), Ok(column)) => ExpressionError {
                    line,
                    column,
                    message: format!("syntax error: {message}"),
                    excerpt: text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned(),
                },
                (_, _) => {
                    ExpressionError::whole(text, "it is not an expression, or nested too deeply to be read")
                }
            }
        })
        .collect()
}

/// The parser generator's words, without its list of all tokens that could have followed.
fn in_plain_words(message: &str) -> String {
    let head = message.split(" expecting ").next().unwrap_or(message);
    [
        ("Syntax error: ", ""),
        ("'<EOF>'", "end"),
        ("mismatched input", "unexpected"),
        ("extraneous input", "unexpected"),
        ("token recognition error at:", "unexpected"),
        ("no viable alternative at input", "unexpected"),
    ]
    .iter()
    .fold(head.to_owned(), |message, (theirs, ours)| message.replace(theirs, ours))
}

/// Replaces integer literals that may not fit 64 bits by names of the same length. Refuses deep nesting on the
/// way, because the parser would exhaust the stack before it refuses.
fn replace_long_integers(text: &str) -> Result<(String, BTreeMap<String, Integer>), Vec<ExpressionError>> {
    let chars: Vec<char> = text.chars().collect();
    let mut readable = String::with_capacity(text.len());
    let mut found = BTreeMap::new();
    let mut errors = Vec::new();
    let mut at = 0_usize;
    let mut depth = 0_usize;
    while let Some(&c) = chars.get(at) {
        let rest = chars.get(at..).unwrap_or_default();
        let token: String = if c == '"' || c == '\'' {
            quoted(rest, readable.ends_with(['r', 'R']))
        } else if c.is_ascii_alphanumeric() || c == '_' {
            rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect()
        } else {
            c.to_string()
        };
        depth = match c {
            '(' | '[' | '{' => depth.saturating_add(1),
            ')' | ']' | '}' => depth.saturating_sub(1),
            _other => depth,
        };
        if depth > EXPRESSION_BRACKETS_MAX {
            let message = format!("brackets are nested deeper than {EXPRESSION_BRACKETS_MAX}");
            return Err(vec![locate(text, at, message)]);
        }
        at = at.saturating_add(token.chars().count());
        let in_decimal = readable.ends_with('.') || matches!(chars.get(at), Some('.'));
        if is_long_integer(&token) && !in_decimal {
            match Integer::parse(token.trim_end_matches(['u', 'U'])) {
                Some(number) => {
                    let name = format!("{:_<width$}", format!("_{}", found.len()), width = token.len());
                    readable.push_str(&name);
                    found.insert(name, number);
                    continue;
                }
                None => errors.push(locate(
                    text,
                    at.saturating_sub(token.len()),
                    "this number has more than 511 bits: nothing on a chain is that large".to_owned(),
                )),
            }
        }
        readable.push_str(&token);
    }
    if errors.is_empty() { Ok((readable, found)) } else { Err(errors) }
}

fn is_long_integer(token: &str) -> bool {
    let token = token.trim_end_matches(['u', 'U']);
    match token.strip_prefix("0x").or_else(|| token.strip_prefix("0X")) {
        Some(hex) => hex.len() > SHORT_HEX_DIGITS_MAX && hex.chars().all(|c| c.is_ascii_hexdigit()),
        None => token.len() > SHORT_DIGITS_MAX && token.chars().all(|c| c.is_ascii_digit()),
    }
}

/// The text literal `rest` begins with, its quotes included; an unclosed one ends with the text.
fn quoted(rest: &[char], raw: bool) -> String {
    let quote = rest.first().copied().unwrap_or('"');
    let triple = rest.starts_with(&[quote; 3]);
    let close = if triple { 3 } else { 1 };
    let mut length = close;
    while length < rest.len() {
        let here = rest.get(length..).unwrap_or_default();
        if here.iter().take(close).filter(|c| **c == quote).count() == close {
            length = length.saturating_add(close);
            break;
        }
        let escaped = here.first() == Some(&'\\') && !raw;
        length = length.saturating_add(if escaped { 2 } else { 1 });
    }
    rest.iter().take(length).collect()
}
