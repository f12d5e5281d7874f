//! A view that is read again and again, and the bound it must not cross.

use std::fmt;
use std::time::Duration;

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::primitives::{Address, Bytes};

use super::make::{cut, text};
use super::number::{DECIMALS_MAX, Decimal, Whole};
use super::{Subject, SubjectKind};
use crate::domain::alert::AlertSeverity;
use crate::domain::contract::{CallError, Contract, ContractCall};

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    /// Longer ones first, so that `<=` is not read as `<`.
    const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    fn holds(self, left: Whole, right: Whole) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, one)| one == self).map_or("", |(word, _)| word);
        f.pad(word)
    }
}

/// A side of a bound.
#[derive(Clone, Debug, PartialEq)]
enum Side {
    /// What this call, by its place among the calls, returns.
    Call(usize),
    /// This number, in the view's unit.
    Number(Decimal),
}

/// When a view is worth an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Whenever it returns something else.
    Changes,
    /// When this begins to hold.
    Holds(Comparison),
}

/// How many decimals the unit of a bound's numbers has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Fixed(u8),
    /// What this call returns.
    Call(usize),
}

/// What people wrote about a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewText {
    /// `bound = "totalAssets() < totalSupply()"`.
    pub bound: Option<String>,
    /// `call = "owner()"`.
    pub call: Option<String>,
    /// `below = "1_000.5"`.
    pub below: Option<String>,
    /// `above = "1_000.5"`.
    pub above: Option<String>,
    /// `changes = true`.
    pub changes: bool,
    /// `decimals = "6"` or `decimals = "decimals()"`.
    pub decimals: Option<String>,
}

/// Why a view cannot be watched.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence says it")]
pub enum ViewProblem {
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("`{0}` compares nothing; write one of < <= > >= == != between a call and a call or a number")]
    NoComparison(String),
    #[error("{0}")]
    Number(String),
    #[error("`{0}` compares two numbers, and reads nothing")]
    NothingRead(String),
    #[error("{0} does not return one number, so that it cannot be compared; `changes = true` takes any")]
    NotANumber(String),
    #[error("write either `bound`, or `call` with one of `below`, `above` and `changes = true`")]
    Unclear,
    #[error("decimals = \"{0}\" is neither a number of at most {DECIMALS_MAX} nor a call such as decimals()")]
    Decimals(String),
}

/// A view that is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Its name: the `alert_id` of its alerts.
    pub name: String,
    /// Whose view it is.
    pub subject: Subject,
    /// How bad an alert says it is.
    pub severity: AlertSeverity,
    /// How long between two reads; none: at each new block.
    pub every: Option<Duration>,
    /// What it says, in one line: with another, everything remembered of it is void.
    pub definition: String,
    /// When it is worth an alert.
    pub bound: Bound,
    calls: Vec<ContractCall>,
    sides: Option<(Side, Side)>,
    unit: Unit,
}

/// What a view said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether it is beyond its bound; `None` of one that may only change.
    pub beyond: Option<bool>,
    /// What was read, for people, and compared where it may only change.
    pub value: String,
}

