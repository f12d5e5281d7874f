//! QuickNode's streams and webhooks: what comes is a data set as nodes write it, or what a filter of one's own makes of it.
//!
//! Unless a filter leaves it away, the data stand in `data` beside `metadata`, which names the network. Data sets are lists
//! in lists (logs by transaction, by block): each innermost object is judged by itself. What names a transaction is known by
//! it, other things by their content.

use alloy::primitives::keccak256;
use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, instant, text, whole};
use super::{Claims, Hearing};
use crate::domain::alert::{AlertBlock, AlertSeverity};
use crate::feeds::forta_wire::Malformed;

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let metadata = at(body, &["metadata"]);
    let data = at(body, &["data"]);
    let is_enveloped = metadata.is_object() && (data.is_array() || data.is_object() || data.is_null());
    let has_data = body.as_object().is_some_and(|body| body.contains_key("data"));
    let mut parts = Vec::new();
    innermost(if is_enveloped && has_data { data } else { body }, &mut parts);
    let network = text(at(metadata, &["network"]));
    hearing.each(parts, |part| one(hearing, &network, part))
}

/// What stands in lists in lists, in order. Nothing found is no thing.
fn innermost<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| innermost(item, found)),
        Value::Null => {}
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(value),
    }
}

fn one(hearing: &Hearing<'_>, network: &str, part: &Value) -> Result<Claim, Malformed> {
    let fields = part.as_object().ok_or_else(|| Malformed::new("not an object"))?;
    // A block, or a block with its receipts: its hash is no transaction's.
    let within = if at(part, &["block"]).is_object() { at(part, &["block"]) } else { part };
    let is_block = !at(within, &["parentHash"]).is_null();
    let names: &[&str] = if is_block { &[] } else { &["transactionHash", "hash", "txHash"] };
    let (number, block_hash) = if is_block { ("number", "hash") } else { ("blockNumber", "blockHash") };
    let made = ["timestamp", "blockTimestamp"].iter().find_map(|key| instant(at(within, &[key])));
    let own = text(at(part, &["network"]));
    let was_removed = at(part, &["removed"]) == &Value::Bool(true);
    Ok(Claim {
        vendor: "quicknode",
        id: keccak256(part.to_string()).to_string(),
        rule: hearing.reading.feed.to_string(),
        severity: was_removed.then_some(AlertSeverity::Info),
        at: made,
        network: [own, network.to_owned()].into_iter().find(|network| !network.is_empty()),
        block: whole(at(within, &[number])).map(|number| AlertBlock {
            number,
            hash: hash(at(within, &[block_hash])),
            timestamp: made.unwrap_or(hearing.received),
        }),
        transaction: names.iter().find_map(|key| hash(at(part, &[key]))),
        addresses: addresses(part),
        metadata: flat(fields, ""),
        ..Claim::default()
    })
}
