//! `[people.ID]`: people, how they are reached, and the keys they hold.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::config::problem::{Findings, Problem};
use crate::config::reader::{Item, Placed, Table, known};
use crate::domain::names::{ChannelName, PersonId};
use crate::domain::roster::{IntervalError, Key, Person, earlier, later};

pub(super) fn read(
    root: &mut Table<'_>,
    channels: Option<&BTreeSet<String>>,
    findings: &mut Findings,
) -> BTreeMap<PersonId, Person> {
    let mut people = BTreeMap::new();
    let mut holders: BTreeMap<Address, PersonId> = BTreeMap::new();
    for (id, mut table) in root.named("people", findings) {
        let id = PersonId::new(id);
        let name = table.required("name", findings);
        let zone: Option<TimeZone> = table.required("zone", findings);
        let reached_by = read_channels(&mut table, channels, findings);
        let keys = read_keys(&mut table, zone.as_ref(), findings);
        for key in &keys {
            if let Some(other) = holders.insert(key.value.address, id.clone()) {
                let found = format!("the key {} is also {other}'s", key.value.address);
                let problem = Problem::new(&key.place, found).wanted("each key in one person's hands, once");
                findings
                    .problem(problem.remedy("a key that was handed on is shared: replace it in its Safes"));
            }
        }
        let skills = table.list("skills", findings);
        table.finish(findings);
        if let (Some(name), Some(zone)) = (name, zone) {
            let keys = keys.into_iter().map(|key| key.value).collect();
            people.insert(id.clone(), Person { id, name, zone, channels: reached_by, keys, skills });
        }
    }
    people
}

fn read_channels(
    table: &mut Table<'_>,
    channels: Option<&BTreeSet<String>>,
    findings: &mut Findings,
) -> Vec<ChannelName> {
    let written: Vec<Placed<String>> = table.required_list("channels", findings);
    let is_known = |channel: &Placed<String>| match channels {
        Some(channels) => known("channel", channel, channels.iter().map(String::as_str), findings),
        None => true,
    };
    written.into_iter().filter(is_known).map(|channel| ChannelName::new(channel.value)).collect()
}

fn read_keys(table: &mut Table<'_>, zone: Option<&TimeZone>, findings: &mut Findings) -> Vec<Placed<Key>> {
    let mut keys = Vec::new();
    for item in table.items("keys") {
        match item {
            Item::Scalar(node) => {
                let address: Option<Address> = table.read("keys", node, findings);
                let place = node.place.clone();
                keys.extend(address.map(|address| Placed { place, value: Key::always(address) }));
            }
            Item::Table(mut inner) => {
                let place = inner.place().clone();
                let address = inner.required("address", findings);
                let from: Option<Placed<DateTime>> = inner.optional("from", findings);
                let until: Option<Placed<DateTime>> = inner.optional("until", findings);
                if let (Some(from), Some(until)) = (&from, &until)
                    && until.value <= from.value
                {
                    findings.problem(inner.wrong("until", format!("a time after {}", from.value)));
                }
                inner.finish(findings);
                // Unlike a shift, a key counts only while it surely is in the person's hands.
                let from = from.and_then(|wall| instant(wall, zone, later, findings));
                let until = until.and_then(|wall| instant(wall, zone, earlier, findings));
                keys.extend(address.map(|address| Placed { place, value: Key { address, from, until } }));
            }
        }
    }
    keys
}

/// The instant a wall clock means; in UTC where the zone could not be read, which is a problem already.
fn instant(
    wall: Placed<DateTime>,
    zone: Option<&TimeZone>,
    read: fn(DateTime, &TimeZone) -> Result<Timestamp, IntervalError>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let outcome = read(wall.value, zone.unwrap_or(&TimeZone::UTC));
    outcome.map_err(|error| findings.problem(Problem::new(&wall.place, error.to_string()))).ok()
}
