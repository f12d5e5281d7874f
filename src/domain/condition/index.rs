//! Which rules an alert may touch, found without looking at each.
//!
//! Conditions about the same contracts share a *scope*. An alert leads to scopes by the addresses it names (by the
//! filter, where the feed cut them), and within a scope to rules by its class, else its bot, else its severity. What
//! is found is a superset: rules judge in full, and a rule that is not found would have done nothing but count.
//! Rules that need no contract are found by chain (a step `anywhere`) or always (a heartbeat, and what
//! [`Needs`] does not understand). It holds no state of alerts.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use alloy::primitives::map::AddressHashMap;
// Quick to hash, and perhaps not safe from who seeks collisions: every key here comes from the configuration.
use hashbrown::HashMap;

use super::about::{Beyond, each_subject};
use super::bloom::{Filter, Probe};
use super::needs::{Fields, Needs, bit};
use super::rule::Rule;
use super::screen::Screen;
use crate::domain::alert::{Alert, AlertSeverity, BotId};
use crate::domain::names::ChainId;

/// How many bots, or classes, a rule may name to be found by each; one that names more is found by severity.
const NAMES_MAX: usize = 1_024;

/// A rule by its place in the matcher.
pub(super) type RuleNumber = usize;

/// Finds rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    chains: HashMap<ChainId, OnChain>,
    scopes: Vec<Bucket>,
    /// The scope of each rule.
    scope_of: Vec<usize>,
    heartbeats: Bucket,
    anything: Vec<RuleNumber>,
    bots: Names,
    alert_ids: Names,
    /// The rules that heed what a bot takes back.
    retractors: HashMap<BotId, Vec<RuleNumber>>,
}

/// What an alert may touch.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    /// Rules, in no order, some of them twice.
    pub(super) rules: Vec<RuleNumber>,
    /// Scopes with a contract the alert is about, or may be; each once.
    pub(super) scopes: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct OnChain {
    contracts: Vec<Contract>,
    /// The places of the contracts.
    places: AddressHashMap<usize>,
    /// Asked first.
    screen: Screen,
    /// Rules with a step that needs no contract.
    anywhere: Bucket,
}

#[derive(Clone, Debug)]
struct Contract {
    scopes: Vec<usize>,
    probe: Probe,
}

/// Numbers for names, in lower case.
#[derive(Clone, Debug, Default)]
struct Names(HashMap<Box<[u8]>, usize>);

/// Longer names are lowered in memory of their own: a bot's id has 66 bytes, and classes have fewer.
const SHORT_NAME_BYTES: usize = 80;

impl Names {
    fn number(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.as_bytes().into()).or_insert(next)
    }

    fn find(&self, name: &str) -> Name {
        let known = |name: &[u8]| self.0.get(name).map_or(Name::Unheard, |number| Name::Known(*number));
        let mut short = [0; SHORT_NAME_BYTES];
        match short.get_mut(..name.len()) {
            _ if name.is_empty() => Name::Lacking,
            Some(lowered) => {
                lowered.copy_from_slice(name.as_bytes());
                lowered.make_ascii_lowercase();
                known(lowered)
            }
            None => known(&name.as_bytes().to_ascii_lowercase()),
        }
    }
}

/// What a field of the alert says.
#[derive(Clone, Copy, Debug)]
enum Name {
    Known(usize),
    /// No condition names it.
    Unheard,
    /// The alert has none, which a condition may have to note.
    Lacking,
}

/// What a bucket is asked by.
#[derive(Clone, Copy)]
struct Key {
    bot: Name,
    alert_id: Name,
    severity: AlertSeverity,
}

/// Rules by what they need.
#[derive(Clone, Debug, Default)]
struct Bucket {
    by_bot: ByName,
    by_alert_id: ByName,
    by_severity: [Vec<RuleNumber>; SEVERITIES.len()],
}

/// A rule, and the severities it needs.
type Entry = (u8, RuleNumber);

/// Rules that need one of certain names.
#[derive(Clone, Debug, Default)]
struct ByName {
    rules: HashMap<usize, Vec<Entry>>,
    /// All of them, those that no name satisfies included: where the alert has none, each has something to note.
    all: Vec<Entry>,
}

const SEVERITIES: [AlertSeverity; 6] = [
    AlertSeverity::Unknown,
    AlertSeverity::Info,
    AlertSeverity::Low,
    AlertSeverity::Medium,
    AlertSeverity::High,
    AlertSeverity::Critical,
];

impl Bucket {
    fn add(&mut self, rule: RuleNumber, fields: &Fields, bots: &mut Names, alert_ids: &mut Names) {
        let few = |names: &Option<BTreeSet<String>>| names.clone().filter(|names| names.len() <= NAMES_MAX);
        // A bot has several classes of alerts, so that a class leads to fewer rules.
        let (by, names, numbers) = match (few(&fields.bots), few(&fields.alert_ids)) {
            (_, Some(names)) => (&mut self.by_alert_id, names, alert_ids),
            (Some(names), None) => (&mut self.by_bot, names, bots),
            (None, None) => {
                for (severity, rules) in SEVERITIES.iter().zip(&mut self.by_severity) {
                    if fields.admits(*severity) {
                        rules.push(rule);
                    }
                }
                return;
            }
        };
        let entry = (fields.severities(), rule);
        by.all.push(entry);
        for name in &names {
            by.rules.entry(numbers.number(name)).or_default().push(entry);
        }
    }

