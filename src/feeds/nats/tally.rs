//! Which claims wait for how many instances. Pure: time is an argument.
//!
//! *The same claim* is the same identity said with the same weight: bot, class, severity, chain, transaction and
//! addresses. An instance that was taken over can so neither raise a severity nor add a victim to what the others say:
//! its claim is another one, and waits alone. An instance counts once, however often it repeats itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, B256};
use jiff::{SignedDuration, Timestamp};

use crate::domain::alert::{Alert, AlertSeverity};

/// Claims that wait at once; beyond, the oldest is given up and shown. JetStream keeps what we did not acknowledge.
pub(super) const CLAIMS_WAITING_MAX: usize = 1_000;

/// Claims that were believed and are remembered, so that the last instance to speak does not begin a new count.
const BELIEVED_MAX: usize = 10_000;

/// A message that holds a part of a claim, by the desk's number.
pub(super) type HandleId = u64;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    hash: String,
    bot: String,
    alert_id: String,
    severity: AlertSeverity,
    transaction: Option<B256>,
    addresses: BTreeSet<Address>,
}

impl Key {
    fn of(alert: &Alert) -> Self {
        Self {
            hash: alert.hash.0.clone(),
            bot: alert.bot.as_str().to_owned(),
            alert_id: alert.alert_id.clone(),
            severity: alert.severity,
            transaction: alert.transaction,
            addresses: alert.addresses.iter().copied().collect(),
        }
    }
}

/// What one instance said of a claim.
#[derive(Debug)]
struct Vote {
    handle: HandleId,
    sequence: Option<u64>,
}

#[derive(Debug)]
struct Waiting {
    since: Timestamp,
    first: Alert,
    raw: Vec<u8>,
    votes: BTreeMap<usize, Vote>,
}

/// What came of one vote.
#[derive(Debug)]
pub(super) enum Counted {
    /// It waits for others. What it stands in for, if the same instance said it before.
    Waits { replaced: Option<Replaced> },
    /// Enough instances made the claim.
    Believed(Box<Settled>),
    /// It was believed before: there is nothing to do for it.
    Known,
}

/// A message that another of the same instance stands in for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    /// A repetition: the older can be acknowledged.
    Repetition(HandleId),
    /// The very same message, delivered once more: only the newer may be acknowledged.
    SameMessage(HandleId),
}

/// A claim that waits no more.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) alert: Alert,
    pub(super) raw: Vec<u8>,
    /// Who made it, by the order of the configuration.
    pub(super) by: Vec<usize>,
    pub(super) handles: Vec<HandleId>,
}

impl Settled {
    fn of(waiting: Waiting) -> Self {
        Self {
            alert: waiting.first,
            raw: waiting.raw,
            by: waiting.votes.keys().copied().collect(),
            handles: waiting.votes.values().map(|vote| vote.handle).collect(),
        }
    }
}

/// The claims that wait.
#[derive(Debug)]
pub(super) struct Tally {
    quorum: usize,
    within: SignedDuration,
    waiting: BTreeMap<Key, Waiting>,
    believed: BTreeSet<Key>,
    order: VecDeque<Key>,
}

impl Tally {
    pub(super) fn new(quorum: usize, within: SignedDuration) -> Self {
        Self { quorum, within, waiting: BTreeMap::new(), believed: BTreeSet::new(), order: VecDeque::new() }
    }

    /// Counts what an instance said.
    pub(super) fn count(
        &mut self,
        instance: usize,
        (handle, sequence): (HandleId, Option<u64>),
        alert: Alert,
        raw: &[u8],
        now: Timestamp,
    ) -> Counted {
        let key = Key::of(&alert);
        if self.believed.contains(&key) {
            return Counted::Known;
        }
        let fresh = || Waiting { since: now, first: alert, raw: raw.to_vec(), votes: BTreeMap::new() };
        let mut waiting = self.waiting.remove(&key).unwrap_or_else(fresh);
        let before = waiting.votes.insert(instance, Vote { handle, sequence });
        if waiting.votes.len() >= self.quorum {
            return Counted::Believed(Box::new(Settled::of(waiting)));
        }
        self.waiting.insert(key, waiting);
        let replaced = before.map(|vote| {
            if vote.sequence.is_some() && vote.sequence == sequence {
                Replaced::SameMessage(vote.handle)
            } else {
                Replaced::Repetition(vote.handle)
            }
        });
        Counted::Waits { replaced }
    }

    /// The claim was committed: whoever repeats it tells nothing new.
    pub(super) fn committed(&mut self, alert: &Alert) {
        let key = Key::of(alert);
        if self.believed.insert(key.clone()) {
            self.order.push_back(key);
        }
        while self.order.len() > BELIEVED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.believed.remove(&oldest);
            }
        }
    }

    /// Claims that waited too long, and the oldest above the bound.
    pub(super) fn give_up(&mut self, now: Timestamp) -> Vec<Settled> {
        let mut late: Vec<(Timestamp, Key)> =
            self.waiting.iter().map(|(key, waiting)| (waiting.since, key.clone())).collect();
        late.sort();
        let over = late.len().saturating_sub(CLAIMS_WAITING_MAX);
        let past = |since: &Timestamp| now.duration_since(*since) >= self.within;
        let given_up: Vec<Key> = late
            .into_iter()
            .enumerate()
            .filter(|(index, (since, _))| *index < over || past(since))
            .map(|(_, (_, key))| key)
            .collect();
        given_up.iter().filter_map(|key| self.waiting.remove(key)).map(Settled::of).collect()
    }

    /// How many wait, and the messages that hold them.
    pub(super) fn held(&self) -> impl Iterator<Item = HandleId> {
        self.waiting.values().flat_map(|waiting| waiting.votes.values().map(|vote| vote.handle))
    }

    pub(super) fn is_over(&self) -> bool {
        self.waiting.len() > CLAIMS_WAITING_MAX
    }
}
