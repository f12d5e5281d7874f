//! Views, Safes and slots of proxies at the newest block, compared with what they said before.

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256, Bytes};
use tokio::time::Instant;

use super::place::Place;
use super::{OnchainFeed, Outbox, Readings};
use crate::domain::alert::Alert;
use crate::domain::watch::{
    BEACON_IMPLEMENTATION, Memory, Named, ProxySlot, SafeReading, SeenBlock, Subject, View,
};

/// One address, as a contract returns it; nothing where it is something else.
fn address(returned: &Bytes) -> Option<Address> {
    let word = B256::try_from(returned.as_ref()).ok()?;
    let (head, tail) = word.split_at_checked(12)?;
    (head.iter().all(|byte| *byte == 0) && !word.is_zero()).then(|| Address::from_slice(tail))
}

/// The part of the feed's health that stands for a view.
pub(super) fn view_part(name: &str) -> String {
    format!("view {name}")
}

/// The part of the feed's health that stands for a Safe's state.
pub(super) fn safe_part(name: &str) -> String {
    format!("safe {name}")
}

/// The part of the feed's health that stands for a contract's slots as a proxy.
pub(super) fn proxy_part(name: &str) -> String {
    format!("proxy {name}")
}

impl OnchainFeed {
    /// Reads what is due and tells what changed. What could not be read is red, and changes nothing.
    pub(super) async fn compare(
        &mut self,
        place: &mut Place,
        at: &SeenBlock,
        outbox: &mut Outbox,
    ) -> Vec<Alert> {
        let watch = self.settings.watch.clone();
        let now = Instant::now();
        let due = |view: &&View| self.views_due.get(&view.name).is_none_or(|due| *due <= now);
        let views: Vec<&View> = watch.views.iter().filter(due).collect();
        let safes: Vec<&Subject> = watch.safes().collect();
        let calls: Vec<_> = views.iter().flat_map(|view| view.questions()).collect();
        let addresses: Vec<_> = safes.iter().map(|safe| safe.address).collect();
        let slots: Vec<(Address, B256)> = watch
            .proxies()
            .flat_map(|proxy| ProxySlot::ALL.map(|slot| (proxy.address, slot.place())))
            .collect();
        let read = if calls.is_empty() && addresses.is_empty() && slots.is_empty() {
            Ok(Readings::default())
        } else {
            self.eye.read(at, &calls, &addresses, &slots).await
        };
        let mut memory = place.memory();
        memory.keep(&watch);
        let mut alerts = Vec::new();
        let mut answers = match &read {
            Ok(readings) => readings.calls.clone(),
            Err(reason) => vec![Err(reason.clone()); calls.len()],
        }
        .into_iter();
        for view in views {
            let said: Vec<_> = view.questions().filter_map(|_| answers.next()).collect();
            let trouble = match view.judge(&said) {
                Ok(judged) => {
                    alerts.extend(memory.view(&watch, view, judged, at));
                    None
                }
                Err(reason) => Some(format!("{}: {reason}", view.definition)),
            };
            if let Some(every) = view.every.filter(|_| trouble.is_none()) {
                self.views_due.insert(view.name.clone(), now + every);
            }
            self.trouble(view_part(&view.name), trouble);
        }
        let mut known = BTreeSet::new();
        for (position, safe) in safes.into_iter().enumerate() {
            let reading = match &read {
                Ok(readings) => readings.safes.get(position).cloned(),
                Err(reason) => Some(Err(reason.clone())),
            };
            let trouble = match reading.unwrap_or_else(|| Err("it was not read".to_owned())) {
                Ok(reading) => {
                    alerts.extend(memory.safe(&watch, safe, &reading, place.told(), at));
                    known.insert(safe.address);
                    match reading {
                        SafeReading::State(_) => None,
                        SafeReading::NoSafe(reason) => Some(reason),
                    }
                }
                Err(reason) => Some(reason),
            };
            self.trouble(safe_part(&safe.name), trouble);
        }
        // What events told of is used up for each Safe that was compared.
        place.told().retain(|(safe, _)| addresses.contains(safe) && !known.contains(safe));
        let words = match &read {
            Ok(readings) => readings.slots.clone(),
            Err(reason) => vec![Err(reason.clone()); slots.len()],
        };
        let named = place.named().clone();
        alerts.extend(self.compare_proxies(place, &mut memory, words, at));
        alerts.extend(self.compare_beacons(&mut memory, &named, at).await);
        place.remember(at.number, memory);
        self.compared = true;
        self.show(outbox);
        alerts
    }

