//! What alerts of one trust share: which hashes were seen, what was retracted, and the clock.
//!
//! The clock is event time, and moves only with two bots: it is the newest time that two different bots have
//! reached. While there is one bot, it binds only that bot. So one source whose clock runs ahead cannot make
//! everybody else's evidence too old. Where the time of day is known, no clock of the data runs ahead of it, however
//! many say so: two monitors of one machine with a wrong clock are two bots. A second clock of the same kind, over
//! the times at which feeds made their alerts, tells how long a heartbeat has been silent.

use std::collections::{BTreeSet, HashMap, VecDeque};

use alloy::primitives::{Address, B256};
use jiff::{SignedDuration, Timestamp};

use super::attacker;
use super::held::{HashKey, Held};
use super::remembered::Remembered;
use super::truth::Canonicity;
use crate::domain::alert::{Alert, AlertHash, BotId};
use crate::domain::names::ChainId;

/// Hashes remembered for each kind of feed, authenticated or not, beside those of alerts that windows hold: beyond,
/// the oldest that no window holds are forgotten (a thousand at once), and their alerts would be judged once more.
pub const SEEN_HASHES_MAX: usize = 65_536;
/// How many more are remembered until the oldest go, together: what lies side by side is quick to reach.
const FORGOTTEN_AT_ONCE: usize = 1_024;
/// Cleared attackers remembered; beyond, the oldest is forgotten.
pub const RETRACTED_MAX: usize = 65_536;
/// How long a retraction holds, by event time: who was cleared once is not immune for ever. As long as the
/// Attack Detector itself looks back.
pub const RETRACTED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How far the clock moves before windows nobody touched are pruned too.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// A block as far as it tells two deliveries of one alert apart.
type Version = Option<(u64, Timestamp, Option<B256>)>;

/// What is known of a hash.
#[derive(Clone, Debug)]
struct Seen {
    version: Version,
    /// The chain said that this block is none of its.
    orphaned: bool,
    /// A window may hold the alert.
    held: bool,
}

impl Seen {
    fn height(&self) -> Option<(u64, Timestamp)> {
        self.version.map(|(number, at, _)| (number, at))
    }
}

/// What alerts of one trust share.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    seen: Remembered<Seen>,
    retracted: HashMap<(ChainId, Address), Vec<(BotId, Timestamp)>>,
    retracted_order: VecDeque<(ChainId, Address)>,
    happened: TwoBots,
    made: TwoBots,
    pruned: Option<Timestamp>,
}

/// A hash that was looked up.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) key: HashKey,
    /// As the lane hashes it.
    hash: u64,
    /// What came with it was not known then.
    pub(super) is_news: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Never seen, so that no window can hold it.
    New,
    /// With a newer block.
    Again,
    /// Nothing new.
    Repeated,
}

impl Lane {
    /// Looks a hash up; also whether this block of the alert is not known yet, so that asking about it is of use.
    pub(super) fn look(&self, key: HashKey, alert: &Alert) -> Looked {
        let hash = self.seen.hash(&key);
        let is_news = self.seen.get(hash, &key).is_none_or(|seen| seen.version != version(alert));
        Looked { key, hash, is_news }
    }

    /// Takes note of the hash. The same block again says nothing new, and neither does an older one, unless what is
    /// known never happened; of two blocks at one height either may be the newer. What never happened
    /// displaces nothing.
    ///
    /// `held` are the alerts that windows hold; their hashes are not forgotten.
    pub(super) fn arrive(
        &mut self,
        looked: &Looked,
        alert: &Alert,
        block: Canonicity,
        held: &Held,
    ) -> Arrival {
        let orphaned = block == Canonicity::Orphaned;
        let found = Seen { version: version(alert), orphaned, held: false };
        let Some(known) = self.seen.find_or_push(looked.hash, &looked.key, found.clone()) else {
            self.make_room(held);
            return Arrival::New;
        };
        if known.version == found.version || (!known.orphaned && found.height() < known.height()) {
            return Arrival::Repeated;
        }
        if !orphaned {
            *known = Seen { held: known.held, ..found };
        }
        Arrival::Again
    }

    /// A window holds the alert from now on.
    pub(super) fn hold(&mut self, Looked { key, hash, .. }: &Looked) {
        self.seen.get_mut(*hash, key).into_iter().for_each(|seen| seen.held = true);
    }

    /// Forgets hashes, oldest first, but for those of alerts that windows hold.
    fn make_room(&mut self, held: &Held) {
        let room = SEEN_HASHES_MAX.saturating_add(held.len());
        if self.seen.len() < room.saturating_add(FORGOTTEN_AT_ONCE) {
            return;
        }
        // There are more hashes than are held, so that one of them can go.
        while self.seen.len() > room
            && let Some((oldest, seen)) = self.seen.pop()
        {
            if seen.held && held.contains(&oldest) {
                self.seen.push(oldest, seen);
            }
        }
    }

