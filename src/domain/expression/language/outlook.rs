//! Whether an expression can be true at all, and what must then be so.
//!
//! The tree is read as sets: `&&` meets what its sides ask of each term, `||` joins it, `!` turns it around, and a
//! term is whatever is compared with something known. All of it errs to one side: what cannot be judged (two open
//! values compared, arithmetic between terms) is taken for possible. So "never" is a proof, and silence is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::number::{Decimal, Integer, Number};
use super::span::{Span, Texts, compared};
use super::{Comparison, Expression, Node, Quantifier, Value};

/// An open value as people know it.
pub(crate) trait Subject {
    /// Its name.
    fn told(&self) -> String;
    /// One of its numbers, as people write it.
    fn number(&self, number: &Decimal) -> String {
        number.to_string()
    }
    /// What it may be, whatever is asked of it.
    fn span(&self) -> Span;
    /// Whether its numbers are whole.
    fn is_whole(&self) -> bool;
}

/// What must be so for an expression to be true, by term.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlook<L> {
    terms: BTreeMap<String, (Option<L>, Span)>,
}

impl<L: Clone + Debug + PartialEq + Subject> Expression<L> {
    /// What must be so for it to be true; else why it never is, in a sentence.
    pub(crate) fn outlook(&self) -> Result<Outlook<L>, String> {
        must(&self.root, true)
    }
}

impl<L: Clone + Debug + PartialEq + Subject> Outlook<L> {
    /// What must be so for both to be true; else why they never are.
    pub(crate) fn and(&self, other: &Self) -> Result<Self, String> {
        let mut met = self.clone();
        for (key, (leaf, span)) in &other.terms {
            let Some((_, own)) = met.terms.get(key) else {
                met.terms.insert(key.clone(), (leaf.clone(), span.clone()));
                continue;
            };
            let both = own.meet(span).ok_or_else(|| conflict(leaf.as_ref(), own, span))?;
            met.terms.insert(key.clone(), (leaf.clone(), both));
        }
        Ok(met)
    }

    fn or(&self, other: &Self) -> Self {
        let both = self.terms.iter().filter_map(|(key, (leaf, span))| {
            let (_, also) = other.terms.get(key)?;
            Some((key.clone(), (leaf.clone(), span.join(also))))
        });
        Self { terms: both.collect() }
    }

    /// The texts that a leaf may be, in lower case, where they are known.
    pub(crate) fn listed(&self, leaf: &L) -> Option<&BTreeSet<String>> {
        self.terms.values().find(|(found, _)| found.as_ref() == Some(leaf))?.1.listed()
    }

    /// What is asked of a number, in words, unless it may be `number`.
    pub(crate) fn refuses_number(&self, leaf: &L, number: u64) -> Option<String> {
        let (_, span) = self.terms.values().find(|(found, _)| found.as_ref() == Some(leaf))?;
        let own = Span::in_ranges(compared(Comparison::Equal, &Number::Whole(Integer::from(number)), true));
        span.meet(&own).is_none().then(|| span.in_words(&|number| leaf.number(number), &leaf.span()))
    }
}

fn conflict<L: Subject>(leaf: Option<&L>, one: &Span, two: &Span) -> String {
    let number = |number: &Decimal| leaf.map_or_else(|| number.to_string(), |leaf| leaf.number(number));
    let own = leaf.map(Subject::span).unwrap_or_default();
    let (one, two) = (one.in_words(&number, &own), two.in_words(&number, &own));
    match leaf {
        Some(leaf) => format!("{} cannot be {one} and also {two}", leaf.told()),
        None => format!("one value cannot be {one} and also {two}"),
    }
}

