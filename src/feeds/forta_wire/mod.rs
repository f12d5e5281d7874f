//! One alert as Forta's API, its nodes and everything Forta-shaped write it, read into the domain's form.
//!
//! Strict where meaning is at stake: identity, source, chain, severity and times must be there and be right,
//! and what is over a bound is refused by that bound's name. Lenient where the wild is: nulls for promised
//! values, either word for information, addresses in any case, metadata of any type, no block, no
//! transaction. A [`Malformed`] repeats nothing that the sender wrote.
//!
//! What is deliberately not here: whether the alert matters, and whether its sender may be believed.

mod bloom;
mod field;
mod json;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::field::Field;
use self::json::{Json, Number, Object};
use crate::domain::alert::{Alert, AlertBlock, AlertHash, AlertLabel, AlertSeverity, BotId};
use crate::domain::names::{ChainId, FeedName};

pub use self::bloom::{BLOOM_HASHES_MAX, BLOOM_WORDS_MAX};

/// The longest alert, in bytes. The longest of the recorded shape is about 130 kB.
pub const ALERT_BODY_MAX_BYTES: usize = 1024 * 1024;

/// The deepest nesting of lists and objects in an alert; a Forta alert needs 5.
pub const ALERT_DEPTH_MAX: usize = 64;

/// The most addresses of an alert. The API sends 50; a local node sends all of a transaction's.
pub const ALERT_ADDRESSES_MAX: usize = 4_096;

/// The most metadata entries of an alert; the Attack Detector writes up to about 700.
pub const ALERT_METADATA_MAX: usize = 4_096;

/// The most hashes of related alerts.
pub const ALERT_RELATED_MAX: usize = 1_024;

/// The most labels of an alert; a node's cap on findings is 1,000.
pub const ALERT_LABELS_MAX: usize = 1_024;

/// The longest bot id, in bytes; Forta's have 66.
pub const BOT_ID_MAX_BYTES: usize = 128;

/// Why some bytes are not an alert. The reason is ours: safe to show, and of bounded length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// What is wrong.
    pub reason: String,
}

impl Malformed {
    pub(in crate::feeds) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    pub(in crate::feeds) fn over(what: &str, bound: &str, max: usize) -> Self {
        Self::new(format!("{what}: over {bound} ({max})"))
    }
}

/// The outermost object. Typed so that a field given twice is refused instead of the last one winning.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Node<'a> {
    hash: Json<'a>,
    alert_id: Json<'a>,
    name: Json<'a>,
    description: Json<'a>,
    protocol: Json<'a>,
    severity: Json<'a>,
    finding_type: Json<'a>,
    created_at: Json<'a>,
    addresses: Json<'a>,
    truncated: Json<'a>,
    address_bloom_filter: Json<'a>,
    chain_id: Json<'a>,
    related_alerts: Json<'a>,
    alert_document_type: Json<'a>,
    labels: Json<'a>,
    source: Json<'a>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// Reads one alert.
///
/// # Errors
/// [`Malformed`] with the first thing that is wrong.
pub fn parse_alert(raw: &[u8], feed: &FeedName, authenticated: bool) -> Result<Alert, Malformed> {
    parse_alert_of(raw, feed, authenticated, None)
}

/// The same, where the feed says which chain is meant by an alert that names none: a node scans one chain, and what it says of
/// a combiner bot has no block.
///
/// # Errors
/// [`Malformed`] with the first thing that is wrong.
pub(in crate::feeds) fn parse_alert_of(
    raw: &[u8],
    feed: &FeedName,
    authenticated: bool,
    otherwise: Option<ChainId>,
) -> Result<Alert, Malformed> {
    let text = checked_text(raw)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let node = Node::deserialize(&mut json).map_err(not_json)?;
    json.end().map_err(|_more| Malformed::new("more follows after the alert"))?;
    node.check(feed, authenticated, otherwise)
}

