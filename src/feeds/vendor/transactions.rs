//! Vendors who tell that a transaction happened, and leave what it means to the reader.

use alloy::primitives::keccak256;
use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, instant, needed, object, text, whole};
use super::{Claims, Hearing};
use crate::domain::alert::{AlertBlock, AlertSeverity};
use crate::feeds::forta_wire::Malformed;

pub(super) fn tenderly(hearing: &Hearing<'_>, body: &Value) -> Claims {
    hearing.each([body], |body| {
        let id = needed(at(body, &["id"]), "id")?;
        let kind = needed(at(body, &["event_type"]), "event_type")?;
        let transaction = at(body, &["transaction"]);
        let fields = object(transaction, "transaction")?;
        let number = whole(at(transaction, &["block_number"])).filter(|number| *number != 0);
        Ok(Claim {
            vendor: "tenderly",
            // The body names no rule: a rule of one's own has a webhook, and so a feed, of its own.
            rule: hearing.reading.feed.to_string(),
            severity: (kind == "TEST").then_some(AlertSeverity::Info),
            kind,
            network: Some(needed(at(transaction, &["network"]), "transaction.network")?),
            block: number.map(|number| AlertBlock {
                number,
                hash: hash(at(transaction, &["block_hash"])),
                timestamp: hearing.received,
            }),
            transaction: hash(at(transaction, &["hash"])),
            addresses: ["to", "from", "logs"]
                .iter()
                .flat_map(|key| addresses(at(transaction, &[key])))
                .collect(),
            metadata: flat(fields, ""),
            id,
            ..Claim::default()
        })
    })
}

pub(super) fn alchemy(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let id = needed(at(body, &["id"]), "id")?;
    let webhook = needed(at(body, &["webhookId"]), "webhookId")?;
    let kind = needed(at(body, &["type"]), "type")?;
    let event = at(body, &["event"]);
    let network = needed(at(event, &["network"]), "event.network")?;
    let made = instant(at(body, &["createdAt"]));
    let whole_event = std::slice::from_ref(event);
    let activity = at(event, &["activity"]).as_array().map_or(whole_event, Vec::as_slice);
    let claim = |(index, part): (usize, &Value)| {
        let block = at(part, &["data", "block"]);
        let number = whole(at(part, &["blockNum"])).or_else(|| whole(at(block, &["number"])));
        let timestamp = instant(at(block, &["timestamp"])).or(made).unwrap_or(hearing.received);
        Ok(Claim {
            vendor: "alchemy",
            id: format!("{id}|{index}"),
            rule: webhook.clone(),
            kind: kind.clone(),
            at: made,
            network: Some(network.clone()),
            block: number.map(|number| AlertBlock {
                number,
                hash: hash(at(part, &["blockHash"])).or_else(|| hash(at(block, &["hash"]))),
                timestamp,
            }),
            transaction: hash(at(part, &["hash"])),
            addresses: addresses(part),
            metadata: part.as_object().map(|part| flat(part, "")).unwrap_or_default(),
            ..Claim::default()
        })
    };
    let mut claims = Vec::new();
    for (index, part) in activity.iter().enumerate() {
        claims.extend(hearing.each([part], |part| claim((index, part)))?);
    }
    Ok(claims)
}

/// A stream's filter is its user's own, and so is what it sends: a list of anything, or one thing. What names a
/// transaction is known by it, other things by their content.
pub(super) fn quicknode(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let parts = body.as_array().map_or_else(|| vec![body], |items| items.iter().collect());
    hearing.each(parts, |part| {
        let fields = part.as_object().ok_or_else(|| Malformed::new("not an object"))?;
        let transaction =
            ["transactionHash", "hash", "txHash"].into_iter().find_map(|key| hash(at(part, &[key])));
        let number = whole(at(part, &["blockNumber"]));
        let made = instant(at(part, &["timestamp"]));
        Ok(Claim {
            vendor: "quicknode",
            id: keccak256(part.to_string()).to_string(),
            rule: hearing.reading.feed.to_string(),
            at: made,
            network: match text(at(part, &["network"])) {
                network if network.is_empty() => None,
                network => Some(network),
            },
            block: number.map(|number| AlertBlock {
                number,
                hash: hash(at(part, &["blockHash"])),
                timestamp: made.unwrap_or(hearing.received),
            }),
            transaction,
            addresses: addresses(part),
            metadata: flat(fields, ""),
            ..Claim::default()
        })
    })
}