impl View {
    /// Finds the calls in the contract's ABI, and the bound.
    ///
    /// # Errors
    /// What is wrong with what was written.
    pub fn compile(
        name: String,
        contract: &Contract,
        written: &ViewText,
        severity: AlertSeverity,
        every: Option<Duration>,
    ) -> Result<Self, ViewProblem> {
        let (bound, left, right) = match written {
            ViewText { bound: Some(bound), call: None, below: None, above: None, changes: false, .. } => {
                let (left, comparison, right) =
                    split(bound).ok_or_else(|| ViewProblem::NoComparison(bound.clone()))?;
                (Bound::Holds(comparison), left, Some(right))
            }
            ViewText {
                bound: None,
                call: Some(call),
                below: Some(below),
                above: None,
                changes: false,
                ..
            } => (Bound::Holds(Comparison::Less), call.as_str(), Some(below.as_str())),
            ViewText {
                bound: None,
                call: Some(call),
                below: None,
                above: Some(above),
                changes: false,
                ..
            } => (Bound::Holds(Comparison::Greater), call.as_str(), Some(above.as_str())),
            ViewText { bound: None, call: Some(call), below: None, above: None, changes: true, .. } => {
                (Bound::Changes, call.as_str(), None)
            }
            ViewText { .. } => return Err(ViewProblem::Unclear),
        };
        let mut calls = Vec::new();
        let mut side = |text: &str| -> Result<Side, ViewProblem> {
            if !text.contains('(') {
                return text.parse().map(Side::Number).map_err(ViewProblem::Number);
            }
            let call = contract.resolve_read(text)?;
            if right.is_some() && !is_a_number(&call) {
                return Err(ViewProblem::NotANumber(call.signature));
            }
            calls.push(call);
            Ok(Side::Call(calls.len().saturating_sub(1)))
        };
        let first = side(left)?;
        let sides = match right {
            Some(right) => Some((first, side(right)?)),
            None => None,
        };
        if calls.is_empty() {
            return Err(ViewProblem::NothingRead(format!("{left} {}", right.unwrap_or_default())));
        }
        let unit = match written.decimals.as_deref().map(str::trim) {
            None => Unit::Fixed(0),
            Some(text) => match text.parse::<u8>() {
                Ok(decimals) if decimals <= DECIMALS_MAX => Unit::Fixed(decimals),
                Ok(_) => return Err(ViewProblem::Decimals(text.to_owned())),
                Err(_) if text.contains('(') => {
                    let call = contract.resolve_read(text)?;
                    if !is_a_number(&call) {
                        return Err(ViewProblem::NotANumber(call.signature));
                    }
                    calls.push(call);
                    Unit::Call(calls.len().saturating_sub(1))
                }
                Err(_) => return Err(ViewProblem::Decimals(text.to_owned())),
            },
        };
        if let (Unit::Fixed(decimals), Some((left, right))) = (unit, &sides) {
            for number in [left, right] {
                if let Side::Number(number) = number {
                    number.scaled(decimals).map_err(ViewProblem::Number)?;
                }
            }
        }
        let definition = match (bound, right) {
            (Bound::Holds(comparison), Some(right)) => {
                let unit = written.decimals.as_ref().map(|unit| format!(" with {unit} decimals"));
                format!("{} {comparison} {}{}", left.trim(), right.trim(), unit.unwrap_or_default())
            }
            (Bound::Holds(_) | Bound::Changes, _) => format!("{} changes", left.trim()),
        };
        let subject = Subject {
            name: contract.name.to_string(),
            kind: SubjectKind::Contract,
            address: contract.address,
        };
        Ok(Self { name, subject, severity, every, definition, bound, calls, sides, unit })
    }

    /// What is to be asked, in the order in which [`View::judge`] takes the answers.
    pub fn questions(&self) -> impl Iterator<Item = (Address, Bytes)> {
        self.calls.iter().map(|call| (call.address, call.data.clone()))
    }

    /// What the answers say.
    ///
    /// # Errors
    /// Why that cannot be told: what was not answered is neither beyond the bound nor within it.
    pub fn judge(&self, answers: &[Result<Bytes, String>]) -> Result<Judged, String> {
        let mut values = Vec::with_capacity(self.calls.len());
        for (position, call) in self.calls.iter().enumerate() {
            let answer = answers.get(position).cloned();
            let answer = answer.unwrap_or_else(|| Err("it was not asked".to_owned()))?;
            values.push(call.decode_output(&answer).map_err(|error| error.to_string())?);
        }
        let (Bound::Holds(comparison), Some((left, right))) = (self.bound, &self.sides) else {
            let first: Vec<String> = values.first().into_iter().flatten().map(text).collect();
            return Ok(Judged { beyond: None, value: cut(&first.join(", ")) });
        };
        let number = |index: usize| {
            let value: Option<&DynSolValue> = values.get(index).and_then(|values| values.first());
            value.and_then(Whole::of).ok_or_else(|| "it did not return a number".to_owned())
        };
        let decimals = match self.unit {
            Unit::Fixed(decimals) => decimals,
            Unit::Call(index) => {
                let said = number(index)?;
                said.as_decimals().ok_or_else(|| format!("{said} is no number of decimals"))?
            }
        };
        let whole = |side: &Side| match side {
            Side::Call(index) => number(*index),
            Side::Number(number) => number.scaled(decimals),
        };
        let (left, right) = (whole(left)?, whole(right)?);
        Ok(Judged { beyond: Some(comparison.holds(left, right)), value: format!("{left}, {right}") })
    }
}

fn is_a_number(call: &ContractCall) -> bool {
    let [output] = call.outputs.as_slice() else { return false };
    matches!(output.kind, DynSolType::Uint(_) | DynSolType::Int(_) | DynSolType::Bool)
}

/// The comparison that stands outside of parentheses and quotes, and what stands on its sides.
fn split(text: &str) -> Option<(&str, Comparison, &str)> {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth = depth.saturating_add(1),
            ')' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0 || quoted {
            continue;
        }
        let (left, rest) = text.split_at_checked(at)?;
        for (word, comparison) in Comparison::ALL {
            if let Some(right) = rest.strip_prefix(word) {
                return Some((left.trim(), comparison, right.trim()));
            }
        }
    }
    None
}