fn checked_text(raw: &[u8]) -> Result<&str, Malformed> {
    let text = checked_json(raw)?;
    if text.trim_ascii_start().starts_with('{') { Ok(text) } else { Err(Malformed::new("not a JSON object")) }
}

/// Text within the bounds of any alert, which a parser may be given.
pub(in crate::feeds) fn checked_json(raw: &[u8]) -> Result<&str, Malformed> {
    if raw.len() > ALERT_BODY_MAX_BYTES {
        return Err(Malformed::over("the alert, in bytes", "ALERT_BODY_MAX_BYTES", ALERT_BODY_MAX_BYTES));
    }
    if raw.starts_with(b"\xef\xbb\xbf") {
        return Err(Malformed::new("starts with a byte order mark, which JSON does not allow"));
    }
    let text = std::str::from_utf8(raw).map_err(|_invalid| Malformed::new("not UTF-8"))?;
    if deeper_than(text, ALERT_DEPTH_MAX) {
        return Err(Malformed::over("nesting", "ALERT_DEPTH_MAX", ALERT_DEPTH_MAX));
    }
    Ok(text)
}

/// Counts brackets outside of strings: cheaper than finding out on the parser's stack.
fn deeper_than(text: &str, max: usize) -> bool {
    // Most alerts have fewer brackets than that, strings included: counting all is many times quicker.
    if text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= max {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth = depth.saturating_add(1),
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

fn not_json(error: serde_json::Error) -> Malformed {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => Malformed::new("cut short: the JSON does not end"),
        Category::Data => Malformed::new("a field is given twice"),
        Category::Syntax | Category::Io => {
            Malformed::new(format!("not JSON at line {}, column {}", error.line(), error.column()))
        }
    }
}

impl Node<'_> {
    fn check(
        &self,
        feed: &FeedName,
        authenticated: bool,
        otherwise: Option<ChainId>,
    ) -> Result<Alert, Malformed> {
        if self.alert_document_type.as_str() == Some("PRIVATE") {
            return Err(Malformed::new("a private alert: what it says is encrypted"));
        }
        let source = Field::new("source", &self.source)
            .object()?
            .ok_or_else(|| Malformed::new("source is missing: nobody makes this claim"))?;
        let block = Field::of(Some(source), "source.block").object()?;
        let trigger = Field::of(Some(source), "source.sourceAlert").object()?;
        // As a node calls it.
        let event = Field::of(Some(source), "source.sourceEvent").object()?;
        Ok(Alert {
            feed: feed.clone(),
            authenticated,
            hash: needed_hash(Field::new("hash", &self.hash))?,
            alert_id: Field::new("alertId", &self.alert_id).needed_text()?.to_owned(),
            name: Field::new("name", &self.name).text()?.to_owned(),
            description: Field::new("description", &self.description).text()?.to_owned(),
            protocol: Field::new("protocol", &self.protocol).text()?.to_owned(),
            severity: severity(Field::new("severity", &self.severity))?,
            finding_type: finding_type(&self.finding_type).to_owned(),
            bot: bot(source)?,
            chain: self.chain(block, trigger, otherwise)?,
            block: read_block(block)?,
            transaction: Field::of(Some(source), "source.transactionHash").hash()?,
            addresses: addresses(Field::new("addresses", &self.addresses))?,
            truncated: Field::new("truncated", &self.truncated).flag()?,
            bloom: bloom::parse(Field::new("addressBloomFilter", &self.address_bloom_filter))?,
            metadata: metadata(self.metadata)?,
            created_at: Field::new("createdAt", &self.created_at).instant()?,
            related: related(Field::new("relatedAlerts", &self.related_alerts), trigger, event)?,
            labels: labels(Field::new("labels", &self.labels))?,
        })
    }

    /// The chain is written in up to three places; where they disagree, nobody can say which was meant.
    fn chain(
        &self,
        block: Option<&Object<'_>>,
        trigger: Option<&Object<'_>>,
        otherwise: Option<ChainId>,
    ) -> Result<ChainId, Malformed> {
        let said = |field: Field<'_>| Ok::<_, Malformed>(field.whole()?.filter(|id| *id != 0));
        let own = said(Field::new("chainId", &self.chain_id))?;
        let of_block = said(Field::of(block, "source.block.chainId"))?;
        let of_trigger = said(Field::of(trigger, "source.sourceAlert.chainId"))?;
        match (own, of_block) {
            (Some(own), Some(of_block)) if own != of_block => {
                Err(Malformed::new("chainId and source.block.chainId differ"))
            }
            (Some(id), Some(_) | None) | (None, Some(id)) => Ok(ChainId(id)),
            // A local node's combiner alerts have no block, and then only what triggered them names a chain, or nothing.
            (None, None) => of_trigger.map(ChainId).or(otherwise).ok_or_else(|| {
                Malformed::new("chainId is missing, and no block or source alert names a chain")
            }),
        }
    }
}

