//! A call as text: a name, perhaps its types, and literal arguments.
//!
//! `pause()` · `setCap(0xAb…, 0)` · `setLimits([0x…, 0x…], (1, true), "why")` · `pause(bytes32)(0x…)`.
//! Arguments are literals only: no names, no arithmetic. What an argument *is* is decided by the ABI,
//! not here: `0x…` may be an address, bytes or a number.

use std::iter::Peekable;
use std::str::CharIndices;

/// Longest call, in characters.
pub const CALL_CHARS_MAX: usize = 4_096;
/// Deepest nesting of lists and tuples.
pub const CALL_DEPTH_MAX: usize = 8;

/// A call's text, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallText {
    /// The function's name.
    pub name: String,
    /// The types between the first parentheses of the explicit form, without spaces, `uint` written out.
    pub types: Option<String>,
    /// What is passed.
    pub arguments: Vec<Literal>,
}

/// An argument as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Unquoted: a number, hex, `true`.
    Word(String),
    /// Between double quotes.
    Text(String),
    /// Between brackets.
    List(Vec<Literal>),
    /// Between parentheses.
    Tuple(Vec<Literal>),
}

/// Why a text is not a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence says it")]
pub enum CallTextError {
    #[error("it is longer than {CALL_CHARS_MAX} characters")]
    TooLong,
    #[error("it is nested deeper than {CALL_DEPTH_MAX}")]
    TooDeep,
    #[error("it does not begin with a function's name")]
    NoName,
    #[error("at character {at}: expected {wanted}, found {found}")]
    Unexpected { at: usize, wanted: &'static str, found: String },
}

impl CallText {
    /// Takes a call's text apart.
    ///
    /// # Errors
    /// It is too long, too deep or not of the form `name(arguments)` or `name(types)(arguments)`.
    pub fn parse(text: &str) -> Result<Self, CallTextError> {
        if text.chars().count() > CALL_CHARS_MAX {
            return Err(CallTextError::TooLong);
        }
        let text = text.trim();
        let (name, rest) = text.split_at(text.find('(').unwrap_or(text.len()));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let name = name.trim_end();
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(CallTextError::NoName);
        }
        let offset = text.len().saturating_sub(rest.len());
        if let Some((types, arguments)) = explicit_types(rest) {
            let offset = text.len().saturating_sub(arguments.len());
            let arguments = Cursor::new(arguments, offset).call()?;
            return Ok(Self { name: name.to_owned(), types: Some(types), arguments });
        }
        Ok(Self { name: name.to_owned(), types: None, arguments: Cursor::new(rest, offset).call()? })
    }
}

/// Splits `(bytes32)(0x…)` into canonical types and the argument list; `None` for the plain form.
fn explicit_types(rest: &str) -> Option<(String, &str)> {
    let mut depth = 0_usize;
    let end = rest.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            '"' => return Some(None),
            _other => {}
        }
        (depth == 0).then_some(Some(at))
    })??;
    let (types, arguments) = rest.split_at_checked(end.checked_add(1)?)?;
    let arguments = arguments.trim_start();
    if !arguments.starts_with('(') {
        return None;
    }
    let types = types.strip_prefix('(')?.strip_suffix(')')?;
    let canonical: Vec<String> = types
        .split(',')
        .map(|kind| {
            let kind: String = kind.split_whitespace().collect();
            // `uint` and `int` are Solidity's short names of the 256-bit types; selectors use the long ones.
            for short in ["uint", "int"] {
                if let Some(tail) =
                    kind.strip_prefix(short).filter(|tail| !tail.starts_with(|c: char| c.is_ascii_digit()))
                {
                    return format!("{short}256{tail}");
                }
            }
            kind
        })
        .collect();
    Some((canonical.join(","), arguments))
}

struct Cursor<'a> {
    chars: Peekable<CharIndices<'a>>,
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str, offset: usize) -> Self {
        Self { chars: text.char_indices().peekable(), text, offset }
    }

    fn call(mut self) -> Result<Vec<Literal>, CallTextError> {
        self.expect('(', "`(` after the name")?;
        let arguments = self.sequence(')', 0)?;
        self.skip_space();
        match self.chars.peek() {
            None => Ok(arguments),
            Some(_) => Err(self.unexpected("nothing after the last `)`")),
        }
    }

    fn sequence(&mut self, close: char, depth: usize) -> Result<Vec<Literal>, CallTextError> {
        if depth > CALL_DEPTH_MAX {
            return Err(CallTextError::TooDeep);
        }
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(self.literal(depth)?);
            if self.eat(close) {
                return Ok(items);
            }
            self.expect(',', if close == ']' { "`,` or `]`" } else { "`,` or `)`" })?;
        }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal, CallTextError> {
        let deeper = depth.saturating_add(1);
        if self.eat('[') {
            return self.sequence(']', deeper).map(Literal::List);
        }
        if self.eat('(') {
            return self.sequence(')', deeper).map(Literal::Tuple);
        }
        if self.eat('"') {
            return self.quoted();
        }
        let start = self.position();
        while self.chars.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '-').is_some() {}
        match self.text.get(start..self.position()) {
            None | Some("") => Err(self.unexpected("an argument")),
            Some(word) => Ok(Literal::Word(word.to_owned())),
        }
    }

    fn quoted(&mut self) -> Result<Literal, CallTextError> {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                Some((_, '"')) => return Ok(Literal::Text(text)),
                Some((_, '\\')) => match self.chars.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, 'n')) => text.push('\n'),
                    Some(_) | None => {
                        return Err(self.unexpected("`\\\"`, `\\\\` or `\\n` after a backslash"));
                    }
                },
                Some((_, c)) => text.push(c),
                None => return Err(self.unexpected("a closing `\"`")),
            }
        }
    }

    fn skip_space(&mut self) {
        while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        self.chars.next_if(|(_, c)| *c == wanted).is_some()
    }

    fn expect(&mut self, wanted: char, what: &'static str) -> Result<(), CallTextError> {
        if self.eat(wanted) { Ok(()) } else { Err(self.unexpected(what)) }
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn unexpected(&mut self, wanted: &'static str) -> CallTextError {
        let found = self.chars.peek().map_or("the end".to_owned(), |(_, c)| format!("`{c}`"));
        let at = self.offset.saturating_add(self.position()).saturating_add(1);
        CallTextError::Unexpected { at, wanted, found }
    }
}
