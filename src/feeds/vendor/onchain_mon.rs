//! Findings of Lido's onchain-mon. Its instances report the same finding under one `uniqueKey`; which of them did is
//! not in the finding, so that agreement is found by hearing each of them (the feed `nats`). A finding has no field for
//! contracts: they stand in its description, as links to an explorer.

use alloy::primitives::Address;
use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, addresses_within, at, flat, hash, instant, needed, object, text, whole};
use super::{Claims, Hearing};
use crate::domain::alert::AlertBlock;

pub(super) fn read(hearing: &Hearing<'_>, body: &Value) -> Claims {
    let parts = body.as_array().map_or_else(|| vec![body], |items| items.iter().collect());
    hearing.each(parts, |finding| {
        let fields = object(finding, "the finding")?;
        let bot = needed(at(finding, &["botName"]), "botName")?;
        let team = needed(at(finding, &["team"]), "team")?;
        let number = whole(at(finding, &["blockNumber"]));
        let happened = instant(at(finding, &["blockTimestamp"]));
        let level = at(finding, &["severity"]);
        needed(level, "severity")?;
        Ok(Claim {
            vendor: "onchain-mon",
            id: needed(at(finding, &["uniqueKey"]), "uniqueKey")?,
            rule: format!("{team}/{bot}"),
            kind: needed(at(finding, &["alertId"]), "alertId")?,
            severity: hearing.severity(level, "severity")?,
            at: instant(at(finding, &["findingBotTimestamp"])),
            block: number.zip(happened).map(|(number, timestamp)| AlertBlock {
                number,
                hash: hash(at(finding, &["blockHash"])),
                timestamp,
            }),
            transaction: hash(at(finding, &["txHash"])),
            addresses: named(finding),
            name: text(at(finding, &["name"])),
            description: text(at(finding, &["description"])),
            metadata: flat(fields, ""),
            ..Claim::default()
        })
    })
}

/// The addresses that stand alone, and those within the description.
fn named(finding: &Value) -> Vec<Address> {
    let mut found = addresses(finding);
    for one in addresses_within(&text(at(finding, &["description"]))) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use alloy::primitives::address;
    use serde_json::json;

    use super::*;

    #[test]
    fn contracts_are_found_in_the_description() {
        let vault = address!("5fbdb2315678afecb367f032d93f642f64180aa3");
        let text = |description: &str| named(&json!({ "description": description }));
        let link = "Paused: [0x5FbDB2315678afecb367f032d93F642f64180aa3](https://etherscan.io/address/0x5FbDB2315678afecb367f032d93F642f64180aa3)";
        assert_eq!(text(link), [vault]);
        assert_eq!(text("0x5fbdb2315678afecb367f032d93f642f64180aa3"), [vault]);
        // Of a transaction's hash, or cut: no address.
        assert!(text(&format!("0x{}", "5f".repeat(32))).is_empty());
        assert!(text("0x5fbdb2315678afecb367f032d93f642f64180a").is_empty());
        assert!(text("0x0x€0xé".repeat(9).as_str()).is_empty());
    }
}
