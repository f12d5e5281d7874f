//! What could not be read as an alert: said in the log, so that a feed whose every word is misunderstood does not look like
//! one that has nothing to say. The words themselves are in the quarantine.

use std::collections::BTreeMap;

use crate::domain::names::FeedName;
use crate::feeds::Rejected;

/// How many items each feed brought that were no alerts.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<FeedName, u64>);

impl Unread {
    /// Counts them. It is said when it begins, and each time it has doubled.
    pub(super) fn note(&mut self, feed: &FeedName, rejected: &[Rejected]) {
        let Some(first) = rejected.first() else { return };
        let items = self.0.entry(feed.clone()).or_default();
        if add(items, rejected.len() as u64) {
            let (items, why) = (*items, first.reason.as_str());
            tracing::warn!(%feed, items, why, "items of a feed were no alerts: `redhandle feed quarantine {feed}` shows them");
        }
    }
}

/// Adds, and tells whether a power of two was reached or passed.
fn add(items: &mut u64, more: u64) -> bool {
    let before = *items;
    *items = before.saturating_add(more);
    before.checked_ilog2() != items.checked_ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_when_it_begins_and_each_time_it_has_doubled() {
        let mut items = 0;
        let said: Vec<_> = [1, 1, 1, 1, 1, 1, 1, 1, 30, 1].map(|more| (add(&mut items, more), items)).into();
        let when: Vec<u64> = said.iter().filter(|(said, _)| *said).map(|(_, items)| *items).collect();
        assert_eq!(when, [1, 2, 4, 8, 38]);
    }
}
