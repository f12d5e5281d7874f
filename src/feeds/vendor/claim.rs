//! What a vendor claims, on its way to an [`Alert`].

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, keccak256};
use jiff::Timestamp;
use serde_json::Value;

use super::Hearing;
use crate::domain::alert::{Alert, AlertBlock, AlertHash, AlertSeverity, BotId};
use crate::domain::names::ChainId;
use crate::feeds::forta_wire::{ALERT_METADATA_MAX, BOT_ID_MAX_BYTES, Malformed};

/// One claim.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim {
    /// The vendor's word, first part of the bot.
    pub(super) vendor: &'static str,
    /// What the vendor tells this claim from others by, and the same when it sends it again.
    pub(super) id: String,
    /// The rule, monitor or agent that made it.
    pub(super) rule: String,
    /// The vendor's class of it.
    pub(super) kind: String,
    /// How bad, where the vendor says it.
    pub(super) severity: Option<AlertSeverity>,
    /// When it was made, where the vendor says it.
    pub(super) at: Option<Timestamp>,
    /// The vendor's name or number of the chain, where it gives one.
    pub(super) network: Option<String>,
    pub(super) block: Option<AlertBlock>,
    pub(super) transaction: Option<B256>,
    pub(super) addresses: Vec<Address>,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) finding_type: &'static str,
    pub(super) metadata: BTreeMap<String, Value>,
}

impl Claim {
    /// # Errors
    /// When it says on no chain that is known, or has no identity.
    pub(super) fn into_alert(self, hearing: &Hearing<'_>) -> Result<Alert, Malformed> {
        if self.id.is_empty() {
            return Err(Malformed::new("it has no identity: sent twice, it could not be known again"));
        }
        if self.metadata.len() > ALERT_METADATA_MAX {
            return Err(Malformed::over("metadata", "ALERT_METADATA_MAX", ALERT_METADATA_MAX));
        }
        let chain = self.chain(hearing)?;
        let identity = format!("{}|{}|{}|{}", self.vendor, hearing.reading.feed, chain.0, self.id);
        let mut addresses = Vec::new();
        for address in self.addresses {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(Alert {
            feed: hearing.reading.feed.clone(),
            authenticated: hearing.authenticated,
            hash: AlertHash(keccak256(identity).to_string()),
            alert_id: if self.kind.is_empty() { self.rule.clone() } else { self.kind },
            name: self.name,
            description: self.description,
            protocol: String::new(),
            severity: self.severity.unwrap_or(hearing.reading.severity),
            finding_type: if self.finding_type.is_empty() { "UNKNOWN" } else { self.finding_type }.to_owned(),
            bot: bot(self.vendor, &self.rule),
            chain,
            block: self.block,
            transaction: self.transaction,
            addresses,
            truncated: false,
            bloom: None,
            metadata: self.metadata,
            created_at: self.at.unwrap_or(hearing.received),
            related: Vec::new(),
            labels: Vec::new(),
        })
    }

    fn chain(&self, hearing: &Hearing<'_>) -> Result<ChainId, Malformed> {
        match &self.network {
            Some(network) => hearing.reading.networks.needed(network),
            None => hearing.reading.chain.ok_or_else(|| {
                Malformed::new("it names no chain; say which it is about with chain = \"…\" of the feed")
            }),
        }
    }
}

/// `vendor:rule`, in printable ASCII without spaces and of bounded length, as conditions list it.
pub(super) fn bot(vendor: &str, rule: &str) -> BotId {
    let mut id = format!("{vendor}:");
    for letter in rule.trim().chars() {
        let letter = if letter.is_ascii_graphic() { letter } else { '-' };
        if id.len() < BOT_ID_MAX_BYTES {
            id.push(letter);
        }
    }
    BotId::new(&id)
}
