//! Tenderly tells that a transaction happened, and leaves what it means to the reader.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, needed, object, whole};
use super::{Claims, Hearing};
use crate::domain::alert::{AlertBlock, AlertSeverity};

pub(super) fn tenderly(hearing: &Hearing<'_>, body: &Value) -> Claims {
    // A destination is tried out with an event of no transaction: it shows that the sender lives.
    if at(body, &["event_type"]) == "TEST" && !at(body, &["transaction"]).is_object() {
        return Ok(Vec::new());
    }
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
