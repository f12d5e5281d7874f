//! A cursor over one table that tells everything that is wrong with it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::form::{Form, duration_text};
use super::name::{NAME_FORM, is_name};
use super::node::{Entry, Node, Value};
use super::overlay::one_of;
use crate::config::environment::Environment;
use crate::config::problem::{Findings, Place, Problem};
use crate::config::reach::Reach;

/// How much of a wrong value is repeated, in characters.
const QUOTE_MAX_CHARS: usize = 80;

/// What a table's values may refer to.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// Where secrets may be.
    pub(crate) environment: &'a Environment,
    /// What paths are relative to: the file's folder.
    pub(crate) folder: &'a Path,
    /// How far the secrets that are needed reach.
    pub(crate) reach: Reach,
}

/// One table: hands out checked values and remembers what was asked for.
///
/// `required…` pushes a problem when the key is missing; every reading pushes one when the value is wrong. Both
/// answer `None` then. As a file with a problem is never used, nobody has to tell an absent value from a bad one.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    context: &'a Context<'a>,
    entries: &'a [Entry],
    place: Place,
    path: String,
    shown: String,
    asked: Vec<&'static str>,
}

/// An item of a list that may hold tables and other values.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    /// A table.
    Table(Table<'a>),
    /// Anything else.
    Scalar(&'a Node),
}

impl<'a> Table<'a> {
    /// The whole of what was written; `shown` is how it is called.
    pub(crate) fn root(context: &'a Context<'a>, entries: &'a [Entry], place: Place, shown: &str) -> Self {
        let (path, shown) = (String::new(), shown.to_owned());
        Self { context, entries, place, path, shown, asked: Vec::new() }
    }

    /// A table below this one.
    pub(super) fn child<'b>(&self, key: &str, place: &Place, entries: &'b [Entry]) -> Table<'b>
    where
        'a: 'b,
    {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let shown = format!("[{path}]");
        Table { context: self.context, entries, place: place.clone(), path, shown, asked: Vec::new() }
    }

    /// Where the table was written.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Where the value of `key` was written; the table's place if it was not.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.find(key).map_or_else(|| self.place.clone(), |entry| entry.node.place.clone())
    }

    /// How the table is called in a message.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Where the table stands among the tables, with dots.
    pub(super) fn path_of(&self) -> &str {
        &self.path
    }

    pub(crate) fn context(&self) -> &'a Context<'a> {
        self.context
    }

    /// Whether the key is there at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value as it was written.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.find(key).map(|entry| &entry.node)
    }

    /// The value, if the key is there.
    pub(crate) fn optional<T: Form>(&mut self, key: &'static str, findings: &mut Findings) -> Option<T> {
        let node = self.node(key)?;
        self.read(key, node, findings)
    }

    /// The value, which must be there.
    pub(crate) fn required<T: Form>(&mut self, key: &'static str, findings: &mut Findings) -> Option<T> {
        if !self.has(key) {
            self.missing(key, &T::wanted(), findings);
        }
        self.optional(key, findings)
    }

    /// A list of values, or one value without the brackets; empty if the key is not there.
    pub(crate) fn list<T: Form>(&mut self, key: &'static str, findings: &mut Findings) -> Vec<T> {
        let Some(node) = self.node(key) else { return Vec::new() };
        node.items().iter().filter_map(|item| self.read(key, item, findings)).collect()
    }

    /// As [`Table::list`], with at least one value.
    pub(crate) fn required_list<T: Form>(&mut self, key: &'static str, findings: &mut Findings) -> Vec<T> {
        let empty = self
            .find(key)
            .is_some_and(|entry| matches!(&entry.node.value, Value::Array(items) if items.is_empty()));
        if !self.has(key) {
            self.missing(key, &format!("a list, each {}", T::wanted()), findings);
        } else if empty {
            let found = format!("{key} = [] in {}", self.shown);
            findings.problem(Problem::new(&self.place_of(key), found).wanted("at least one"));
        }
        self.list(key, findings)
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        let node = self.node(key)?;
        if let Some((_, meant)) = words.iter().find(|(word, _)| Some(*word) == node.text()) {
            return Some(*meant);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let mut problem = Problem::new(&node.place, self.quote(key, node)).wanted(one_of_quoted(&known));
        if let Value::String(text) = &node.value {
            problem = problem.near(text, known);
        }
        findings.problem(problem);
        None
    }

    /// As [`Table::choice`], which must be there.
    pub(crate) fn required_choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        if !self.has(key) {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.missing(key, &one_of_quoted(&known), findings);
        }
        self.choice(key, words, findings)
    }

    /// A whole number within bounds.
    pub(crate) fn integer(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<u64>,
        findings: &mut Findings,
    ) -> Option<u64> {
        let node = self.node(key)?;
        let number = match (&node.value, &node.place) {
            (Value::Integer(number), _) => u64::try_from(*number).ok(),
            (Value::String(text), Place::Variable { .. }) => text.trim().parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| bounds.contains(number)) {
            return Some(number);
        }
        let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        findings.problem(Problem::new(&node.place, self.quote(key, node)).wanted(wanted));
        None
    }

    /// A length of time within bounds.
    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<SignedDuration>,
        findings: &mut Findings,
    ) -> Option<SignedDuration> {
        let node = self.node(key)?;
        let duration = node.text().and_then(|text| text.parse::<SignedDuration>().ok());
        if let Some(duration) = duration.filter(|duration| bounds.contains(duration)) {
            return Some(duration);
        }
        let (least, most) = (duration_text(*bounds.start()), duration_text(*bounds.end()));
        let wanted = format!("a length of time such as \"10m\" or \"1h30m\", from {least} to {most}");
        let mut problem = Problem::new(&node.place, self.quote(key, node)).wanted(wanted);
        if matches!(node.value, Value::Integer(_)) {
            problem = problem.remedy("write the unit, in quotes");
        }
        findings.problem(problem);
        None
    }

    /// A path, made absolute or relative to where we run: as written it is relative to the file's folder.
    pub(crate) fn path(&mut self, key: &'static str, findings: &mut Findings) -> Option<PathBuf> {
        self.optional::<String>(key, findings).map(|path| self.context.folder.join(path))
    }

    /// The items of a list, or one item without the brackets, where some may be tables and others not.
    pub(crate) fn items(&mut self, key: &'static str) -> Vec<Item<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let item = |item: &'a Node| match &item.value {
            Value::Table(entries) => Item::Table(self.child(key, &item.place, entries)),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => Item::Scalar(item),
        };
        node.items().iter().map(item).collect()
    }

    /// A table, if it is there.
    pub(crate) fn table(&mut self, key: &'static str, findings: &mut Findings) -> Option<Table<'a>> {
        let node = self.node(key)?;
        self.as_table(key, node, findings)
    }

    /// A list of tables: `[[key]]`, in the order of writing.
    pub(crate) fn tables(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Table<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::Array(items) = &node.value else {
            let path = self.child(key, &node.place, &[]).path;
            findings.problem(
                Problem::new(&node.place, self.quote(key, node)).wanted(format!("tables: [[{path}]]")),
            );
            return Vec::new();
        };
        let tables = items.iter().filter_map(|item| self.as_table(key, item, findings));
        tables
            .map(|mut table| {
                table.shown = format!("[[{}]]", table.path);
                table
            })
            .collect()
    }

    /// Tables with names that people chose: `[key.NAME]`.
    pub(crate) fn named(&mut self, key: &'static str, findings: &mut Findings) -> Vec<(String, Table<'a>)> {
        let Some(mut section) = self.table(key, findings) else { return Vec::new() };
        section.all_named(findings)
    }

    /// Every entry of this table as a table with a name that people chose.
    pub(crate) fn all_named(&mut self, findings: &mut Findings) -> Vec<(String, Table<'a>)> {
        let mut named = Vec::new();
        for entry in self.entries {
            if !self.is_name(entry, findings) {
                continue;
            }
            if let Some(table) = self.as_table(&entry.key, &entry.node, findings) {
                named.push((entry.key.clone(), table));
            }
        }
        named
    }

    /// Every key of this table with a name that people chose, as a list of values.
    pub(crate) fn named_lists<T: Form>(&mut self, findings: &mut Findings) -> Vec<(String, Vec<T>)> {
        let mut named = Vec::new();
        for entry in self.entries {
            if !self.is_name(entry, findings) {
                continue;
            }
            let items = entry.node.items().iter();
            let values = items.filter_map(|item| self.read(&entry.key, item, findings)).collect();
            named.push((entry.key.clone(), values));
        }
        named
    }

    /// The keys, whatever is behind them: which names exist does not depend on whether they are well described.
    pub(crate) fn keys_of(entries: &[Entry], section: &str) -> Vec<String> {
        match entries.iter().find(|entry| entry.key == section).map(|entry| &entry.node.value) {
            Some(Value::Table(inner)) => inner.iter().map(|entry| entry.key.clone()).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// How many `[[section]]` are written.
    pub(crate) fn tables_of(entries: &[Entry], section: &str) -> usize {
        match entries.iter().find(|entry| entry.key == section).map(|entry| &entry.node.value) {
            Some(Value::Array(items)) => items.len(),
            Some(_) | None => 0,
        }
    }

    /// A value of the wrong form, as a problem.
    pub(crate) fn wrong(&self, key: &str, wanted: impl Into<String>) -> Problem {
        let place = self.place_of(key);
        match self.find(key) {
            Some(entry) => Problem::new(&place, self.quote(key, &entry.node)).wanted(wanted),
            None => Problem::new(&place, format!("missing key \"{key}\" in {}", self.shown)).wanted(wanted),
        }
    }

    /// Says that a key is missing.
    pub(crate) fn missing(&mut self, key: &'static str, wanted: &str, findings: &mut Findings) {
        self.asked.push(key);
        let found = format!("missing key \"{key}\" in {}", self.shown);
        findings.problem(Problem::new(&self.place, found).wanted(wanted));
    }

    /// Says which keys nobody asked for.
    pub(crate) fn finish(mut self, findings: &mut Findings) {
        self.asked.sort_unstable();
        self.asked.dedup();
        for entry in self.entries.iter().filter(|entry| !self.asked.contains(&entry.key.as_str())) {
            let found = format!("unknown key \"{}\" in {}", entry.key, self.shown);
            let problem = Problem::new(&entry.place, found)
                .wanted(one_of(&self.asked))
                .near(&entry.key, self.asked.iter().copied());
            findings.problem(problem);
        }
    }

    /// Reads one value, or says what is wrong with it.
    pub(crate) fn read<T: Form>(&self, key: &str, node: &Node, findings: &mut Findings) -> Option<T> {
        match T::read(node) {
            Ok(value) => Some(value),
            Err(mismatch) => {
                let mut problem = Problem::new(&node.place, self.quote(key, node)).wanted(T::wanted());
                problem.remedy = mismatch.remedy;
                findings.problem(problem);
                None
            }
        }
    }

    fn as_table(&self, key: &str, node: &'a Node, findings: &mut Findings) -> Option<Table<'a>> {
        let Value::Table(entries) = &node.value else {
            findings.problem(Problem::new(&node.place, self.quote(key, node)).wanted("a table"));
            return None;
        };
        Some(self.child(key, &node.place, entries))
    }

    fn is_name(&self, entry: &Entry, findings: &mut Findings) -> bool {
        let good = is_name(&entry.key);
        if !good {
            let found = format!("the name \"{}\" in {}", shorten(&entry.key), self.shown);
            findings.problem(Problem::new(&entry.place, found).wanted(NAME_FORM));
        }
        good
    }

    /// What was written, for a problem.
    fn quote(&self, key: &str, node: &Node) -> String {
        let shown = &self.shown;
        match &node.value {
            Value::String(text) => format!("{key} = \"{}\" in {shown}", shorten(text)),
            Value::Integer(number) => format!("{key} = {number} in {shown}"),
            Value::Float(number) => format!("{key} = {} in {shown}", shorten(number)),
            Value::Boolean(truth) => format!("{key} = {truth} in {shown}"),
            Value::Datetime(when) => format!("{key} = {when} in {shown}"),
            Value::Array(_) | Value::Table(_) => format!("{key} is {} in {shown}", node.value.kind()),
        }
    }
}

fn one_of_quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    one_of(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A wrong value on one line, and not more of it than helps.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTE_MAX_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().count() > QUOTE_MAX_CHARS {
        short.push('…');
    }
    short
}