fn needed_hash(field: Field<'_>) -> Result<AlertHash, Malformed> {
    let hash = field.hash()?.ok_or_else(|| Malformed::new(format!("{} is missing", field.name)))?;
    Ok(AlertHash(hash.to_string()))
}

/// The words of the API, or the SDK's numbers. An unknown word is refused: taken for UNKNOWN, a misspelt
/// CRITICAL would pass below every rule.
fn severity(field: Field<'_>) -> Result<AlertSeverity, Malformed> {
    const BY_NUMBER: [(&str, AlertSeverity); 6] = [
        ("UNKNOWN", AlertSeverity::Unknown),
        ("INFO", AlertSeverity::Info),
        ("LOW", AlertSeverity::Low),
        ("MEDIUM", AlertSeverity::Medium),
        ("HIGH", AlertSeverity::High),
        ("CRITICAL", AlertSeverity::Critical),
    ];
    let found = if matches!(field.value, Json::Number(_)) {
        field.whole()?.and_then(|number| BY_NUMBER.get(usize::try_from(number).ok()?))
    } else {
        let word = field.needed_text()?;
        BY_NUMBER.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))
    };
    found
        .map(|(_, severity)| *severity)
        .ok_or_else(|| field.wrong("one of UNKNOWN, INFO, LOW, MEDIUM, HIGH, CRITICAL"))
}

/// Nothing is decided by the type alone, so one we do not know is UNKNOWN. The API reference says INFO where
/// recorded answers say INFORMATION.
fn finding_type(value: &Json<'_>) -> &'static str {
    let word = match value {
        Json::Text(word) => word.trim().to_ascii_uppercase(),
        Json::Number(Number::Whole(number)) => number.to_string(),
        Json::Number(Number::Other) | Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => {
            String::new()
        }
    };
    match word.as_str() {
        "EXPLOIT" | "1" => "EXPLOIT",
        "SUSPICIOUS" | "2" => "SUSPICIOUS",
        "DEGRADED" | "3" => "DEGRADED",
        "INFO" | "INFORMATION" | "4" => "INFO",
        "SCAM" | "5" => "SCAM",
        _ => "UNKNOWN",
    }
}

/// An id that looks like Forta's must be one: a digit short, it would match no rule and nobody would know.
fn bot(source: &Object<'_>) -> Result<BotId, Malformed> {
    let bot = Field::of(Some(source), "source.bot").object()?;
    let id = Field::of(bot, "source.bot.id");
    let text = id.needed_text()?;
    if text.len() > BOT_ID_MAX_BYTES {
        return Err(Malformed::over("source.bot.id, in bytes", "BOT_ID_MAX_BYTES", BOT_ID_MAX_BYTES));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(id.wrong("printable ASCII without spaces"));
    }
    if text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) && field::hash(text).is_none() {
        return Err(id.wrong("0x and 64 hex digits"));
    }
    Ok(BotId::new(text))
}

