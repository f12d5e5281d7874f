//! The language of conditions and checks: a subset of CEL, checked before it runs.
//!
//! Syntax is CEL's and is read by the `cel` crate. Checking and evaluation are our own, because that
//! crate's evaluator has no type checker (`alert.nosuch` or `alert.severity >= "x"` fail only when an alert
//! arrives), integers of 64 bits (a `uint256` does not fit, and `0 == value` on a foreign type is silently
//! false), and no limit on steps. Invariants:
//!
//! * Whatever compiles is well typed: evaluation can lack a value, overflow or run out of steps, nothing else.
//! * Integers are exact to 512 bits signed, decimals are compared exactly; an overflow is a [`Gap`].
//! * A gap is absorbed only by what decides without it (`false && gap`, `true || gap`), as in CEL.
//! * Text is compared without regard to ASCII case, everywhere: ids, hashes and addresses come in both.
//!
//! What there is: `&& || ! == != < <= > >= + - * / % in ?:`, lists, `x[0]`, `has(a.b)`, `size(x)`,
//! `list.exists(v, …)`, `list.all(v, …)`, `text.contains(…)`, `.startsWith(…)`, `.endsWith(…)`, `big("…")` (not
//! needed: a long integer literal is read exactly), `timestamp("…")`, and what a [`Vocabulary`] adds. It does
//! not know what a name means: that is the vocabulary's.

mod check;
mod evaluate;
mod necessary;
mod number;
mod outlook;
mod source;
mod span;
mod term;
mod value;

use std::borrow::Cow;

pub(crate) use necessary::{Constraint, Facts};
pub(crate) use number::{Decimal, Integer};
pub(crate) use outlook::{Outlook, Subject};
pub use source::ExpressionError;
pub(crate) use span::Span;
pub(crate) use value::{Gap, Type, Value};

/// Longest expression, in characters.
pub const EXPRESSION_CHARS_MAX: usize = 2_048;
/// Most nodes of an expression's tree.
pub const EXPRESSION_NODES_MAX: usize = 400;
/// Deepest nesting of brackets. The parser takes 175 kB of stack for each in a debug build, and threads have 2 MB.
pub const EXPRESSION_BRACKETS_MAX: usize = 8;
/// Deepest tree.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Deepest nesting of `exists` and `all`; each multiplies the work by the length of its list.
pub const COMPREHENSION_DEPTH_MAX: usize = 2;
/// Nodes visited in one evaluation before it is given up as unknown: two nested walks over the 500
/// addresses an Attack Detector alert may carry stay below it when their body is small.
pub const EVALUATION_STEPS_MAX: u32 = 2_000_000;

/// How like a known name a suggestion must be (Jaro-Winkler, 0 to 1).
const NEAREST_LIKENESS_MIN: f64 = 0.75;

/// What names and functions mean.
pub(crate) trait Vocabulary {
    /// A value that is known only at evaluation.
    type Leaf: Clone + std::fmt::Debug;

    /// The meaning of a dotted name, such as `alert.block.number`; the error is a sentence.
    fn name(&mut self, path: &[String]) -> Result<Resolved<Self::Leaf>, String>;

    /// The meaning of a function called with literal texts (`None` for any other argument); `None` when it
    /// is no function of this vocabulary.
    fn call(
        &mut self,
        name: &str,
        arguments: &[Option<&str>],
    ) -> Option<Result<Resolved<Self::Leaf>, String>>;

    /// The functions it adds, for suggestions.
    fn functions(&self) -> &'static [&'static str];
}

/// What a name or a call turned out to be.
#[derive(Clone, Debug)]
pub(crate) enum Resolved<L> {
    /// Known now.
    Constant(Value, Type),
    /// Known at evaluation.
    Leaf(L, Type),
    /// True or false, as another expression says: a macro.
    Truth(Expression<L>),
}

/// A checked expression whose open values are `L`.
#[derive(Clone, Debug)]
pub(crate) struct Expression<L> {
    root: Node<L>,
}

