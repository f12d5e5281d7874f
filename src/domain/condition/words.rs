//! The words of one configuration: lists of bots, lists of anything, macros, whose feed is whose.
//!
//! A list is a constant. A macro is an expression with a name: it is written out where it is used, so that what
//! fires is what a reader sees. A macro may use others, never itself, and is bounded with all it uses as if it
//! had been written there.

use std::collections::{BTreeMap, BTreeSet};

use super::origin::Origins;
use super::vocabulary::{ALERT_WORDS, AlertField, AlertVocabulary, SEVERITIES};
use crate::domain::alert::BotId;
use crate::domain::expression::ExpressionError;
use crate::domain::expression::language::{Expression, Integer, Resolved, Type, Value, nearest};
use crate::domain::names::FeedName;

/// Named lists of bots, usable as `bots.NAME`.
pub type BotLists = BTreeMap<String, Vec<BotId>>;

/// Named lists of anything else, usable as `lists.NAME`.
pub type Lists = BTreeMap<String, ListItems>;

/// Named conditions over one alert, usable by their name.
pub type Macros = BTreeMap<String, String>;

/// Whose feeds are whose, where the alerts do not say it themselves.
pub type Vendors = BTreeMap<FeedName, String>;

/// What a list of `[lists]` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListItems {
    /// Texts: addresses, alert ids. Compared without regard to case.
    Texts(Vec<String>),
    /// Whole numbers: chains.
    Numbers(Vec<u64>),
}

impl ListItems {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As they are written.
    pub fn written(&self) -> Vec<String> {
        match self {
            Self::Texts(texts) => texts.iter().map(|text| format!("{text:?}")).collect(),
            Self::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
        }
    }

    fn resolved(&self) -> Resolved<AlertField> {
        let (values, kind) = match self {
            Self::Texts(texts) => (texts.iter().cloned().map(Value::Text).collect(), Type::Text),
            Self::Numbers(numbers) => {
                (numbers.iter().map(|number| Value::Int(Integer::from(*number))).collect(), Type::Int)
            }
        };
        Resolved::Constant(Value::List(values), Type::List(Box::new(kind)))
    }
}

/// All words of one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// `[bots]`.
    pub bots: &'a BotLists,
    /// `[lists]`.
    pub lists: &'a Lists,
    /// `[macros]`.
    pub macros: &'a Macros,
    /// Whose feeds are whose.
    pub vendors: &'a Vendors,
    /// The feeds, where they are known.
    pub origins: &'a Origins,
}

static NO_LISTS: Lists = Lists::new();
static NO_MACROS: Macros = Macros::new();
static NO_VENDORS: Vendors = Vendors::new();
static NO_ORIGINS: Origins = Origins::new();

impl<'a> Words<'a> {
    /// Lists of bots, and nothing else.
    pub fn only_bots(bots: &'a BotLists) -> Self {
        Self { bots, lists: &NO_LISTS, macros: &NO_MACROS, vendors: &NO_VENDORS, origins: &NO_ORIGINS }
    }

    /// What is wrong with the macros, whether a condition uses them or not: each by its name.
    pub fn wrong_macros(self) -> Vec<(String, ExpressionError)> {
        let mut vocabulary = AlertVocabulary::new(self);
        let mut wrong = Vec::new();
        for (name, text) in self.macros {
            if is_taken(name) {
                let message = format!("\"{name}\" has a meaning already; call the macro something else");
                wrong.push((name.clone(), ExpressionError::whole(text, message)));
                continue;
            }
            let compiled = vocabulary.compile(text);
            let never = match &compiled {
                Ok(expression) => expression.outlook().err(),
                Err(_) => None,
            };
            wrong.extend(compiled.err().into_iter().flatten().map(|error| (name.clone(), error)));
            wrong.extend(never.map(|why| {
                (name.clone(), ExpressionError::whole(text, format!("it can never be true: {why}")))
            }));
        }
        wrong
    }
}

