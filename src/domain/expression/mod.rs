//! CEL over views of configured contracts: `read("vault", "paused()") == true`.
//!
//! `unless`, `expect` and `confirm` of a runbook are such expressions. Somebody else performs the
//! [`Read`]s, at one block; [`ReadExpression::evaluate`] then answers in three values. A read that failed
//! or is missing makes the answer [`Verdict::Unknown`] with its reason, never `False`: "could not ask" and
//! "no" call for different acts.
//!
//! The language is CEL's syntax, read by the `cel` crate's parser, with a checker and an evaluator of our
//! own in `language`, which says why.

pub(crate) mod language;
mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::contract::Contracts;
use language::{Expression, Gap, Type};
use read::ReadVocabulary;

pub use language::{
    COMPREHENSION_DEPTH_MAX, EVALUATION_STEPS_MAX, EXPRESSION_BRACKETS_MAX, EXPRESSION_CHARS_MAX,
    EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, ExpressionError,
};
pub use read::{Read, ReadValue};

/// A checked expression over reads.
#[derive(Clone, Debug)]
pub struct ReadExpression {
    text: String,
    expression: Expression<Read>,
    reads: Vec<Read>,
}

/// An answer in three values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It could not be told, and why: a read failed, a number overflowed.
    Unknown(String),
}

impl ReadExpression {
    /// Checks `text` against the contracts it names.
    ///
    /// # Errors
    /// Every problem found, each with its place: syntax, an unknown name, contract or function, a function
    /// that is not a view, types that cannot be compared, a result that is no bool, an expression that reads
    /// nothing (it would "hold" without asking the chain), or one beyond the bounds.
    pub fn compile(text: &str, contracts: &Contracts) -> Result<Self, Vec<ExpressionError>> {
        let mut vocabulary = ReadVocabulary::new(contracts);
        let expression = Expression::compile(text, &mut vocabulary, &Type::Bool)?;
        let reads = vocabulary.into_reads();
        if reads.is_empty() {
            return Err(vec![ExpressionError::whole(
                text,
                "it asks nothing of the chain: write at least one read(\"contract\", \"function()\")",
            )]);
        }
        Ok(Self { text: text.to_owned(), expression, reads })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each distinct read, in order of appearance.
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Answers with the values of its reads, all taken at the same block.
    pub fn evaluate(&self, values: &BTreeMap<Read, ReadValue>) -> Verdict {
        let answer = self.expression.evaluate_bool(&|read: &Read| match values.get(read) {
            Some(ReadValue::Returned(returned)) => read::value_of(read, returned).map(Cow::Owned),
            Some(ReadValue::Failed(why)) => Err(Gap::Failed(format!("{read} could not be read: {why}"))),
            None => Err(Gap::Failed(format!("{read} was not read"))),
        });
        match answer {
            Ok(true) => Verdict::True,
            Ok(false) => Verdict::False,
            Err(gap) => Verdict::Unknown(gap.to_string()),
        }
    }
}

impl PartialEq for ReadExpression {
    /// Two expressions are the same when their text and their reads are.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.reads == other.reads
    }
}

impl fmt::Display for ReadExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests;