impl<L: Clone + std::fmt::Debug> Expression<L> {
    /// Checks `text`, which must be of type `wanted`.
    pub(crate) fn compile<V: Vocabulary<Leaf = L>>(
        text: &str,
        vocabulary: &mut V,
        wanted: &Type,
    ) -> Result<Self, Vec<ExpressionError>> {
        let source = source::Source::parse(text)?;
        check::check(&source, vocabulary, wanted).map(|root| Self { root })
    }
}

impl<L> Expression<L> {
    /// Evaluates, asking `leaf` for open values.
    pub(crate) fn evaluate_bool<'e>(
        &'e self,
        leaf: &dyn Fn(&'e L) -> Result<Cow<'e, Value>, Gap>,
    ) -> Result<bool, Gap> {
        evaluate::Evaluation::new(leaf).truth(&self.root)
    }
}

/// A checked node. Types were settled by the checker; a value of another type is a [`Gap`] nobody should see.
#[derive(Clone, Debug)]
enum Node<L> {
    Constant(Value),
    Leaf(L),
    /// The variable of an enclosing `exists` or `all`, counted from the outermost.
    Local(usize),
    Has(L),
    Not(Box<Node<L>>),
    And(Box<[Node<L>; 2]>),
    Or(Box<[Node<L>; 2]>),
    /// Condition, then, else.
    Choose(Box<[Node<L>; 3]>),
    Compare(Comparison, Box<[Node<L>; 2]>),
    Calculate(Arithmetic, Box<[Node<L>; 2]>),
    /// Item, list.
    In(Box<[Node<L>; 2]>),
    List(Vec<Node<L>>),
    /// List, position.
    Index(Box<[Node<L>; 2]>),
    Size(Box<Node<L>>),
    /// Text, part.
    Test(TextTest, Box<[Node<L>; 2]>),
    /// List, body; the list's items become the innermost local.
    Quantify(Quantifier, Box<[Node<L>; 2]>),
}

impl<L> Node<L> {
    /// What it is made of.
    fn parts_mut(&mut self) -> &mut [Self] {
        match self {
            Self::Constant(_) | Self::Leaf(_) | Self::Local(_) | Self::Has(_) => &mut [],
            Self::Not(part) | Self::Size(part) => std::slice::from_mut(part),
            Self::And(parts)
            | Self::Or(parts)
            | Self::Compare(_, parts)
            | Self::Calculate(_, parts)
            | Self::In(parts)
            | Self::Index(parts)
            | Self::Test(_, parts)
            | Self::Quantify(_, parts) => parts.as_mut_slice(),
            Self::Choose(parts) => parts.as_mut_slice(),
            Self::List(items) => items,
        }
    }

    /// The same below `by` more variables; gives how many nodes it has and how deep it and its quantifiers are.
    fn sink(&mut self, by: usize) -> Extent {
        if let Self::Local(slot) = self {
            *slot = slot.saturating_add(by);
        }
        let quantifiers = usize::from(matches!(self, Self::Quantify(..)));
        let mut extent = Extent { nodes: 1, depth: 1, quantifiers };
        for part in self.parts_mut() {
            let below = part.sink(by);
            extent.nodes = extent.nodes.saturating_add(below.nodes);
            extent.depth = extent.depth.max(below.depth.saturating_add(1));
            extent.quantifiers = extent.quantifiers.max(below.quantifiers.saturating_add(quantifiers));
        }
        extent
    }
}

/// How large a tree is.
#[derive(Clone, Copy)]
struct Extent {
    nodes: usize,
    depth: usize,
    quantifiers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    Exists,
    All,
}

/// `; did you mean "vault"?` when something known is like `name`, else nothing.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let wanted = name.to_ascii_lowercase();
    known
        .map(|known| (strsim::jaro_winkler(&known.to_ascii_lowercase(), &wanted), known))
        .filter(|(likeness, _)| *likeness >= NEAREST_LIKENESS_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.1.cmp(left.1)))
        .map_or_else(String::new, |(_, known)| format!("; did you mean \"{known}\"?"))
}

#[cfg(test)]
mod tests;
