//! Made-up alerts in Forta's shape, for drills, the demo and tests.
//!
//! Real alerts may not be passed on (Forta's licence for detection bot results), so practice uses these.

use alloy::primitives::{Address, B256, keccak256};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::alert::{AlertSeverity, BotId};
use crate::domain::names::ChainId;

/// What a made-up alert says; the rest follows from it.
#[derive(Clone, Debug)]
pub struct AlertSketch {
    /// The chain it speaks of.
    pub chain: ChainId,
    /// The block it speaks of.
    pub block: u64,
    /// That block's hash; without it the alert names none, and no chain can be asked about it.
    pub block_hash: Option<B256>,
    /// That block's time; the alert is made five seconds later.
    pub block_time: Timestamp,
    /// The transaction; `None` makes it a block alert.
    pub transaction: Option<B256>,
    /// Who claims it.
    pub bot: BotId,
    /// The class of claim.
    pub alert_id: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Whom it names.
    pub addresses: Vec<Address>,
    /// Further fields.
    pub metadata: Vec<(String, String)>,
    /// What it says in words.
    pub description: String,
}

/// Makes the node that the Forta API would answer with.
///
/// Its hash depends on everything but the block, as Forta's does: the same claim about the same
/// transaction in another block has the same hash.
pub fn forta_alert(sketch: &AlertSketch) -> Value {
    let block_hash = sketch.block_hash.unwrap_or_else(|| block_hash(sketch.chain, sketch.block));
    let created_at = sketch.block_time + jiff::SignedDuration::from_secs(5);
    let mut metadata = serde_json::Map::new();
    for (key, value) in &sketch.metadata {
        metadata.insert(key.clone(), json!(value));
    }
    json!({
        "hash": alert_hash(sketch, block_hash),
        "alertId": sketch.alert_id,
        "name": sketch.alert_id,
        "description": sketch.description,
        "protocol": "ethereum",
        "severity": sketch.severity,
        "findingType": "EXPLOIT",
        "createdAt": created_at.to_string(),
        "chainId": sketch.chain,
        "addresses": sketch.addresses.iter().map(|address| format!("{address:#x}")).collect::<Vec<_>>(),
        "truncated": false,
        "addressBloomFilter": null,
        "metadata": metadata,
        "relatedAlerts": null,
        "scanNodeCount": 3,
        "alertDocumentType": if sketch.transaction.is_some() { "TRANSACTION" } else { "BLOCK" },
        "labels": [],
        "source": {
            "transactionHash": sketch.transaction.map(|hash| hash.to_string()).unwrap_or_default(),
            "bot": { "id": sketch.bot, "image": "", "reference": "", "version": null },
            "block": {
                "number": sketch.block,
                "hash": sketch.block_hash,
                "timestamp": sketch.block_time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "chainId": sketch.chain,
            },
            "sourceAlert": { "hash": "", "botId": "", "timestamp": "", "chainId": 0 },
        },
    })
}

fn alert_hash(sketch: &AlertSketch, block_hash: B256) -> B256 {
    let subject = sketch.transaction.unwrap_or(block_hash);
    let claim =
        (&sketch.alert_id, sketch.severity as u8, &sketch.addresses, &sketch.metadata, &sketch.description);
    keccak256(format!("1|{}|{}|{subject}|{claim:?}", sketch.bot, sketch.chain))
}

fn block_hash(chain: ChainId, number: u64) -> B256 {
    keccak256(format!("practice block {number} of chain {chain}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::AlertHash;
    use crate::domain::names::FeedName;
    use crate::feeds::forta_wire::parse_alert;

    fn sketch() -> AlertSketch {
        AlertSketch {
            chain: ChainId(10),
            block: 115,
            block_hash: None,
            block_time: "2024-01-01T00:00:10Z".parse().unwrap(),
            transaction: Some(B256::repeat_byte(7)),
            bot: BotId::new(&B256::repeat_byte(0x80).to_string()),
            alert_id: "ATTACK-DETECTOR-2".into(),
            severity: AlertSeverity::Critical,
            addresses: vec![Address::repeat_byte(0xd1)],
            metadata: vec![("anomalyScore".into(), "0.0003".into())],
            description: "practice".into(),
        }
    }

    fn hash(sketch: &AlertSketch) -> AlertHash {
        let raw = forta_alert(sketch).to_string();
        parse_alert(raw.as_bytes(), &FeedName::from("drill"), true).unwrap().hash
    }

    #[test]
    fn what_is_made_up_reads_as_an_alert() {
        let sketch = sketch();
        let raw = forta_alert(&sketch).to_string();
        let alert = parse_alert(raw.as_bytes(), &FeedName::from("drill"), true).unwrap();
        assert_eq!((alert.chain, alert.bot, alert.severity), (sketch.chain, sketch.bot, sketch.severity));
        assert_eq!((alert.addresses, alert.transaction), (sketch.addresses, sketch.transaction));
        assert_eq!(alert.block.unwrap().timestamp, sketch.block_time);
    }

    #[test]
    fn the_hash_covers_the_claim_and_not_the_block() {
        let one = sketch();
        let again = AlertSketch { block: 117, ..one.clone() };
        let other = AlertSketch { severity: AlertSeverity::High, ..one.clone() };
        assert_eq!(hash(&one), hash(&again));
        assert_ne!(hash(&one), hash(&other));
    }
}
