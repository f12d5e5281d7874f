//! Whether an expression can be true at all, and what must then be so.
//!
//! The tree is read as sets: `&&` meets what its sides ask of each term, `||` joins it, `!` turns it around, and a
//! term is whatever is compared with something known. All of it errs to one side: what cannot be judged (two open
//! values compared, arithmetic between terms) is taken for possible. So "never" is a proof, and silence is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::number::{Integer, Number};
use super::span::{Span, Texts, compared};
pub(crate) use super::term::Subject;
use super::term::Term;
use super::{Comparison, Expression, Node, Quantifier, TextTest, Value};

/// What must be so for an expression to be true, by term.
#[derive(Clone, Debug)]
pub(crate) struct Outlook<L> {
    terms: BTreeMap<String, Term<L>>,
}

impl<L: Clone + Debug + PartialEq + Subject> Expression<L> {
    /// What must be so for it to be true; else why it never is, in a sentence.
    pub(crate) fn outlook(&self) -> Result<Outlook<L>, String> {
        must(&self.root, true)
    }
}

impl<L> Default for Outlook<L> {
    fn default() -> Self {
        nothing()
    }
}

impl<L: Clone + Debug + PartialEq + Subject> Outlook<L> {
    /// What must be so for both to be true; else why they never are.
    pub(crate) fn and(&self, other: &Self) -> Result<Self, String> {
        let mut met = self.clone();
        for (key, term) in &other.terms {
            let Some(own) = met.terms.get_mut(key) else {
                met.terms.insert(key.clone(), term.clone());
                continue;
            };
            own.span = own.span.meet(&term.span).ok_or_else(|| term.conflict(&own.span, &term.span))?;
        }
        Ok(met)
    }

    fn or(&self, other: &Self) -> Self {
        let both = self.terms.iter().filter_map(|(key, term)| {
            let also = other.terms.get(key)?;
            Some((key.clone(), Term { span: term.span.join(&also.span), ..term.clone() }))
        });
        Self { terms: both.collect() }
    }

    fn term(&self, leaf: &L) -> Option<&Term<L>> {
        self.terms.values().find(|term| term.leaf.as_ref() == Some(leaf))
    }

    /// The texts that a leaf may be, in lower case, where they are known.
    pub(crate) fn listed(&self, leaf: &L) -> Option<&BTreeSet<String>> {
        self.term(leaf)?.span.listed()
    }

    /// Whether a leaf may be this text.
    pub(crate) fn may_be(&self, leaf: &L, text: &str) -> bool {
        self.admits(leaf, &Span::one_of([text]))
    }

    /// Whether a leaf may be a text that begins so.
    pub(crate) fn may_begin_with(&self, leaf: &L, start: &str) -> bool {
        self.admits(leaf, &Span::tested(TextTest::StartsWith, start, true))
    }

    /// Whether a leaf is to be lacking.
    pub(crate) fn lacks(&self, leaf: &L) -> bool {
        self.term(leaf).is_some_and(|term| term.span.there == Some(false))
    }

    /// What is asked of one leaf, and nothing else.
    pub(crate) fn only(&self, leaf: &L) -> Self {
        let own = self.terms.iter().filter(|(_, term)| term.leaf.as_ref() == Some(leaf));
        Self { terms: own.map(|(key, term)| (key.clone(), term.clone())).collect() }
    }

    fn admits(&self, leaf: &L, span: &Span) -> bool {
        self.term(leaf).is_none_or(|term| term.span.meet(span).is_some())
    }

    /// What is asked of a leaf, in words.
    pub(crate) fn asked(&self, leaf: &L) -> String {
        self.term(leaf).map_or_else(|| "anything".to_owned(), |term| term.in_words(&term.span))
    }

    /// What is asked of a number, in words, unless it may be `number`.
    pub(crate) fn refuses_number(&self, leaf: &L, number: u64) -> Option<String> {
        let term = self.term(leaf)?;
        let own = Span::in_ranges(compared(Comparison::Equal, &Number::Whole(Integer::from(number)), true));
        term.span.meet(&own).is_none().then(|| term.in_words(&term.span))
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

fn of_term<L: Clone + Debug + PartialEq + Subject>(
    node: &Node<L>,
    asked: Span,
) -> Result<Outlook<L>, String> {
    let mut term = Term::of(node);
    // A field that is to be lacking is nothing at all.
    term.span = if asked.there == Some(false) {
        if term.leaf.as_ref().is_some_and(Subject::is_always_there) {
            return Err(format!("{} is always there", term.told));
        }
        asked
    } else {
        let refused = |text: &str| term.leaf.as_ref().and_then(|leaf| leaf.refuses(text));
        let asked = asked.refusing(&refused)?;
        let never = || format!("{} is never {}", term.told, term.in_words(&asked));
        term.own.meet(&asked).ok_or_else(never)?
    };
    Ok(Outlook { terms: BTreeMap::from([(format!("{node:?}"), term)]) })
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
    let (Some(values), false) = (values, matches!(term, Node::Constant(_))) else {
        return match (term, list) {
            (Node::Constant(Value::Text(item)), Node::Leaf(list)) if wanted => {
                list.refuses(&item.to_ascii_lowercase()).map_or_else(|| Ok(nothing()), Err)
            }
            (_, _) => Ok(nothing()),
        };
    };
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
