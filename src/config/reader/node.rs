//! TOML as values that know where they were written.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::source::Source;
use crate::config::problem::{Findings, Place, Problem};

/// How many syntax errors of one file are told; what follows the first few is mostly their echo.
const SYNTAX_ERRORS_MAX: usize = 5;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What TOML can say.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Text. From the environment it may stand for a number or a truth.
    String(String),
    /// A whole number; beyond what 128 bits hold it is the largest, which every bound refuses.
    Integer(i128),
    /// As it was written: no setting wants one.
    Float(String),
    Boolean(bool),
    Datetime(Datetime),
    Array(Vec<Node>),
    /// In the order of writing.
    Table(Vec<Entry>),
}

/// A key, where it was written, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// Its text, if that is what it is.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_) => None,
        }
    }

    /// Its items; a value that is no list is the only item of one.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::Array(items) => items,
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Table(_) => std::slice::from_ref(self),
        }
    }
}

impl Value {
    /// What it is, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a fraction",
            Self::Boolean(_) => "true or false",
            Self::Datetime(_) => "a date or time",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads the TOML in `range` of `source`. A syntax error is a problem, and nothing is returned: guesses about
/// what was meant would only add problems that are none.
pub(crate) fn parse(source: &Source, range: Range<usize>, findings: &mut Findings) -> Option<Vec<Entry>> {
    let base = range.start;
    let text = source.text.get(range)?;
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Some(entries(table.into_inner(), source, base));
    }
    let mut lines = Vec::new();
    for error in errors {
        let place = source.place_of(&error.span().unwrap_or(0..0), base);
        let line = match &place {
            Place::Spot { line, .. } => *line,
            Place::File { .. } | Place::Variable { .. } => 0,
        };
        if lines.len() < SYNTAX_ERRORS_MAX && !lines.contains(&line) {
            lines.push(line);
            // The text there is not repeated: a secret may have been written without quotes.
            findings.problem(Problem::new(&place, format!("not TOML: {}", error.message())));
        }
    }
    None
}

fn entries(table: DeTable<'_>, source: &Source, base: usize) -> Vec<Entry> {
    let mut spanned: Vec<_> = table.into_iter().collect();
    spanned.sort_by_key(|(key, _)| key.span().start);
    spanned
        .into_iter()
        .map(|(key, value)| Entry {
            place: source.place_of(&key.span(), base),
            key: key.into_inner().into_owned(),
            node: node(value, source, base),
        })
        .collect()
}

fn node(value: Spanned<DeValue<'_>>, source: &Source, base: usize) -> Node {
    let place = source.place_of(&value.span(), base);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => {
            Value::Integer(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Value::Float(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Value::Boolean(truth),
        DeValue::Datetime(when) => Value::Datetime(when),
        DeValue::Array(items) => {
            Value::Array(items.into_iter().map(|item| node(item, source, base)).collect())
        }
        DeValue::Table(table) => Value::Table(entries(table, source, base)),
    };
    Node { place, value }
}