    /// The slots of every contract, as many words each as there are slots.
    fn compare_proxies(
        &mut self,
        place: &mut Place,
        memory: &mut Memory,
        words: Vec<Result<B256, String>>,
        at: &SeenBlock,
    ) -> Vec<Alert> {
        let watch = self.settings.watch.clone();
        let mut words = words.into_iter();
        let mut next = || words.next().unwrap_or_else(|| Err("it was not read".to_owned()));
        let mut alerts = Vec::new();
        for proxy in watch.proxies() {
            let slots = [next(), next(), next()];
            let trouble = match slots {
                [Ok(implementation), Ok(admin), Ok(beacon)] => {
                    let found = [implementation, admin, beacon];
                    alerts.extend(memory.proxy(&watch, proxy, found, place.named(), at));
                    place.named().retain(|(of, ..)| *of != proxy.address);
                    None
                }
                [Err(reason), ..] | [_, Err(reason), _] | [.., Err(reason)] => Some(reason),
            };
            self.trouble(proxy_part(&proxy.name), trouble);
        }
        place.named().retain(|(of, ..)| watch.proxies().any(|proxy| proxy.address == *of));
        alerts
    }

    /// What the beacons say that proxies name, whether anybody configured them or not.
    async fn compare_beacons(&mut self, memory: &mut Memory, named: &Named, at: &SeenBlock) -> Vec<Alert> {
        let watch = self.settings.watch.clone();
        let of = |proxy| Some((proxy, memory.beacon(proxy)?));
        // What could not be read a moment ago is told as that.
        let well = |proxy: &&Subject| !self.troubles.contains_key(&proxy_part(&proxy.name));
        let beacons: Vec<(&Subject, Address)> = watch.proxies().filter(well).filter_map(of).collect();
        if beacons.is_empty() {
            return Vec::new();
        }
        let question = Bytes::from_static(&BEACON_IMPLEMENTATION);
        let calls: Vec<_> = beacons.iter().map(|(_, beacon)| (*beacon, question.clone())).collect();
        let mut said = match self.eye.read(at, &calls, &[], &[]).await {
            Ok(readings) => readings.calls,
            Err(reason) => vec![Err(reason); calls.len()],
        }
        .into_iter();
        let mut alerts = Vec::new();
        for (proxy, beacon) in beacons {
            let said = said.next().unwrap_or_else(|| Err("it was not read".to_owned()));
            let code = said.and_then(|said| address(&said).ok_or_else(|| "it names none".to_owned()));
            let trouble = match code {
                Ok(code) => {
                    alerts.extend(memory.behind(&watch, proxy, (beacon, code), named, at));
                    None
                }
                Err(reason) => Some(format!("which code its beacon {beacon} names is not known: {reason}")),
            };
            self.trouble(proxy_part(&proxy.name), trouble);
        }
        alerts
    }

    fn trouble(&mut self, part: String, trouble: Option<String>) {
        match trouble {
            Some(reason) => self.troubles.insert(part, reason),
            None => self.troubles.remove(&part),
        };
    }

    /// Views that are read more rarely than the chain moves stay as they were found.
    fn show(&self, outbox: &Outbox) {
        let now = self.clock.now();
        for part in self.parts() {
            match self.troubles.get(&part) {
                Some(reason) => outbox.health.failed(&part, format!("{part}: {reason}")),
                None => outbox.health.ok(&part, now),
            }
        }
    }
}
