//! Findings of Lido's onchain-mon. Its instances report the same finding under one `uniqueKey`; which of them did is
//! not in the finding, so that agreement among them is theirs to find.

use serde_json::Value;

use super::claim::Claim;
use super::read::{addresses, at, flat, hash, instant, needed, object, severity, text, whole};
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
            severity: severity(level, "severity")?,
            at: instant(at(finding, &["findingBotTimestamp"])),
            block: number.zip(happened).map(|(number, timestamp)| AlertBlock {
                number,
                hash: hash(at(finding, &["blockHash"])),
                timestamp,
            }),
            transaction: hash(at(finding, &["txHash"])),
            addresses: addresses(finding),
            name: text(at(finding, &["name"])),
            description: text(at(finding, &["description"])),
            metadata: flat(fields, ""),
            ..Claim::default()
        })
    })
}
