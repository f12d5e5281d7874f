//! What is open in an expression, as people know it, and what it can be at all.

use std::fmt::Debug;

use super::Node;
use super::number::Decimal;
use super::span::Span;

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
    /// Whether it always has a value.
    fn is_always_there(&self) -> bool;
    /// Why it is never this text, which has small letters; of a list: why none of its items is.
    fn refuses(&self, text: &str) -> Option<String>;
    /// The least size it may have, where it has one: a text that is empty counts as lacking.
    fn size_min(&self) -> u64;
}

/// Something open that is compared with what is known.
#[derive(Clone, Debug)]
pub(super) struct Term<L> {
    pub(super) leaf: Option<L>,
    /// As people know it.
    pub(super) told: String,
    /// What it may be, whatever is asked of it.
    pub(super) own: Span,
    /// What it must be.
    pub(super) span: Span,
}

impl<L: Clone + Debug + PartialEq + Subject> Term<L> {
    /// Nothing is asked of it yet.
    pub(super) fn of(node: &Node<L>) -> Self {
        let (leaf, told, own) = if let Node::Leaf(leaf) = node {
            (Some(leaf.clone()), leaf.told(), leaf.span())
        } else if let Node::Size(of) = node {
            let leaf = if let Node::Leaf(leaf) = &**of { Some(leaf) } else { None };
            let told = leaf.map_or_else(|| "a size".to_owned(), |leaf| format!("size({})", leaf.told()));
            (None, told, Span::whole_numbers(leaf.map_or(0, Subject::size_min), u64::MAX))
        } else {
            (None, "one value".to_owned(), Span::default())
        };
        Self { leaf, told, own, span: Span::default() }
    }

    pub(super) fn in_words(&self, span: &Span) -> String {
        let number = |number: &Decimal| {
            self.leaf.as_ref().map_or_else(|| number.to_string(), |leaf| leaf.number(number))
        };
        span.in_words(&number, &self.own)
    }

    pub(super) fn conflict(&self, one: &Span, two: &Span) -> String {
        format!("{} cannot be {} and also {}", self.told, self.in_words(one), self.in_words(two))
    }
}
