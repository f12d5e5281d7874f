//! OpenZeppelin Monitor (raw matches, or a title and a body by template) and the shape that Defender exported.

use alloy::primitives::keccak256;
use serde_json::{Map, Value};

use super::claim::Claim;
use super::read::{
    addresses, addresses_within, at, hash, hash_within, instant, list, needed, object, text, whole,
};
use super::{Claims, Hearing};
use crate::domain::alert::AlertBlock;
use crate::feeds::forta_wire::{Malformed, parse_alert};

pub(super) fn monitor(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let parts = body.as_array().map_or_else(|| vec![body], |items| items.iter().collect());
    hearing.each(parts, |part| {
        let matched = at(part, &["EVM"]);
        match (matched.is_null(), ELSEWHERE.iter().find(|chain| !at(part, &[chain]).is_null())) {
            (false, _) => raw(hearing, matched),
            (true, Some(chain)) => {
                Err(Malformed::new(format!("it is a match on {chain}, and contracts here are on EVM chains")))
            }
            (true, None) => template(part),
        }
    })
}

/// Where else OpenZeppelin Monitor looks.
const ELSEWHERE: [&str; 3] = ["Stellar", "Solana", "Midnight"];

/// A template's text is all there is: it is its own identity, so it should name the transaction. What it is about stands in
/// it as people read it, or in a link to an explorer.
fn template(part: &Value) -> Result<Claim, Malformed> {
    let title = needed(at(part, &["title"]), "EVM or title")?;
    let description = text(at(part, &["body"]));
    let said = format!("{title}\n{description}");
    Ok(Claim {
        vendor: "openzeppelin-monitor",
        id: keccak256(&said).to_string(),
        transaction: hash_within(&said),
        addresses: addresses_within(&said),
        rule: title.clone(),
        name: title,
        description,
        ..Claim::default()
    })
}

fn raw(hearing: &Hearing<'_>, matched: &Value) -> Result<Claim, Malformed> {
    let monitor = needed(at(matched, &["monitor", "name"]), "EVM.monitor.name")?;
    let transaction = hash(at(matched, &["transaction", "hash"]))
        .ok_or_else(|| Malformed::new("EVM.transaction.hash is missing or is not 0x and 64 hex digits"))?;
    let events = at(matched, &["matched_on_args", "events"]);
    let functions = at(matched, &["matched_on_args", "functions"]);
    let mut metadata = Map::new();
    for (prefix, found) in [("event", events), ("function", functions)] {
        for matched in found.as_array().into_iter().flatten() {
            let signature = text(at(matched, &["signature"]));
            for argument in at(matched, &["args"]).as_array().into_iter().flatten() {
                let name = format!("{prefix}.{}", text(at(argument, &["name"])));
                metadata.insert(name, at(argument, &["value"]).clone());
            }
            metadata.insert(prefix.to_owned(), Value::String(signature));
        }
    }
    let kind = metadata.get("event").or_else(|| metadata.get("function")).map(text).unwrap_or_default();
    let involved: Vec<_> = [
        at(matched, &["transaction", "to"]),
        at(matched, &["transaction", "from"]),
        at(matched, &["monitor", "addresses"]),
        at(matched, &["logs"]),
        at(matched, &["matched_on_args"]),
    ]
    .into_iter()
    .flat_map(addresses)
    .collect();
    // The raw match carries the block's number and hash, and no time of it.
    let block = whole(at(matched, &["transaction", "blockNumber"])).map(|number| AlertBlock {
        number,
        hash: hash(at(matched, &["transaction", "blockHash"])),
        timestamp: hearing.received,
    });
    Ok(Claim {
        vendor: "openzeppelin-monitor",
        id: format!("{monitor}|{transaction}"),
        rule: monitor.clone(),
        kind,
        network: Some(needed(at(matched, &["network_slug"]), "EVM.network_slug")?),
        block,
        transaction: Some(transaction),
        addresses: involved,
        name: monitor,
        metadata: super::read::flat(&metadata, ""),
        ..Claim::default()
    })
}

pub(super) fn defender(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let events = list(at(body, &["events"]), "events")?;
    let mut claims = Vec::new();
    for event in events {
        // What Defender passed on of Forta is Forta's alert, in Forta's words.
        if at(event, &["type"]) == "FORTA" {
            let alert = at(event, &["alert"]).to_string();
            let parsed = parse_alert(alert.as_bytes(), &hearing.reading.feed, hearing.authenticated);
            claims.push((event.clone(), parsed));
        } else {
            claims.extend(hearing.each([event], defender_event)?);
        }
    }
    Ok(claims)
}

fn defender_event(event: &Value) -> Result<Claim, Malformed> {
    let monitor =
        ["monitor", "sentinel"].into_iter().map(|key| at(event, &[key])).find(|one| one.is_object());
    let monitor = monitor.ok_or_else(|| Malformed::new("monitor is missing"))?;
    let rule = needed(at(monitor, &["id"]), "monitor.id")?;
    let transaction = hash(at(event, &["hash"]))
        .ok_or_else(|| Malformed::new("hash is missing or is not 0x and 64 hex digits"))?;
    let reasons = at(event, &["matchReasons"]).as_array().map(Vec::as_slice).unwrap_or_default();
    let kinds: Vec<String> = reasons.iter().map(|reason| text(at(reason, &["signature"]))).collect();
    let made = instant(at(event, &["timestamp"]));
    let number = whole(at(event, &["blockNumber"]));
    let block = number.zip(made).map(|(number, timestamp)| AlertBlock {
        number,
        hash: hash(at(event, &["blockHash"])),
        timestamp,
    });
    let chain = match text(at(monitor, &["chainId"])) {
        id if id.is_empty() => needed(at(monitor, &["network"]), "monitor.network")?,
        id => id,
    };
    let involved = ["matchedAddresses", "matchedChecksumAddresses"];
    let mut metadata = super::read::flat(object(monitor, "monitor")?, "monitor.");
    for reason in reasons {
        if let Some(params) = at(reason, &["params"]).as_object() {
            metadata.extend(super::read::flat(params, "param."));
        }
    }
    Ok(Claim {
        vendor: "defender",
        id: format!("{rule}|{transaction}|{}", kinds.join(",")),
        kind: kinds.into_iter().find(|kind| !kind.is_empty()).unwrap_or_default(),
        at: made,
        network: Some(chain),
        block,
        transaction: Some(transaction),
        addresses: involved.iter().flat_map(|key| addresses(at(event, &[key]))).collect(),
        name: text(at(monitor, &["name"])),
        metadata,
        rule,
        ..Claim::default()
    })
}
