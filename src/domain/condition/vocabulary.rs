//! What `alert`, `bots` and the severities mean in a condition.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, hex};

use super::about::{About, Subjects};
use super::attacker;
use super::words::{Used, Words};
use crate::domain::alert::Alert;
use crate::domain::expression::language::{
    Expression, Gap, Integer, Resolved, Type, Value, Vocabulary, nearest,
};
use crate::domain::names::ChainId;

/// A field of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AlertField {
    Severity,
    Bot,
    AlertId,
    Name,
    Description,
    Protocol,
    FindingType,
    Feed,
    Chain,
    Hash,
    Transaction,
    BlockNumber,
    Addresses,
    CreatedAt,
    EventTime,
    Metadata(String),
}

/// The fields by the names a condition uses.
const FIELDS: [(&str, AlertField); 15] = [
    ("severity", AlertField::Severity),
    ("bot", AlertField::Bot),
    ("alert_id", AlertField::AlertId),
    ("name", AlertField::Name),
    ("description", AlertField::Description),
    ("protocol", AlertField::Protocol),
    ("finding_type", AlertField::FindingType),
    ("feed", AlertField::Feed),
    ("chain", AlertField::Chain),
    ("hash", AlertField::Hash),
    ("transaction", AlertField::Transaction),
    ("block.number", AlertField::BlockNumber),
    ("addresses", AlertField::Addresses),
    ("created_at", AlertField::CreatedAt),
    ("event_time", AlertField::EventTime),
];

/// Severities by the numbers of [`crate::domain::alert::AlertSeverity`].
pub(super) const SEVERITIES: [&str; 6] = ["UNKNOWN", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"];

/// Names that a path begins with.
pub(super) const ALERT_WORDS: [&str; 3] = ["alert", "bots", "lists"];

impl AlertField {
    /// As a condition writes it.
    pub(super) fn path(&self) -> String {
        if let Self::Metadata(name) = self {
            return format!("alert.metadata.{name}");
        }
        let known = FIELDS.iter().find(|(_, field)| field == self);
        known.map(|(name, _)| format!("alert.{name}")).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Severity | Self::Chain | Self::BlockNumber => Type::Int,
            Self::Bot
            | Self::AlertId
            | Self::Name
            | Self::Description
            | Self::Protocol
            | Self::FindingType
            | Self::Feed
            | Self::Hash
            | Self::Transaction => Type::Text,
            Self::Addresses => Type::List(Box::new(Type::Text)),
            Self::CreatedAt | Self::EventTime => Type::Time,
            Self::Metadata(_) => Type::Loose,
        }
    }
}

/// Knows `alert.…`, `bots.…`, `lists.…`, the macros and the severities.
pub(super) struct AlertVocabulary<'a> {
    pub(super) words: Words<'a>,
    /// Macros that were read, or what is wrong with them.
    pub(super) expanded: BTreeMap<String, Result<Expression<AlertField>, String>>,
    /// The first macro that was met and is not read yet.
    pub(super) missing: Option<String>,
    pub(super) used: Used,
}

impl<'a> AlertVocabulary<'a> {
    pub(super) fn new(words: Words<'a>) -> Self {
        Self { words, expanded: BTreeMap::new(), missing: None, used: Used::default() }
    }
}

impl Vocabulary for AlertVocabulary<'_> {
    type Leaf = AlertField;

    fn name(&mut self, path: &[String]) -> Result<Resolved<AlertField>, String> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["alert", "metadata", field] => Ok(leaf(AlertField::Metadata((*field).to_owned()))),
            ["alert", "metadata"] => Err("name the metadata field, as in alert.metadata.profit".to_owned()),
            ["alert", "metadata", ..] => Err("metadata fields have no fields of their own".to_owned()),
            ["alert"] => Err("name the alert's field, as in alert.severity".to_owned()),
            ["alert", field @ ..] => {
                let wanted = field.join(".");
                let names = FIELDS.iter().map(|(name, _)| *name);
                FIELDS
                    .iter()
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, field)| leaf(field.clone()))
                    .ok_or_else(|| {
                        let hint = match nearest(&wanted, names.clone()) {
                            hint if hint.is_empty() => {
                                format!("; it has {}, metadata.NAME", names.collect::<Vec<_>>().join(", "))
                            }
                            hint => hint,
                        };
                        format!("an alert has no field \"{wanted}\"{hint}")
                    })
            }
            ["bots", list] => self.bots(list),
            ["bots", ..] => Err("name a list of bots, as in bots.attack_detector".to_owned()),
            ["lists", list] => self.list(list),
            ["lists", ..] => Err("name a list, as in lists.drain_ids".to_owned()),
            [name] if SEVERITIES.contains(name) => {
                let number = SEVERITIES.iter().position(|severity| severity == name).unwrap_or_default();
                let number = Integer::from(u64::try_from(number).unwrap_or_default());
                Ok(Resolved::Constant(Value::Int(number), Type::Int))
            }
            [name, rest @ ..] => {
                if let (Some(found), []) = (self.expand(name), rest) {
                    return found;
                }
                let macros = self.words.macros.keys().map(String::as_str);
                let known = SEVERITIES.iter().copied().chain(ALERT_WORDS).chain(macros);
                Err(format!("unknown name \"{name}\"{}", nearest(name, known)))
            }
            [] => Err("a name is missing".to_owned()),
        }
    }

    fn call(
        &mut self,
        name: &str,
        _arguments: &[Option<&str>],
    ) -> Option<Result<Resolved<AlertField>, String>> {
        let advice = "`when` looks at the alert alone; what the chain must say belongs in `confirm`";
        (name == "read").then(|| Err(advice.to_owned()))
    }

    fn functions(&self) -> &'static [&'static str] {
        &[]
    }
}

