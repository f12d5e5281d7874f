//! Alchemy's webhooks: what happened at an address, or what a query of one's own finds in each block.
//!
//! A query is answered for every block, most of which have nothing: that is no alert, and shows that the sender lives. An
//! account that is used up sends an error in place of events, which nobody must miss. What a reorganisation took back comes
//! again with `removed`, and is information.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, instant, needed, text, whole};
use super::{Claims, Hearing};
use crate::domain::alert::{AlertBlock, AlertSeverity};
use crate::feeds::forta_wire::Malformed;

/// What a query may list of a block.
const LISTS: [&str; 3] = ["logs", "transactions", "callTracerTraces"];

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let id = needed(at(body, &["id"]), "id")?;
    let webhook = needed(at(body, &["webhookId"]), "webhookId")?;
    let kind = needed(at(body, &["type"]), "type")?;
    let event = at(body, &["event"]);
    if !at(event, &["error"]).is_null() {
        return Err(Malformed::new(
            "Alchemy sends an error in place of events (event.error): until that is mended there, it watches nothing",
        ));
    }
    let about = About {
        network: Some(text(at(event, &["network"]))).filter(|network| !network.is_empty()),
        block: at(event, &["data", "block"]),
        made: instant(at(body, &["createdAt"])),
        received: hearing.received,
    };
    let claim = |(index, part): (usize, &Value)| {
        Ok(Claim {
            vendor: "alchemy",
            id: format!("{id}|{index}"),
            rule: webhook.clone(),
            kind: kind.clone(),
            ..about.claim(part)
        })
    };
    let mut claims = Vec::new();
    for (index, part) in parts(event).into_iter().enumerate() {
        claims.extend(hearing.each([part], |part| claim((index, part)))?);
    }
    Ok(claims)
}

/// Each thing that happened.
fn parts(event: &Value) -> Vec<&Value> {
    if let Some(activity) = at(event, &["activity"]).as_array() {
        return activity.iter().collect();
    }
    let lists: Vec<&Vec<Value>> =
        LISTS.iter().filter_map(|list| at(event, &["data", "block", list]).as_array()).collect();
    if lists.is_empty() { vec![event] } else { lists.into_iter().flatten().collect() }
}

/// What all parts of one event have in common.
struct About<'v> {
    network: Option<String>,
    block: &'v Value,
    made: Option<jiff::Timestamp>,
    received: jiff::Timestamp,
}

impl About<'_> {
    fn claim(&self, part: &Value) -> Claim {
        let number = whole(at(part, &["blockNum"])).or_else(|| whole(at(self.block, &["number"])));
        let timestamp = instant(at(self.block, &["timestamp"])).or(self.made).unwrap_or(self.received);
        let hashes = [at(part, &["blockHash"]), at(part, &["log", "blockHash"]), at(self.block, &["hash"])];
        let was_removed =
            [at(part, &["log", "removed"]), at(part, &["removed"])].contains(&&Value::Bool(true));
        Claim {
            severity: was_removed.then_some(AlertSeverity::Info),
            at: self.made,
            network: self.network.clone(),
            block: number.map(|number| AlertBlock {
                number,
                hash: hashes.into_iter().find_map(hash),
                timestamp,
            }),
            transaction: [at(part, &["hash"]), at(part, &["transaction", "hash"])].into_iter().find_map(hash),
            addresses: addresses(part),
            metadata: part.as_object().map(|part| flat(part, "")).unwrap_or_default(),
            ..Claim::default()
        }
    }
}
