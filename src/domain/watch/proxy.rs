//! The slots of a proxy (ERC-1967), compared as a Safe's state is: what stands in them decides which code runs, and
//! code that runs there may change them without the event that the standard asks for.
//!
//! Behind a beacon the beacon says which code runs, and most are contracts that nobody configured: it is asked as well.
//!
//! *Invariant.* An event explains a change only where it named what stands in the slot now: one that names something
//! else explains nothing.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::make::{Words, alert, said_of};
use super::memory::{Memory, OfField, identity};
use super::{SeenBlock, Subject, Watch};
use crate::domain::alert::{Alert, AlertSeverity};
use crate::domain::upgrade::calls::{ADMIN_SLOT, BEACON_SLOT, IMPLEMENTATION_SLOT};

/// A slot of ERC-1967.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxySlot {
    /// The code that runs.
    Implementation,
    /// Who may change it.
    Admin,
    /// Whom to ask which code runs.
    Beacon,
}

/// What an event said stands in a proxy's slot: the proxy, the slot, the address in lower-case hex.
pub type Named = BTreeSet<(Address, ProxySlot, String)>;

impl ProxySlot {
    /// Every slot, in the order in which they are asked for.
    pub const ALL: [Self; 3] = [Self::Implementation, Self::Admin, Self::Beacon];

    /// As it stands in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implementation => "implementation",
            Self::Admin => "admin",
            Self::Beacon => "beacon",
        }
    }

    /// Where it is.
    pub const fn place(self) -> B256 {
        match self {
            Self::Implementation => IMPLEMENTATION_SLOT,
            Self::Admin => ADMIN_SLOT,
            Self::Beacon => BEACON_SLOT,
        }
    }
}

/// What an alert of an event says stands in a slot of its emitter from now on; `None` of an event that says nothing of it.
pub fn names(event: &Alert) -> Option<(Address, ProxySlot, String)> {
    let slot = match event.alert_id.as_str() {
        "Upgraded" => ProxySlot::Implementation,
        "AdminChanged" => ProxySlot::Admin,
        "BeaconUpgraded" => ProxySlot::Beacon,
        _ => return None,
    };
    // The emitter stands first; of `AdminChanged` the last is the new one.
    let (emitter, named) = event.addresses.split_first()?;
    Some((*emitter, slot, hex::encode_prefixed(named.last()?)))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfProxy {
    /// The block of the first reading.
    since: u64,
    slots: BTreeMap<ProxySlot, OfField>,
    /// What its beacon said last.
    #[serde(default)]
    behind: Option<Behind>,
}

/// What stands behind a beacon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Behind {
    beacon: Address,
    /// The block of the first reading.
    since: u64,
    code: OfField,
}

/// `implementation()`, which ERC-1967 asks of every beacon.
pub const BEACON_IMPLEMENTATION: [u8; 4] = [0x5c, 0x60, 0xda, 0x1b];

impl Memory {
    /// The beacon that says which code runs behind a proxy, as the slots said last; none where the proxy says it itself.
    pub fn beacon(&self, proxy: &Subject) -> Option<Address> {
        let slots = &self.proxies.get(&proxy.address)?.slots;
        let value = |slot: ProxySlot| slots.get(&slot).map(|field| field.value.as_str());
        value(ProxySlot::Implementation).filter(|code| *code == "none")?;
        value(ProxySlot::Beacon)?.parse().ok()
    }

    /// Takes what a proxy's beacon says is the code at `block`; gives an alert where that changed and no event of the beacon
    /// named it. Whose beacon it is now was compared before: that it is another one is told there.
    pub fn behind(
        &mut self,
        watch: &Watch,
        subject: &Subject,
        (beacon, code): (Address, Address),
        named: &Named,
        block: &SeenBlock,
    ) -> Option<Alert> {
        let known = self.proxies.get_mut(&subject.address)?;
        let value = hex::encode_prefixed(code);
        let first = Behind { beacon, since: block.number, code: OfField { turn: 0, value: value.clone() } };
        let Some(behind) = known.behind.as_mut().filter(|behind| behind.beacon == beacon) else {
            known.behind = Some(first);
            return None;
        };
        if behind.code.value == value {
            return None;
        }
        let before = std::mem::replace(&mut behind.code.value, value.clone());
        behind.code.turn = behind.code.turn.saturating_add(1);
        if named.contains(&(beacon, ProxySlot::Implementation, value.clone())) {
            return None;
        }
        let (beacon, mut metadata) = (hex::encode_prefixed(beacon), said_of(subject));
        for (key, text) in
            [("field", "beacon_implementation"), ("beacon", &beacon), ("before", &before), ("after", &value)]
        {
            metadata.insert(key.to_owned(), Value::String(text.to_owned()));
        }
        let words = Words {
            hash: identity(
                watch,
                subject.address,
                behind.since,
                behind.code.turn,
                &["behind beacon", &beacon],
            ),
            alert_id: "ProxyStateChanged".to_owned(),
            severity: AlertSeverity::Critical,
            description: format!("the beacon of proxy {} names other code than before", subject.name),
            transaction: None,
            addresses: vec![subject.address],
            metadata,
        };
        Some(alert(watch, block, words))
    }

