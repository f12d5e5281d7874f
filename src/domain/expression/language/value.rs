//! Values, their types, and the lack of one.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;

use super::number::{Decimal, Integer, Number};

/// A value at evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Bool(bool),
    Int(Integer),
    Decimal(Decimal),
    Text(String),
    Time(Timestamp),
    /// Text of an alert's metadata: a number where it is compared with one.
    Loose {
        field: String,
        text: String,
    },
    /// Also the value of a tuple.
    List(Vec<Value>),
}

/// What a value will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Decimal,
    Text,
    Time,
    Loose,
    List(Box<Type>),
    Tuple(Vec<(String, Type)>),
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// The alert has no such field.
    Lacks(String),
    /// The alert's field is compared with a number or a bool and is none.
    Unfit { field: String, wanted: &'static str },
    /// Anything else: a read that failed, an overflow, too many steps. A sentence.
    Failed(String),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(field) => write!(f, "the alert has no {field}"),
            Self::Unfit { field, wanted } => write!(f, "the alert's {field} is not {wanted}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("a whole number"),
            Self::Decimal => f.write_str("a decimal number"),
            Self::Text => f.write_str("text"),
            Self::Time => f.write_str("a time"),
            Self::Loose => f.write_str("a metadata field"),
            Self::List(item) => write!(f, "a list of {}", item.plural()),
            Self::Tuple(items) => write!(f, "{} values", items.len()),
        }
    }
}

impl Type {
    fn plural(&self) -> &'static str {
        match self {
            Self::Bool => "truths",
            Self::Int => "whole numbers",
            Self::Decimal => "decimal numbers",
            Self::Text => "texts",
            Self::Time => "times",
            Self::Loose => "metadata fields",
            Self::List(_) | Self::Tuple(_) => "lists",
        }
    }

    /// Whether `==` between the two means something.
    pub(super) fn equates(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool, Self::Bool) | (Self::Text, Self::Text) | (Self::Time, Self::Time) => true,
            (Self::Int | Self::Decimal, Self::Int | Self::Decimal) => true,
            (Self::Loose, other) | (other, Self::Loose) => {
                matches!(other, Self::Loose | Self::Bool | Self::Int | Self::Decimal | Self::Text)
            }
            (Self::List(left), Self::List(right)) => left.equates(right),
            (
                Self::Bool
                | Self::Int
                | Self::Decimal
                | Self::Text
                | Self::Time
                | Self::List(_)
                | Self::Tuple(_),
                Self::Bool
                | Self::Int
                | Self::Decimal
                | Self::Text
                | Self::Time
                | Self::List(_)
                | Self::Tuple(_),
            ) => false,
        }
    }

    /// Whether `<` between the two means something: numbers and times have an order, text has none here.
    pub(super) fn orders(&self, other: &Self) -> bool {
        let number = |kind: &Self| matches!(kind, Self::Int | Self::Decimal | Self::Loose);
        (number(self) && number(other)) || (*self == Self::Time && *other == Self::Time)
    }
}

impl Value {
    /// `==`, by the rules the checker enforced.
    pub(super) fn same(&self, other: &Self) -> Result<bool, Gap> {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => Ok(left == right),
            (Self::Text(left), Self::Text(right)) => Ok(left.eq_ignore_ascii_case(right)),
            (Self::Time(left), Self::Time(right)) => Ok(left == right),
            (Self::Loose { text, .. }, Self::Text(right)) | (Self::Text(right), Self::Loose { text, .. }) => {
                Ok(text.eq_ignore_ascii_case(right))
            }
            (Self::Loose { text, field }, Self::Bool(wanted))
            | (Self::Bool(wanted), Self::Loose { text, field }) => match text.trim() {
                "true" => Ok(*wanted),
                "false" => Ok(!wanted),
                _other => Err(Gap::Unfit { field: field.clone(), wanted: "true or false" }),
            },
            (Self::Loose { text: left, .. }, Self::Loose { text: right, .. }) => {
                match (Number::parse_decimal(left), Number::parse_decimal(right)) {
                    (Some(left), Some(right)) => Ok(left.compare(&right).is_eq()),
                    (_, _) => Ok(left.eq_ignore_ascii_case(right)),
                }
            }
            (Self::List(left), Self::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (left, right) in left.iter().zip(right) {
                    if !left.same(right)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (left, right) => left.order(right).map(Ordering::is_eq),
        }
    }

    /// `<` and its kin, by the rules the checker enforced.
    pub(super) fn order(&self, other: &Self) -> Result<Ordering, Gap> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Ok(left.cmp(right)),
            (Self::Time(left), Self::Time(right)) => Ok(left.cmp(right)),
            (left, right) => Ok(left.number()?.compare(&right.number()?)),
        }
    }

    fn number(&self) -> Result<Number, Gap> {
        match self {
            Self::Int(number) => Ok(Number::Whole(*number)),
            Self::Decimal(number) => Ok(Number::Decimal(number.clone())),
            Self::Loose { field, text } => {
                Number::parse(text).ok_or_else(|| Gap::Unfit { field: field.clone(), wanted: "a number" })
            }
            Self::Bool(_) | Self::Text(_) | Self::Time(_) | Self::List(_) => Err(self.unexpected("a number")),
        }
    }

    /// A gap that the checker should have made impossible; it is an answer of "unknown", not a panic.
    pub(super) fn unexpected(&self, wanted: &str) -> Gap {
        let found = match self {
            Self::Bool(_) => Type::Bool.to_string(),
            Self::Int(_) => Type::Int.to_string(),
            Self::Decimal(_) => Type::Decimal.to_string(),
            Self::Text(_) => Type::Text.to_string(),
            Self::Time(_) => Type::Time.to_string(),
            Self::Loose { .. } => Type::Loose.to_string(),
            Self::List(_) => "a list".to_owned(),
        };
        Gap::Failed(format!("found {found} where {wanted} was expected"))
    }

    pub(super) fn text(&self) -> Result<&str, Gap> {
        match self {
            Self::Text(text) | Self::Loose { text, .. } => Ok(text),
            Self::Bool(_) | Self::Int(_) | Self::Decimal(_) | Self::Time(_) | Self::List(_) => {
                Err(self.unexpected("text"))
            }
        }
    }
}