/// Combiner alerts come without a block, or with number 0 and nothing else that is true.
fn read_block(block: Option<&Object<'_>>) -> Result<Option<AlertBlock>, Malformed> {
    let number = Field::of(block, "source.block.number").whole()?.unwrap_or(0);
    if number == 0 {
        return Ok(None);
    }
    Ok(Some(AlertBlock {
        number,
        hash: Field::of(block, "source.block.hash").hash()?,
        timestamp: Field::of(block, "source.block.timestamp").instant()?,
    }))
}

/// Bots write what they like here ("", "0x" for a creation's missing recipient, other chains' addresses).
/// Text that is no address cannot be a contract we watch, and must not cost us the alert: it is left out.
fn addresses(field: Field<'_>) -> Result<Vec<Address>, Malformed> {
    let mut addresses = Vec::new();
    for item in field.list("ALERT_ADDRESSES_MAX", ALERT_ADDRESSES_MAX)? {
        // The schema's items may be null, as everything in it.
        if matches!(item, Json::Null) {
            continue;
        }
        let text = item.as_str().ok_or_else(|| field.wrong("a list of text"))?.trim();
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        if digits.len() == 40
            && let Ok(address) = digits.parse()
        {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Values keep their type, but a number that would not be written back as it was read (too long, mostly)
/// keeps its digits as text: amounts are compared exactly.
fn metadata(raw: Option<&RawValue>) -> Result<BTreeMap<String, Value>, Malformed> {
    let Some(raw) = raw else { return Ok(BTreeMap::new()) };
    let entries: BTreeMap<String, &RawValue> =
        serde_json::from_str(raw.get()).map_err(|_other| Malformed::new("metadata is not an object"))?;
    if entries.len() > ALERT_METADATA_MAX {
        return Err(Malformed::over("metadata", "ALERT_METADATA_MAX", ALERT_METADATA_MAX));
    }
    entries.into_iter().map(|(key, raw)| Ok((key, exact(raw)?))).collect()
}

fn exact(raw: &RawValue) -> Result<Value, Malformed> {
    let written = raw.get();
    let quoted = written.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    if let Some(plain) = quoted.filter(|text| !text.contains('\\')) {
        return Ok(Value::String(plain.to_owned()));
    }
    let value: Value = serde_json::from_str(written).map_err(not_json)?;
    let read = value.as_number().map(ToString::to_string);
    Ok(if read.is_some_and(|read| read != written) { Value::String(written.to_owned()) } else { value })
}

fn related(
    field: Field<'_>,
    trigger: Option<&Object<'_>>,
    event: Option<&Object<'_>>,
) -> Result<Vec<AlertHash>, Malformed> {
    let mut related = Vec::new();
    for item in field.list("ALERT_RELATED_MAX", ALERT_RELATED_MAX)? {
        let text = item.as_str().ok_or_else(|| field.wrong("a list of text"))?.trim();
        if !text.is_empty() {
            related.push(AlertHash(text.to_ascii_lowercase()));
        }
    }
    let triggers =
        [Field::of(trigger, "source.sourceAlert.hash"), Field::of(event, "source.sourceEvent.alertHash")];
    for trigger in triggers {
        let trigger = trigger.text()?.trim().to_ascii_lowercase();
        if !trigger.is_empty() && !related.iter().any(|hash| hash.0 == trigger) {
            related.push(AlertHash(trigger));
        }
    }
    Ok(related)
}

fn labels(field: Field<'_>) -> Result<Vec<AlertLabel>, Malformed> {
    let mut labels = Vec::new();
    for item in field.list("ALERT_LABELS_MAX", ALERT_LABELS_MAX)? {
        let label = Field::new("labels[]", item).object()?;
        let entity = Field::of(label, "labels[].entity").text()?.trim();
        let is_hex = entity.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        labels.push(AlertLabel {
            label: Field::of(label, "labels[].label").text()?.to_owned(),
            entity: if is_hex { entity.to_ascii_lowercase() } else { entity.to_owned() },
            remove: Field::of(label, "labels[].remove").flag()?,
        });
    }
    Ok(labels)
}