    /// Takes what stands in the slots of a contract at `block`, in the order of [`ProxySlot::ALL`]; gives an alert of
    /// each that changed and that no event named.
    pub fn proxy(
        &mut self,
        watch: &Watch,
        subject: &Subject,
        words: [B256; 3],
        named: &Named,
        block: &SeenBlock,
    ) -> Vec<Alert> {
        let known = self.proxies.entry(subject.address).or_insert_with(|| OfProxy {
            since: block.number,
            slots: BTreeMap::new(),
            behind: None,
        });
        let mut alerts = Vec::new();
        for (slot, word) in ProxySlot::ALL.into_iter().zip(words) {
            let value = text(word);
            let of_slot =
                known.slots.entry(slot).or_insert_with(|| OfField { turn: 0, value: value.clone() });
            if of_slot.value == value {
                continue;
            }
            let before = std::mem::replace(&mut of_slot.value, value.clone());
            of_slot.turn = of_slot.turn.saturating_add(1);
            if named.contains(&(subject.address, slot, value.clone())) {
                continue;
            }
            let mut metadata = said_of(subject);
            for (key, text) in [("field", slot.as_str()), ("before", &before), ("after", &value)] {
                metadata.insert(key.to_owned(), Value::String(text.to_owned()));
            }
            let which = format!("slot {}", slot.as_str());
            let words = Words {
                hash: identity(watch, subject.address, known.since, of_slot.turn, &[&which]),
                alert_id: "ProxyStateChanged".to_owned(),
                severity: AlertSeverity::Critical,
                description: format!(
                    "the {} of proxy {} changed, and no event told of what stands there now",
                    slot.as_str(),
                    subject.name
                ),
                transaction: None,
                addresses: vec![subject.address],
                metadata,
            };
            alerts.push(alert(watch, block, words));
        }
        alerts
    }
}

/// An address as one, anything else as the word that it is.
fn text(word: B256) -> String {
    let (head, tail) = word.split_at(12);
    if word.is_zero() {
        "none".to_owned()
    } else if head.iter().all(|byte| *byte == 0) {
        hex::encode_prefixed(tail)
    } else {
        word.to_string()
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::super::tests::{block, log, only, watch};
    use super::*;

    const OLD: Address = Address::repeat_byte(0x01);
    const NEW: Address = Address::repeat_byte(0x02);
    const ELSE: Address = Address::repeat_byte(0x03);

    #[test]
    fn a_slot_that_changes_without_an_event_or_with_one_that_names_another_is_told() {
        let watch = watch();
        let subject = watch.proxies().next().unwrap().clone();
        let said = |signature: &str, of: &[Address]| {
            let data: Vec<u8> = of.iter().flat_map(|address| address.into_word()).collect();
            names(&only(&watch, log(subject.address, signature, &[], &data)))
        };
        let upgraded = said("Upgraded(address)", &[NEW]).unwrap();
        assert_eq!(upgraded, (subject.address, ProxySlot::Implementation, hex::encode_prefixed(NEW)));
        let handed = said("AdminChanged(address,address)", &[OLD, NEW]).unwrap();
        assert_eq!(handed, (subject.address, ProxySlot::Admin, hex::encode_prefixed(NEW)));
        assert_eq!(said("Paused(address)", &[OLD]), None);

        let mut memory = Memory::default();
        let mut at = |number: u64, words: [B256; 3], named: &[&(Address, ProxySlot, String)]| {
            let named = named.iter().map(|one| (*one).clone()).collect();
            let alerts = memory.proxy(&watch, &subject, words, &named, &block(number));
            let told = |alert: &Alert| {
                let of = |key: &str| alert.metadata[key].as_str().unwrap().to_owned();
                format!("{} {}: {} → {}", alert.alert_id, of("field"), of("before"), of("after"))
            };
            // As it is stored.
            memory = serde_json::from_value(serde_json::to_value(&memory).unwrap()).unwrap();
            alerts.iter().map(told).collect::<Vec<_>>().join("\n")
        };
        let words = |implementation: Address, admin: B256| [implementation.into_word(), admin, B256::ZERO];
        assert_eq!(at(1, words(OLD, B256::ZERO), &[]), "", "the first look");
        assert_eq!(at(2, words(NEW, B256::ZERO), &[&upgraded]), "", "an event named it");
        let lie = at(3, words(ELSE, B256::ZERO), &[&upgraded]);
        let odd = at(4, words(ELSE, keccak256("odd")), &[&handed]);
        insta::assert_snapshot!(format!("{lie}\n{odd}"), @"
        ProxyStateChanged implementation: 0x0202020202020202020202020202020202020202 → 0x0303030303030303030303030303030303030303
        ProxyStateChanged admin: none → 0x195302f672cadc7712b076aa3410bb762efa3c1cf1d1d468b6748c6e9f4ec955
        ");
        assert_eq!(at(5, words(ELSE, keccak256("odd")), &[]), "", "told once");
    }
}
