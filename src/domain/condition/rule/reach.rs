//! What the index has to know of a rule's memory: when it has to be told the time, how old what it holds may
//! become, and which alerts it holds.

use jiff::{SignedDuration, Timestamp};

use super::super::window::Entry;
use super::{Memory, Rule};
use crate::domain::alert::AlertHash;

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

    /// What its windows and trails hold, of either trust; an alert may be in several.
    pub(in super::super) fn entries(&self) -> Box<dyn Iterator<Item = &Entry> + '_> {
        match &self.memory {
            Memory::Counting(counting) => Box::new(counting.entries()),
            Memory::Following(following) => Box::new(following.entries()),
            Memory::Lasting(lasting) => Box::new(lasting.entries()),
            Memory::Listening(_) => Box::new(std::iter::empty()),
        }
    }

    /// The alerts it holds, of either trust; the ends of states, too, which are no entries.
    pub(in super::super) fn hashes(&self) -> Box<dyn Iterator<Item = &AlertHash> + '_> {
        let entries = self.entries().map(|entry| &entry.hash);
        match &self.memory {
            Memory::Lasting(lasting) => Box::new(entries.chain(lasting.ends())),
            Memory::Counting(_) | Memory::Following(_) | Memory::Listening(_) => Box::new(entries),
        }
    }
}
