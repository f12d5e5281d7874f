//! What alerts of one trust share: which hashes were seen, and the clock.
//!
//! The clock is event time, and moves only with two bots: it is the newest time that two different bots have
//! reached. While there is one bot, it binds only that bot. So one source whose clock runs ahead cannot make
//! everybody else's evidence too old.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::domain::alert::{Alert, AlertHash, BotId};

/// Hashes remembered for each kind of feed, authenticated or not; beyond, the oldest is forgotten, and a
/// repetition is then recognised only while a window holds its alert.
pub const SEEN_HASHES_MAX: usize = 65_536;
/// How far the clock moves before windows nobody touched are pruned too.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// What alerts of one trust share.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    seen: HashMap<AlertHash, Option<(u64, Timestamp)>>,
    order: VecDeque<AlertHash>,
    /// The newest event times of two different bots, newest first.
    leaders: Vec<(BotId, Timestamp)>,
    pruned: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// New, or with a newer block.
    Fresh,
    Repeated,
}

impl Lane {
    pub(super) fn arrive(&mut self, alert: &Alert) -> Arrival {
        let block = alert.block.as_ref().map(|block| (block.number, block.timestamp));
        match self.seen.get_mut(&alert.hash) {
            Some(known) if block <= *known => return Arrival::Repeated,
            Some(known) => {
                *known = block;
                return Arrival::Fresh;
            }
            None => {}
        }
        self.seen.insert(alert.hash.clone(), block);
        self.order.push_back(alert.hash.clone());
        if self.order.len() > SEEN_HASHES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Arrival::Fresh
    }

    /// Makes the hash unknown again.
    pub(super) fn forget(&mut self, hash: &AlertHash) {
        self.seen.remove(hash);
    }

    /// How far the alert is behind the clock that binds it; negative when it is ahead.
    pub(super) fn behind(&self, alert: &Alert) -> Option<SignedDuration> {
        let newest = match self.leaders.as_slice() {
            [(bot, newest)] if *bot == alert.bot => *newest,
            [_, (_, newest)] => *newest,
            _nobody_yet => return None,
        };
        Some(newest.duration_since(alert.event_time()))
    }

    /// Moves the clock; says where it stands when it is time to prune.
    pub(super) fn advance(&mut self, alert: &Alert) -> Option<Timestamp> {
        let at = alert.event_time();
        match self.leaders.iter_mut().find(|(bot, _)| *bot == alert.bot) {
            Some((_, newest)) => *newest = at.max(*newest),
            None => self.leaders.push((alert.bot.clone(), at)),
        }
        self.leaders.sort_by_key(|(_, at)| Reverse(*at));
        self.leaders.truncate(2);
        let newest = self.leaders.last().map(|(_, at)| *at)?;
        let due = self.pruned.is_none_or(|pruned| newest.duration_since(pruned) >= PRUNE_EVERY);
        due.then(|| {
            self.pruned = Some(newest);
            newest
        })
    }
}