    /// How many hashes are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.seen.len()
    }

    /// The block of this alert turned out to be none of the chain's.
    pub(super) fn orphan(&mut self, hash: &AlertHash) {
        let key = HashKey::of(hash);
        if let Some(seen) = self.seen.get_mut(self.seen.hash(&key), &key) {
            seen.orphaned = true;
        }
    }

    /// Makes the hash unknown again.
    pub(super) fn forget(&mut self, hash: &AlertHash) {
        self.seen.remove(&HashKey::of(hash));
    }

    /// How far the alert is behind the clock that binds it; negative when it is ahead.
    pub(super) fn behind(&self, alert: &Alert, now: Option<Timestamp>) -> Option<SignedDuration> {
        let newest = self.happened.binding(&alert.bot).max(now)?;
        Some(newest.duration_since(alert.event_time()))
    }

    /// Moves the clocks, never beyond `now`; says where the first stands when it is time to prune.
    pub(super) fn advance(&mut self, alert: &Alert, now: Option<Timestamp>) -> Option<Timestamp> {
        self.happened.reach(&alert.bot, not_after(alert.event_time(), now));
        self.made.reach(&alert.bot, not_after(alert.created_at, now));
        let newest = self.happened.last()?;
        let due = self.pruned.is_none_or(|pruned| newest.duration_since(pruned) >= PRUNE_EVERY);
        due.then(|| {
            self.pruned = Some(newest);
            newest
        })
    }

    /// The newest time at which two bots have made an alert.
    pub(super) fn made(&self) -> Option<Timestamp> {
        self.made.both()
    }

    /// Notes whom the alert clears; gives them.
    pub(super) fn retract(&mut self, alert: &Alert) -> BTreeSet<Address> {
        let cleared = attacker::cleared(alert);
        for address in &cleared {
            let key = (alert.chain, *address);
            let by = self.retracted.entry(key).or_default();
            if by.is_empty() {
                self.retracted_order.push_back(key);
            }
            by.retain(|(bot, _)| *bot != alert.bot);
            by.push((alert.bot.clone(), alert.event_time()));
            if self.retracted_order.len() > RETRACTED_MAX
                && let Some(oldest) = self.retracted_order.pop_front()
            {
                self.retracted.remove(&oldest);
            }
        }
        cleared
    }

    /// Whether one of `bots` has cleared everybody the alert accuses; gives one of them.
    pub(super) fn cleared(
        &self,
        alert: &Alert,
        accused: &BTreeSet<Address>,
        bots: &BTreeSet<BotId>,
    ) -> Option<Address> {
        let is_cleared = |address: &&Address| {
            let by = self.retracted.get(&(alert.chain, **address));
            by.is_some_and(|by| {
                by.iter().any(|(bot, at)| {
                    bots.contains(bot) && alert.event_time().duration_since(*at) <= RETRACTED_FOR
                })
            })
        };
        accused.iter().all(|address| is_cleared(&address)).then(|| accused.first().copied()).flatten()
    }
}

/// A time of the data as far as it can be true: nothing has happened yet that is after the time of day.
pub(super) fn not_after(at: Timestamp, now: Option<Timestamp>) -> Timestamp {
    now.map_or(at, |now| at.min(now))
}

fn version(alert: &Alert) -> Version {
    alert.block.as_ref().map(|block| (block.number, block.timestamp, block.hash))
}

/// The newest times of two different bots, in no order.
#[derive(Clone, Debug, Default)]
struct TwoBots([Option<(BotId, Timestamp)>; 2]);

impl TwoBots {
    fn reach(&mut self, bot: &BotId, at: Timestamp) {
        // The usual case: nothing older than both moves either.
        if self.both().is_some_and(|both| at <= both) {
            return;
        }
        let [one, other] = &mut self.0;
        match (one, other) {
            (Some((known, newest)), _) | (_, Some((known, newest))) if known == bot => {
                *newest = at.max(*newest);
            }
            (none @ None, _) | (_, none @ None) => *none = Some((bot.clone(), at)),
            // Whoever has come less far, the new time is beyond theirs.
            (Some(one), Some(other)) => {
                let (known, newest) = if one.1 < other.1 { one } else { other };
                known.clone_from(bot);
                *newest = at;
            }
        }
    }

    /// The newest time that both have reached, or the one there is.
    fn last(&self) -> Option<Timestamp> {
        self.both().or_else(|| self.0.iter().flatten().map(|(_, at)| *at).next())
    }

    /// The newest time that both have reached.
    fn both(&self) -> Option<Timestamp> {
        let [Some((_, one)), Some((_, other))] = &self.0 else { return None };
        Some(*one.min(other))
    }

    /// What binds this bot: the time of both, or its own while it is alone.
    fn binding(&self, bot: &BotId) -> Option<Timestamp> {
        self.both().or_else(|| self.0.iter().flatten().find(|(alone, _)| alone == bot).map(|(_, at)| *at))
    }
}