impl AlertVocabulary<'_> {
    fn bots(&self, list: &str) -> Result<Resolved<AlertField>, String> {
        match self.words.bots.get(list) {
            Some(bots) if bots.is_empty() => Err(format!("the list of bots \"{list}\" is empty")),
            Some(bots) => {
                let bots = bots.iter().map(|bot| Value::Text(bot.as_str().to_owned())).collect();
                Ok(Resolved::Constant(Value::List(bots), Type::List(Box::new(Type::Text))))
            }
            None => {
                let known = self.words.bots.keys().map(String::as_str);
                let hint = match nearest(list, known.clone()) {
                    hint if hint.is_empty() => {
                        format!("; there are: {}", known.collect::<Vec<_>>().join(", "))
                    }
                    hint => hint,
                };
                Err(format!("there is no list of bots \"{list}\"{hint}"))
            }
        }
    }
}

fn leaf(field: AlertField) -> Resolved<AlertField> {
    let kind = field.kind();
    Resolved::Leaf(field, kind)
}

/// An alert as conditions see it; what costs something to convert is converted once.
pub(super) struct AlertView<'a> {
    alert: &'a Alert,
    bot: OnceCell<Value>,
    alert_id: OnceCell<Value>,
    addresses: OnceCell<Value>,
    subjects: OnceCell<Subjects<'a>>,
    accused: OnceCell<BTreeSet<Address>>,
    candidates: OnceCell<BTreeSet<Address>>,
}

impl<'a> AlertView<'a> {
    pub(super) fn new(alert: &'a Alert) -> Self {
        Self {
            alert,
            bot: OnceCell::new(),
            alert_id: OnceCell::new(),
            addresses: OnceCell::new(),
            subjects: OnceCell::new(),
            accused: OnceCell::new(),
            candidates: OnceCell::new(),
        }
    }

    /// Whether it is about a contract.
    pub(super) fn about(&self, chain: ChainId, address: Address) -> About {
        if self.alert.chain != chain {
            return About::No;
        }
        self.subjects.get_or_init(|| Subjects::of(self.alert)).tell(address)
    }

    /// The accounts it says are the attacker's.
    pub(super) fn accused(&self) -> &BTreeSet<Address> {
        self.accused.get_or_init(|| attacker::accused(self.alert))
    }

    /// Whom it may be about: the accused, or else all it names.
    pub(super) fn candidates(&self) -> &BTreeSet<Address> {
        self.candidates.get_or_init(|| attacker::candidates(self.alert))
    }

    /// The field's value; an empty text is a lack, because feeds write `""` for "none".
    pub(super) fn value(&self, field: &AlertField) -> Result<Cow<'_, Value>, Gap> {
        let alert = self.alert;
        let text = |name: &str, text: &str| match text {
            "" => Err(Gap::Lacks(name.to_owned())),
            text => Ok(Value::Text(text.to_owned())),
        };
        let lacks = |name: &str| Gap::Lacks(name.to_owned());
        let value = match field {
            AlertField::Severity => Value::Int(Integer::from(u64::from(alert.severity as u8))),
            AlertField::Bot => return once(&self.bot, "bot", alert.bot.as_str()),
            AlertField::AlertId => return once(&self.alert_id, "alert_id", &alert.alert_id),
            AlertField::Name => text("name", &alert.name)?,
            AlertField::Description => text("description", &alert.description)?,
            AlertField::Protocol => text("protocol", &alert.protocol)?,
            AlertField::FindingType => text("finding_type", &alert.finding_type)?,
            AlertField::Feed => text("feed", alert.feed.as_str())?,
            AlertField::Chain => Value::Int(Integer::from(alert.chain.0)),
            AlertField::Hash => text("hash", &alert.hash.0)?,
            AlertField::Transaction => {
                Value::Text(hex::encode_prefixed(alert.transaction.ok_or_else(|| lacks("transaction"))?))
            }
            AlertField::BlockNumber => {
                let block = alert.block.as_ref().ok_or_else(|| lacks("block.number"))?;
                Value::Int(Integer::from(block.number))
            }
            AlertField::Addresses => {
                return Ok(Cow::Borrowed(self.addresses.get_or_init(|| addresses(alert))));
            }
            AlertField::CreatedAt => Value::Time(alert.created_at),
            AlertField::EventTime => Value::Time(alert.event_time()),
            AlertField::Metadata(name) => {
                let field = format!("metadata.{name}");
                match alert.metadata.get(name).and_then(metadata_text) {
                    Some(text) => Value::Loose { field, text },
                    None => return Err(Gap::Lacks(field)),
                }
            }
        };
        Ok(Cow::Owned(value))
    }
}

/// A text that most conditions look at.
fn once<'v>(cell: &'v OnceCell<Value>, name: &str, text: &str) -> Result<Cow<'v, Value>, Gap> {
    match text {
        "" => Err(Gap::Lacks(name.to_owned())),
        text => Ok(Cow::Borrowed(cell.get_or_init(|| Value::Text(text.to_owned())))),
    }
}

fn addresses(alert: &Alert) -> Value {
    Value::List(alert.addresses.iter().map(|address| Value::Text(hex::encode_prefixed(address))).collect())
}

/// Lists and objects are their JSON text: some bots write them as text themselves.
fn metadata_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) if text.is_empty() => None,
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => Some(value.to_string()),
    }
}