fn must<L: Clone + Debug + PartialEq + Subject>(node: &Node<L>, wanted: bool) -> Result<Outlook<L>, String> {
    match node {
        Node::Constant(Value::Bool(is)) if *is != wanted => {
            Err(format!("what is always {is} is to be {wanted}"))
        }
        Node::Not(operand) => must(operand, !wanted),
        Node::And(sides) | Node::Or(sides) => {
            let [left, right] = &**sides;
            let (left, right) = (must(left, wanted), must(right, wanted));
            // Turned around, `||` asks for both and `&&` for either.
            if matches!(node, Node::And(_)) == wanted { left?.and(&right?) } else { either(left, right) }
        }
        Node::Choose(parts) => {
            let [condition, then, otherwise] = &**parts;
            let yes = must(condition, true).and_then(|met| met.and(&must(then, wanted)?));
            let no = must(condition, false).and_then(|met| met.and(&must(otherwise, wanted)?));
            either(yes, no)
        }
        Node::Has(leaf) => of_term(&Node::Leaf(leaf.clone()), Span::there(wanted)),
        Node::Compare(comparison, sides) => compare(*comparison, sides, wanted),
        Node::In(sides) => membership(sides, wanted),
        Node::Test(test, sides) => match &**sides {
            [term, Node::Constant(Value::Text(part))] => of_term(term, Span::tested(*test, part, wanted)),
            [_, _] => Ok(nothing()),
        },
        // Some item makes the body true: the body must be possible. Of `all`, an empty list knows nothing.
        Node::Quantify(quantifier, parts) if (*quantifier == Quantifier::Exists) == wanted => {
            let [_, body] = &**parts;
            let mut found = must(body, wanted)?;
            found.terms.retain(|key, _| !has_local(key));
            Ok(found)
        }
        Node::Constant(_)
        | Node::Leaf(_)
        | Node::Local(_)
        | Node::Calculate(..)
        | Node::List(_)
        | Node::Index(_)
        | Node::Size(_)
        | Node::Quantify(..) => Ok(nothing()),
    }
}

fn nothing<L>() -> Outlook<L> {
    Outlook { terms: BTreeMap::new() }
}

fn either<L: Clone + Debug + PartialEq + Subject>(
    left: Result<Outlook<L>, String>,
    right: Result<Outlook<L>, String>,
) -> Result<Outlook<L>, String> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok(left.or(&right)),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(one), Err(_)) => Err(one),
    }
}

/// A term is known by its tree; a text in it that looks like a variable only makes us say less.
fn has_local(key: &str) -> bool {
    key.contains("Local(")
}

fn of_term<L: Clone + Debug + PartialEq + Subject>(term: &Node<L>, span: Span) -> Result<Outlook<L>, String> {
    let leaf = if let Node::Leaf(leaf) = term { Some(leaf.clone()) } else { None };
    let own = leaf.as_ref().map(Subject::span).unwrap_or_default();
    // A field that is to be lacking is nothing at all.
    let met = if span.there == Some(false) {
        span
    } else {
        own.meet(&span).ok_or_else(|| conflict(leaf.as_ref(), &own, &span))?
    };
    Ok(Outlook { terms: BTreeMap::from([(format!("{term:?}"), (leaf, met))]) })
}

fn is_whole<L: Subject>(term: &Node<L>) -> bool {
    match term {
        Node::Leaf(leaf) => leaf.is_whole(),
        Node::Size(_) | Node::Calculate(..) => true,
        Node::Constant(_)
        | Node::Local(_)
        | Node::Has(_)
        | Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Choose(_)
        | Node::Compare(..)
        | Node::In(_)
        | Node::List(_)
        | Node::Index(_)
        | Node::Test(..)
        | Node::Quantify(..) => false,
    }
}

fn compare<L: Clone + Debug + PartialEq + Subject>(
    comparison: Comparison,
    sides: &[Node<L>; 2],
    wanted: bool,
) -> Result<Outlook<L>, String> {
    let comparison = if wanted { comparison } else { comparison.opposite() };
    match sides {
        [Node::Constant(left), Node::Constant(right)] => constants(comparison, left, right),
        [term, Node::Constant(value)] => compare_term(term, comparison, value),
        [Node::Constant(value), term] => compare_term(term, comparison.mirrored(), value),
        [_, _] => Ok(nothing()),
    }
}