    fn find(&self, key: Key, rules: &mut Vec<RuleNumber>) {
        rules.extend(self.by_severity.get(key.severity as usize).into_iter().flatten());
        for (by, name) in [(&self.by_bot, key.bot), (&self.by_alert_id, key.alert_id)] {
            let named = match name {
                Name::Known(name) => by.rules.get(&name).map_or(&[][..], Vec::as_slice),
                Name::Unheard => &[],
                Name::Lacking => by.all.as_slice(),
            };
            let admitted = named.iter().filter(|(severities, _)| severities & bit(key.severity) != 0);
            rules.extend(admitted.map(|(_, rule)| *rule));
        }
    }
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        let mut scopes: BTreeMap<BTreeSet<(ChainId, Address)>, usize> = BTreeMap::new();
        for (number, rule) in rules.iter().enumerate() {
            let watched = rule.condition.watched();
            let about: BTreeSet<_> =
                watched.iter().map(|watched| (watched.chain_id, watched.address)).collect();
            let next = index.scopes.len();
            let scope = *scopes.entry(about.clone()).or_insert(next);
            index.scope_of.push(scope);
            if scope == next {
                index.scopes.push(Bucket::default());
                for (chain, address) in &about {
                    index.chains.entry(*chain).or_default().add(*address, scope);
                }
            }
            for bot in rule.condition.retractors() {
                index.retractors.entry(bot.clone()).or_default().push(number);
            }
            index.file(number, rule, scope, about.iter().map(|(chain, _)| *chain).collect());
        }
        for on_chain in index.chains.values_mut() {
            on_chain.screen = Screen::of(on_chain.places.keys());
        }
        index
    }

    fn file(&mut self, number: RuleNumber, rule: &Rule, scope: usize, on: BTreeSet<ChainId>) {
        let Self { chains, scopes, heartbeats, anything, bots, alert_ids, .. } = self;
        let (Needs::Fields(fields), Needs::Fields(fields_anywhere)) =
            (rule.condition.needs(), rule.condition.needs_anywhere())
        else {
            return anything.push(number);
        };
        if rule.listens() {
            return heartbeats.add(number, &fields, bots, alert_ids);
        }
        if let Some(bucket) = scopes.get_mut(scope) {
            bucket.add(number, &fields, bots, alert_ids);
        }
        if rule.condition.anywhere().contains(&true) {
            for chain in on {
                chains.entry(chain).or_default().anywhere.add(number, &fields_anywhere, bots, alert_ids);
            }
        }
    }

    /// The rules and the scopes that the alert by itself may touch.
    pub(super) fn find(&self, alert: &Alert) -> Touched {
        let key = Key {
            bot: self.bots.find(alert.bot.as_str()),
            alert_id: self.alert_ids.find(&alert.alert_id),
            severity: alert.severity,
        };
        let mut touched = Touched { rules: self.anything.clone(), scopes: Vec::new() };
        self.heartbeats.find(key, &mut touched.rules);
        let Some(on_chain) = self.chains.get(&alert.chain) else { return touched };
        on_chain.anywhere.find(key, &mut touched.rules);
        on_chain.about(alert, &mut touched.scopes);
        for scope in &touched.scopes {
            if let Some(bucket) = self.scopes.get(*scope) {
                bucket.find(key, &mut touched.rules);
            }
        }
        touched
    }

    /// The rules that heed what the alert takes back, in order; none where it takes nothing back.
    pub(super) fn heeding(&self, alert: &Alert) -> &[RuleNumber] {
        let by = alert.retracts().next().and_then(|_| self.retractors.get(&alert.bot));
        by.map_or(&[], Vec::as_slice)
    }

    /// Rules of kinds that are not understood: they are looked at whatever happens.
    pub(super) fn anything(&self) -> &[RuleNumber] {
        &self.anything
    }

    /// The scope of a rule.
    pub(super) fn scope_of(&self, rule: RuleNumber) -> Option<usize> {
        self.scope_of.get(rule).copied()
    }

    /// How many scopes there are.
    pub(super) fn scopes(&self) -> usize {
        self.scopes.len()
    }
}

impl OnChain {
    fn add(&mut self, address: Address, scope: usize) {
        let place = *self.places.entry(address).or_insert(self.contracts.len());
        if place == self.contracts.len() {
            self.contracts.push(Contract { scopes: Vec::new(), probe: Probe::of(address) });
        }
        self.contracts.get_mut(place).into_iter().for_each(|contract| contract.scopes.push(scope));
    }

    fn about(&self, alert: &Alert, scopes: &mut Vec<usize>) {
        let mut add = |contract: &Contract| scopes.extend(&contract.scopes);
        let beyond = each_subject(alert, |address| {
            let place = self.screen.admits(&address).then(|| self.places.get(&address)).flatten();
            place.and_then(|place| self.contracts.get(*place)).into_iter().for_each(&mut add);
        });
        match beyond {
            Beyond::Nobody => {}
            Beyond::Anybody => self.contracts.iter().for_each(add),
            Beyond::Filtered(filter) => match Filter::of(filter) {
                Ok(filter) => {
                    self.contracts.iter().filter(|contract| filter.holds(&contract.probe)).for_each(add);
                }
                // An unreadable filter may hold anybody.
                Err(_unreadable) => self.contracts.iter().for_each(add),
            },
        }
        scopes.sort_unstable();
        scopes.dedup();
    }
}
