//! Alerts in the words of the field's other vendors.
//!
//! | file | whose |
//! |---|---|
//! | [`openzeppelin`] | OpenZeppelin Monitor, raw and by template; Defender's exported shape |
//! | [`hypernative`] | Hypernative |
//! | [`transactions`], [`alchemy`], [`quicknode`] | Tenderly, Alchemy, QuickNode: what happened on a chain, with no word on how bad |
//! | [`prometheus`] | Alertmanager 4, Grafana |
//! | [`pagerduty`] | PagerDuty 3 |
//! | [`cloud_event`] | CloudEvents 1.0 |
//! | [`onchain_mon`] | findings of Lido's onchain-mon |
//! | [`map`] | anything else, by paths that the configuration names |
//!
//! Each becomes an [`Alert`] whose bot is `vendor:rule`, so that conditions trust it by list as they do Forta's
//! bots. Severity is the vendor's own, or what the configuration says the feed is worth where the vendor says
//! nothing. Nothing is guessed: a network that neither we nor the configuration know makes no alert.
//!
//! Who sent it was checked before, over the raw bytes; what arrives here is only read.

pub mod alchemy;
pub mod cloud_event;
pub mod hypernative;
pub mod map;
pub mod onchain_mon;
pub mod openzeppelin;
pub mod pagerduty;
pub mod prometheus;
pub mod quicknode;
pub mod transactions;

mod claim;
mod networks;
mod read;
mod severities;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use jiff::Timestamp;
use serde_json::Value;

pub use self::networks::Networks;
pub use self::severities::Severities;

use super::forta_wire::{Malformed, parse_alert};
use crate::domain::alert::{Alert, AlertSeverity, Sender};
use crate::domain::names::{ChainId, FeedName};

/// The most alerts of one body, as for Forta's.
pub const VENDOR_ALERTS_MAX: usize = 1_000;

/// What is known of a feed beside what it says.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The feed.
    pub feed: FeedName,
    /// Whose words.
    pub sender: Sender,
    /// The chain of what names none.
    pub chain: Option<ChainId>,
    /// What an alert is worth whose vendor says nothing of it.
    pub severity: AlertSeverity,
    /// Chains by the vendor's names for them.
    pub networks: Networks,
    /// What the vendor's words for a severity are worth.
    pub severities: Severities,
}

/// One part of a body that should be an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The alert, or why it is none.
    pub alert: Result<Alert, Malformed>,
    /// Its bytes, for the quarantine.
    pub raw: Vec<u8>,
}

impl Reading {
    /// Reads a body; `received` stands for a time that the vendor does not give.
    ///
    /// # Errors
    /// When the whole body is nothing of the vendor's, or is over a bound.
    pub fn read(
        &self,
        body: &[u8],
        authenticated: bool,
        received: Timestamp,
    ) -> Result<Vec<Read>, Malformed> {
        let value = read::document(body)?;
        let hearing = Hearing { reading: self, authenticated, received };
        let claims = match &self.sender {
            Sender::Forta | Sender::FortaNode => {
                let alert = parse_alert(body, &self.feed, authenticated);
                Ok(vec![(value, alert)])
            }
            Sender::OpenZeppelinMonitor => openzeppelin::monitor(&hearing, &value),
            Sender::Defender => openzeppelin::defender(&hearing, &value),
            Sender::Hypernative => hypernative::read(&hearing, &value),
            Sender::Tenderly => transactions::tenderly(&hearing, &value),
            Sender::Alertmanager | Sender::Grafana => prometheus::read(&hearing, &value),
            Sender::PagerDuty => pagerduty::read(&hearing, &value),
            Sender::Alchemy => alchemy::read(&hearing, &value),
            Sender::QuickNode => quicknode::read(&hearing, &value),
            Sender::CloudEvents => cloud_event::read(&hearing, &value),
            Sender::OnchainMon => onchain_mon::read(&hearing, &value),
            Sender::Map(map) => map::read(&hearing, map, &value),
        }?;
        if claims.len() > VENDOR_ALERTS_MAX {
            return Err(Malformed::over("the body, in alerts", "VENDOR_ALERTS_MAX", VENDOR_ALERTS_MAX));
        }
        let of = |(raw, alert): (Value, Result<Alert, Malformed>)| Read {
            alert,
            raw: raw.to_string().into_bytes(),
        };
        Ok(claims.into_iter().map(of).collect())
    }
}

/// A body being read.
struct Hearing<'a> {
    reading: &'a Reading,
    authenticated: bool,
    received: Timestamp,
}

/// What a vendor's file gives back: each part with what it became.
type Claims = Result<Vec<(Value, Result<Alert, Malformed>)>, Malformed>;

impl Hearing<'_> {
    /// How bad, in the vendor's words.
    fn severity(&self, value: &Value, name: &str) -> Result<Option<AlertSeverity>, Malformed> {
        self.reading.severities.read(value, name)
    }

    /// Reads each part by itself: one that is odd costs the others nothing.
    fn each<'v>(
        &self,
        parts: impl IntoIterator<Item = &'v Value>,
        read: impl Fn(&'v Value) -> Result<claim::Claim, Malformed>,
    ) -> Claims {
        Ok(parts
            .into_iter()
            .map(|part| (part.clone(), read(part).and_then(|claim| claim.into_alert(self))))
            .collect())
    }
}