fn constants<L>(comparison: Comparison, left: &Value, right: &Value) -> Result<Outlook<L>, String> {
    let holds = match comparison {
        Comparison::Equal => left.same(right),
        Comparison::NotEqual => left.same(right).map(|same| !same),
        Comparison::Less => left.order(right).map(std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => left.order(right).map(std::cmp::Ordering::is_le),
        Comparison::Greater => left.order(right).map(std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => left.order(right).map(std::cmp::Ordering::is_ge),
    };
    if holds == Ok(false) {
        return Err("it compares what is known already, and that never holds".to_owned());
    }
    Ok(nothing())
}

fn compare_term<L: Clone + Debug + PartialEq + Subject>(
    term: &Node<L>,
    comparison: Comparison,
    value: &Value,
) -> Result<Outlook<L>, String> {
    if let Some(number) = number_of(value) {
        return of_term(term, Span::in_ranges(compared(comparison, &number, is_whole(term))));
    }
    match (value, comparison) {
        (Value::Text(text), Comparison::Equal) => of_term(term, Span::in_texts(Texts::In(set([text])))),
        (Value::Text(text), Comparison::NotEqual) => of_term(term, Span::in_texts(Texts::NotIn(set([text])))),
        (_, _) => Ok(nothing()),
    }
}

/// A number, or a time as nanoseconds.
fn number_of(value: &Value) -> Option<Number> {
    match value {
        Value::Int(number) => Some(Number::Whole(*number)),
        Value::Decimal(number) => Some(Number::Decimal(number.clone())),
        Value::Time(time) => Integer::parse(&time.as_nanosecond().to_string()).map(Number::Whole),
        Value::Bool(_) | Value::Text(_) | Value::Loose { .. } | Value::List(_) => None,
    }
}

fn set<'t>(texts: impl IntoIterator<Item = &'t String>) -> BTreeSet<String> {
    texts.into_iter().map(|text| text.to_ascii_lowercase()).collect()
}

fn membership<L: Clone + Debug + PartialEq + Subject>(
    sides: &[Node<L>; 2],
    wanted: bool,
) -> Result<Outlook<L>, String> {
    let [term, list] = sides;
    let values: Option<Vec<&Value>> = match list {
        Node::Constant(Value::List(values)) => Some(values.iter().collect()),
        Node::List(nodes) => nodes
            .iter()
            .map(|node| if let Node::Constant(value) = node { Some(value) } else { None })
            .collect(),
        Node::Constant(_)
        | Node::Leaf(_)
        | Node::Local(_)
        | Node::Has(_)
        | Node::Not(_)
        | Node::And(_)
        | Node::Or(_)
        | Node::Choose(_)
        | Node::Compare(..)
        | Node::Calculate(..)
        | Node::In(_)
        | Node::Index(_)
        | Node::Size(_)
        | Node::Test(..)
        | Node::Quantify(..) => None,
    };
    let (Some(values), false) = (values, matches!(term, Node::Constant(_))) else { return Ok(nothing()) };
    let texts: Option<BTreeSet<String>> = values
        .iter()
        .map(|value| if let Value::Text(text) = value { Some(text.to_ascii_lowercase()) } else { None })
        .collect();
    if let Some(texts) = texts {
        let texts = if wanted { Texts::In(texts) } else { Texts::NotIn(texts) };
        return of_term(term, Span::in_texts(texts));
    }
    let Some(numbers) = values.iter().map(|value| number_of(value)).collect::<Option<Vec<Number>>>() else {
        return Ok(nothing());
    };
    if wanted {
        let points = numbers.iter().flat_map(|number| compared(Comparison::Equal, number, is_whole(term)));
        return of_term(term, Span::in_ranges(points.collect()));
    }
    numbers.iter().try_fold(nothing(), |met, number| {
        let other = Span::in_ranges(compared(Comparison::NotEqual, number, is_whole(term)));
        met.and(&of_term(term, other)?)
    })
}

impl Comparison {
    /// What holds where this does not.
    fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The same with its sides changed.
    fn mirrored(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}
