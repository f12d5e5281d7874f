//! What the index has to know of a rule's memory: when it has to be told the time, how old what it holds may
//! become, and which alerts it holds.

use jiff::{SignedDuration, Timestamp};

use super::super::held::HashKey;
use super::{Memory, Rule};

impl Rule {
    /// The time after which [`Rule::tick`] does something; `None` while it cannot.
    pub(in super::super) fn wakes(&self) -> Option<Timestamp> {
        match (&self.memory, &self.condition.spec().absent) {
            (Memory::Listening(vigil), Some(spec)) => vigil.wakes(spec),
            // States that last are told the time with every alert.
            (Memory::Listening(_), None)
            | (Memory::Counting(_) | Memory::Following(_) | Memory::Lasting(_), _) => None,
        }
    }

    /// How far behind the newest event what it holds may be.
    pub(in super::super) fn keep(&self) -> SignedDuration {
        self.condition.spec().max_age.saturating_add(self.condition.count().within)
    }

    /// Whether it is a heartbeat, which hears alerts that name nobody.
    pub(in super::super) fn listens(&self) -> bool {
        matches!(self.memory, Memory::Listening(_))
    }

    /// When the oldest alert that it holds happened, of either trust.
    pub(in super::super) fn oldest(&self) -> Option<Timestamp> {
        match &self.memory {
            Memory::Counting(counting) => counting.oldest(),
            Memory::Following(following) => following.oldest(),
            Memory::Lasting(lasting) => lasting.oldest(),
            Memory::Listening(_) => None,
        }
    }

    /// The alerts it holds, of either trust; the ends of states, too.
    pub(in super::super) fn hashes(&self) -> Box<dyn Iterator<Item = HashKey> + '_> {
        match &self.memory {
            Memory::Counting(counting) => Box::new(counting.hashes().cloned()),
            Memory::Following(following) => Box::new(following.hashes().cloned()),
            Memory::Lasting(lasting) => Box::new(lasting.hashes().map(HashKey::of)),
            Memory::Listening(_) => Box::new(std::iter::empty()),
        }
    }
}
