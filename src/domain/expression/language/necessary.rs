//! What must hold of an expression's open values before it can be anything but false.
//!
//! Whoever has many expressions and one set of values finds by this which of them are worth evaluating. The
//! promise is one-sided: where the facts do not hold, evaluation gives `false`, never `true` and never a gap;
//! where they hold, it may give anything. A form that is not understood here says nothing, and is evaluated.

use super::value::Value;
use super::{Comparison, Expression, Node};

/// How long a constant list may be that does not count as heavy: one walk over it costs as many steps.
const LIGHT_LIST_MAX: usize = 1_000;

/// Facts about open values, as their owner keeps them.
pub(crate) trait Facts<L>: Sized {
    /// Any values will do.
    fn anything() -> Self;
    /// No values will do.
    fn nothing() -> Self;
    /// The leaf has a value that the constraint admits, or has none.
    fn of(leaf: &L, constraint: &Constraint<'_>) -> Self;
    /// Both hold.
    fn both(self, other: Self) -> Self;
    /// One of them holds.
    fn either(self, other: Self) -> Self;
}

/// What one comparison asks of its open value.
#[derive(Clone, Debug)]
pub(crate) enum Constraint<'e> {
    /// It is one of these.
    OneOf(Vec<&'e Value>),
    /// It stands so to this.
    Stands(Ordered, &'e Value),
}

/// `value ? constant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordered {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Constraint<'_> {
    /// Whether the value may pass; what cannot be compared may.
    pub(crate) fn admits(&self, value: &Value) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|known| known.same(value).unwrap_or(true)),
            Self::Stands(ordered, known) => {
                value.order(known).is_ok_and(|order| match ordered {
                    Ordered::Less => order.is_lt(),
                    Ordered::LessOrEqual => order.is_le(),
                    Ordered::Greater => order.is_gt(),
                    Ordered::GreaterOrEqual => order.is_ge(),
                }) || value.order(known).is_err()
            }
        }
    }

    /// The texts it admits, in lower case; `None` where it asks for something else than certain texts.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        let Self::OneOf(values) = self else { return None };
        let text = |value: &&Value| value.text().ok().map(str::to_ascii_lowercase);
        values.iter().map(text).collect()
    }
}

impl<L> Expression<L> {
    /// What must hold of its leaves before it can be true, or have a gap.
    pub(crate) fn necessary<F: Facts<L>>(&self) -> F {
        facts(&self.root)
    }

    /// Whether it has no gap, whatever the values: `sure` says which leaves always have one.
    pub(crate) fn is_certain(&self, sure: &dyn Fn(&L) -> bool) -> bool {
        certain(&self.root, sure)
    }
}

fn facts<L, F: Facts<L>>(node: &Node<L>) -> F {
    match node {
        Node::Constant(Value::Bool(false)) => F::nothing(),
        Node::And(sides) => {
            let [left, right] = &**sides;
            // What is on the right decides only if enough steps are left to reach it.
            if is_heavy(left) { facts(left) } else { facts::<L, F>(left).both(facts(right)) }
        }
        Node::Or(sides) => {
            let [left, right] = &**sides;
            facts::<L, F>(left).either(facts(right))
        }
        Node::Compare(comparison, sides) => match &**sides {
            [Node::Leaf(leaf), Node::Constant(value)] => compared(leaf, *comparison, value),
            [Node::Constant(value), Node::Leaf(leaf)] => compared(leaf, flipped(*comparison), value),
            [_, _] => F::anything(),
        },
        Node::In(sides) => match &**sides {
            [Node::Leaf(leaf), Node::Constant(Value::List(values))] => {
                F::of(leaf, &Constraint::OneOf(values.iter().collect()))
            }
            [Node::Leaf(leaf), Node::List(nodes)] => {
                let values: Option<Vec<&Value>> = nodes.iter().map(constant).collect();
                values.map_or_else(F::anything, |values| F::of(leaf, &Constraint::OneOf(values)))
            }
            [_, _] => F::anything(),
        },
        Node::Constant(_)
        | Node::Leaf(_)
        | Node::Local(_)
        | Node::Has(_)
        | Node::Not(_)
        | Node::Choose(_)
        | Node::Calculate(..)
        | Node::List(_)
        | Node::Index(_)
        | Node::Size(_)
        | Node::Test(..)
        | Node::Quantify(..) => F::anything(),
    }
}

fn compared<L, F: Facts<L>>(leaf: &L, comparison: Comparison, value: &Value) -> F {
    let ordered = match comparison {
        Comparison::Equal => return F::of(leaf, &Constraint::OneOf(vec![value])),
        Comparison::NotEqual => return F::anything(),
        Comparison::Less => Ordered::Less,
        Comparison::LessOrEqual => Ordered::LessOrEqual,
        Comparison::Greater => Ordered::Greater,
        Comparison::GreaterOrEqual => Ordered::GreaterOrEqual,
    };
    F::of(leaf, &Constraint::Stands(ordered, value))
}

/// `constant ? leaf` as `leaf ? constant`.
fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal | Comparison::NotEqual => comparison,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
    }
}

fn constant<L>(node: &Node<L>) -> Option<&Value> {
    if let Node::Constant(value) = node { Some(value) } else { None }
}

/// Whether evaluation may take so many steps that what follows is given up.
fn is_heavy<L>(node: &Node<L>) -> bool {
    match node {
        Node::Quantify(..) => true,
        Node::Constant(Value::List(values)) => values.len() > LIGHT_LIST_MAX,
        Node::Constant(_) | Node::Leaf(_) | Node::Local(_) | Node::Has(_) => false,
        Node::Not(operand) | Node::Size(operand) => is_heavy(operand),
        Node::And(sides)
        | Node::Or(sides)
        | Node::Compare(_, sides)
        | Node::Calculate(_, sides)
        | Node::In(sides)
        | Node::Index(sides)
        | Node::Test(_, sides) => sides.iter().any(is_heavy),
        Node::Choose(parts) => parts.iter().any(is_heavy),
        Node::List(nodes) => nodes.iter().any(is_heavy),
    }
}

fn certain<L>(node: &Node<L>, sure: &dyn Fn(&L) -> bool) -> bool {
    let always = |node: &Node<L>| {
        if let Node::Leaf(leaf) = node {
            return sure(leaf);
        }
        constant(node).is_some_and(|value| !matches!(value, Value::List(_)))
    };
    match node {
        Node::Constant(_) => true,
        Node::Not(operand) => certain(operand, sure),
        Node::And(sides) | Node::Or(sides) => sides.iter().all(|side| certain(side, sure)),
        Node::Compare(_, sides) => sides.iter().all(always),
        Node::Leaf(_)
        | Node::Local(_)
        | Node::Has(_)
        | Node::Choose(_)
        | Node::Calculate(..)
        | Node::In(_)
        | Node::List(_)
        | Node::Index(_)
        | Node::Size(_)
        | Node::Test(..)
        | Node::Quantify(..) => false,
    }
}
