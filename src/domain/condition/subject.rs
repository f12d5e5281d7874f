//! What the fields of an alert can be at all, whatever a condition asks of them.
//!
//! It is what the adapters of feeds make of what they read: a field that is empty counts as lacking, a word that is not
//! known becomes one that is. Said here only where it holds of every feed.

use super::vocabulary::{AlertField, SEVERITIES};
use crate::domain::alert::FINDING_TYPES;
use crate::domain::expression::language::{Decimal, Span, Subject};

impl Subject for AlertField {
    fn told(&self) -> String {
        self.path()
    }

    fn number(&self, number: &Decimal) -> String {
        let plain = number.to_string();
        match self {
            Self::Severity => {
                let word = plain.parse::<usize>().ok().and_then(|number| SEVERITIES.get(number).copied());
                word.map_or(plain, str::to_owned)
            }
            Self::CreatedAt | Self::EventTime => {
                let time = plain.parse().ok().and_then(|time| jiff::Timestamp::from_nanosecond(time).ok());
                time.map_or(plain, |time| time.to_string())
            }
            Self::Bot
            | Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::FindingType
            | Self::Feed
            | Self::Chain
            | Self::Hash
            | Self::Transaction
            | Self::BlockNumber
            | Self::Addresses
            | Self::Metadata(_) => plain,
        }
    }

    fn span(&self) -> Span {
        match self {
            Self::Severity => Span::whole_numbers(0, 5),
            Self::Chain | Self::BlockNumber => Span::whole_numbers(0, u64::MAX),
            Self::FindingType => Span::one_of(FINDING_TYPES),
            Self::Bot
            | Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::Feed
            | Self::Hash
            | Self::Transaction
            | Self::Addresses
            | Self::CreatedAt
            | Self::EventTime
            | Self::Metadata(_) => Span::default(),
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self, Self::Severity | Self::Chain | Self::BlockNumber)
    }

    fn is_always_there(&self) -> bool {
        match self {
            Self::Severity
            | Self::Bot
            | Self::Feed
            | Self::Chain
            | Self::Hash
            | Self::FindingType
            | Self::Addresses
            | Self::CreatedAt
            | Self::EventTime => true,
            Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::Transaction
            | Self::BlockNumber
            | Self::Metadata(_) => false,
        }
    }

    fn refuses(&self, text: &str) -> Option<String> {
        let never = |why: &str| Some(format!("{} is never {text:?}: {why}", self.told()));
        if text.is_empty() && *self != Self::Addresses {
            return never(&if self.is_always_there() {
                "it always says something".to_owned()
            } else {
                format!("what is empty counts as lacking; write !has({})", self.told())
            });
        }
        match self {
            Self::Addresses if !is_hex(text, 40) => {
                Some(format!("{} never has {text:?}: an address is 0x and 40 hex digits", self.told()))
            }
            Self::Transaction if !is_hex(text, 64) => never("it is 0x and 64 hex digits"),
            Self::FindingType if !FINDING_TYPES.iter().any(|known| known.eq_ignore_ascii_case(text)) => {
                never(&format!("it is one of {}", FINDING_TYPES.join(", ")))
            }
            Self::Severity
            | Self::Bot
            | Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::FindingType
            | Self::Feed
            | Self::Chain
            | Self::Hash
            | Self::Transaction
            | Self::BlockNumber
            | Self::Addresses
            | Self::CreatedAt
            | Self::EventTime
            | Self::Metadata(_) => None,
        }
    }

    fn size_min(&self) -> u64 {
        u64::from(*self != Self::Addresses)
    }
}

/// `0x` and so many hex digits.
fn is_hex(text: &str, digits: usize) -> bool {
    let hex = text.strip_prefix("0x");
    hex.is_some_and(|hex| hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
