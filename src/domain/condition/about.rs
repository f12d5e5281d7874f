//! Whether an alert is about a contract.
//!
//! Named is not the same as harmed: detectors list every pool and token an attack touched. Where the alert
//! says who the victim is, only the victim counts; else everything it names does.

use std::str::FromStr as _;

use alloy::primitives::Address;

use super::bloom;
use crate::domain::alert::{AddressBloom, Alert};
use crate::domain::names::ChainId;

/// An answer that knows when it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The alert is about the contract.
    Yes,
    /// It is not.
    No,
    /// The alert's addresses were cut short, and the filter that would tell is missing or unreadable.
    Untold,
}

/// Whether `alert` is about the contract at `address` on `chain`: same chain, and then
///
/// * one of the victims its metadata names (`address1`, `address2`, …, `potential_victim`), if it names any;
/// * else one of its `addresses`, or of the `involvedAddresses1`, … of its metadata;
/// * else, when `addresses` was cut short, a member of its filter.
pub fn about(alert: &Alert, chain: ChainId, address: Address) -> About {
    if alert.chain == chain { Subjects::of(alert).tell(address) } else { About::No }
}

/// Whom an alert is about, to be asked more than once.
#[derive(Clone, Debug)]
pub(super) struct Subjects<'a> {
    /// In order.
    named: Vec<Address>,
    beyond: Beyond<'a>,
}

impl<'a> Subjects<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
        let mut named = Vec::new();
        let beyond = each_subject(alert, |address| named.push(address));
        named.sort_unstable();
        Self { named, beyond }
    }

    /// As [`about`] answers for an address on the alert's chain.
    pub(super) fn tell(&self, address: Address) -> About {
        if self.named.binary_search(&address).is_ok() {
            return About::Yes;
        }
        match self.beyond {
            Beyond::Nobody => About::No,
            Beyond::Anybody => About::Untold,
            Beyond::Filtered(filter) => match bloom::contains(filter, address) {
                Ok(true) => About::Yes,
                Ok(false) => About::No,
                Err(_unreadable) => About::Untold,
            },
        }
    }
}

/// Whom an alert may be about beyond those it names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beyond<'a> {
    /// Nobody.
    Nobody,
    /// Whoever the filter holds.
    Filtered(&'a AddressBloom),
    /// Nobody can say.
    Anybody,
}

/// Hands over every address on the alert's chain that [`about`] answers with yes, some of them more than once, but for
/// those that only a filter would tell.
pub(super) fn each_subject<'a>(alert: &'a Alert, mut found: impl FnMut(Address)) -> Beyond<'a> {
    let mut victims = addresses_under(alert, Role::Victim).peekable();
    if victims.peek().is_some() {
        victims.for_each(found);
        return Beyond::Nobody;
    }
    alert.addresses.iter().copied().for_each(&mut found);
    addresses_under(alert, Role::Involved).for_each(&mut found);
    match (alert.truncated, &alert.bloom) {
        (false, _) => Beyond::Nobody,
        (true, None) => Beyond::Anybody,
        (true, Some(filter)) => Beyond::Filtered(filter),
    }
}

/// Values that are no address name nobody.
fn addresses_under(alert: &Alert, role: Role) -> impl Iterator<Item = Address> {
    let values = alert.metadata.iter().filter(move |(key, _)| Role::of(key) == Some(role));
    values.filter_map(|(_, value)| Address::from_str(value.as_str()?.trim()).ok())
}

/// What a field of the metadata says of the address in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Victim,
    Involved,
}

impl Role {
    /// The victim identifier's `address1`, `address2`, …; BlockSec's `potential_victim`, camel-cased by the API; the
    /// Attack Detector's `involvedAddresses1`, …, up to 500, which its `addresses` are cut from.
    fn of(key: &str) -> Option<Self> {
        // Most keys are others, and their first letter tells.
        match key.as_bytes().first()? {
            b'a' => is_numbered(key, "address").then_some(Self::Victim),
            b'p' => matches!(key, "potential_victim" | "potentialVictim").then_some(Self::Victim),
            b'i' => {
                let is_involved =
                    is_numbered(key, "involvedAddresses") || is_numbered(key, "involved_addresses_");
                is_involved.then_some(Self::Involved)
            }
            _ => None,
        }
    }
}

fn is_numbered(key: &str, name: &str) -> bool {
    key.strip_prefix(name)
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