/// Words of the language and of alerts, which a macro cannot take.
fn is_taken(name: &str) -> bool {
    const LANGUAGE: [&str; 12] =
        ["true", "false", "null", "in", "has", "size", "big", "timestamp", "exists", "all", "read", "macros"];
    // CEL keeps these for itself.
    const RESERVED: [&str; 17] = [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    RESERVED.contains(&name)
        || LANGUAGE.contains(&name)
        || ALERT_WORDS.contains(&name)
        || SEVERITIES.contains(&name)
}

/// Which lists and macros an expression uses, for whoever explains it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// Lists by name, with what is in them.
    pub(super) lists: BTreeMap<String, Vec<String>>,
    /// Macros by name, with their text.
    pub(super) macros: BTreeMap<String, String>,
}

impl AlertVocabulary<'_> {
    /// `lists.NAME`
    pub(super) fn list(&mut self, list: &str) -> Result<Resolved<AlertField>, String> {
        match self.words.lists.get(list) {
            Some(items) if items.is_empty() => Err(format!("the list \"{list}\" is empty")),
            Some(items) => {
                self.used.lists.insert(list.to_owned(), items.written());
                Ok(items.resolved())
            }
            None => {
                let hint = among(list, self.words.lists.keys());
                Err(format!("there is no list \"{list}\" in [lists]{hint}"))
            }
        }
    }

    /// A macro by its name; `None` where there is none.
    pub(super) fn expand(&mut self, name: &str) -> Option<Result<Resolved<AlertField>, String>> {
        let text = self.words.macros.get(name)?;
        self.used.macros.insert(name.to_owned(), text.clone());
        Some(match self.expanded.get(name) {
            Some(known) => known.clone().map(Resolved::Truth),
            None => {
                self.missing.get_or_insert_with(|| name.to_owned());
                Err(format!("the macro \"{name}\" is not read yet"))
            }
        })
    }

    /// Checks an expression that is true or false, reading first the macros it uses.
    pub(super) fn compile(&mut self, text: &str) -> Result<Expression<AlertField>, Vec<ExpressionError>> {
        loop {
            let compiled = Expression::compile(text, self, &Type::Bool);
            match self.missing.take() {
                None => return compiled,
                Some(name) => self.read_macro(name),
            }
        }
    }

    /// Reads a macro and, before it, those it uses: one after the other, because the parser needs much stack.
    fn read_macro(&mut self, name: String) {
        let mut open = vec![name];
        while let Some(name) = open.last().cloned() {
            let text = self.words.macros.get(&name).map(String::as_str).unwrap_or_default();
            let compiled = Expression::compile(text, self, &Type::Bool);
            match self.missing.take() {
                Some(next) => match open.iter().position(|outer| *outer == next) {
                    None => open.push(next),
                    Some(at) => {
                        let round = open.get(at..).unwrap_or_default().join(" uses ");
                        let why = format!("the macro \"{next}\" uses itself: {round} uses {next}");
                        self.expanded.insert(next, Err(why));
                    }
                },
                None => {
                    let read = compiled.map_err(|errors| {
                        let why = errors.into_iter().next().map(|error| error.message).unwrap_or_default();
                        // A round is told as it is, not once more for each macro on it.
                        let is_told = why.starts_with("the macro \"");
                        if is_told { why } else { format!("the macro \"{name}\" is wrong: {why}") }
                    });
                    self.expanded.entry(name).or_insert(read);
                    open.pop();
                }
            }
        }
    }
}

/// The nearest name, or else all there are.
pub(super) fn among<'k>(wanted: &str, known: impl Iterator<Item = &'k String> + Clone) -> String {
    match nearest(wanted, known.clone().map(String::as_str)) {
        hint if hint.is_empty() => {
            let known: BTreeSet<&str> = known.map(String::as_str).collect();
            if known.is_empty() {
                "; there is none at all".to_owned()
            } else {
                format!("; there are: {}", known.into_iter().collect::<Vec<_>>().join(", "))
            }
        }
        hint => hint,
    }
}
