//! What a condition still lacks, about an alert that waits in it.

use jiff::Timestamp;

use super::super::standing::{Progress, Standing};
use super::{Memory, Rule};
use crate::domain::alert::AlertHash;

impl Rule {
    /// Where the alert waits without having taken part in a firing; `clock` is what states are measured by.
    pub(in super::super) fn standing(
        &self,
        hash: &AlertHash,
        authenticated: bool,
        clock: Option<Timestamp>,
    ) -> Vec<Standing> {
        let condition = &self.condition;
        let new = |contracts, shared, progress| {
            Standing::new(self.runbook.clone(), condition.id().clone(), contracts, shared, progress)
        };
        match &self.memory {
            Memory::Counting(counting) => {
                let wanted = condition.wanted();
                let waits = counting.standing(hash, authenticated, &wanted).into_iter();
                waits
                    .map(|(shared, contracts, found)| {
                        let further = condition.spec().distinct.iter().map(|distinct| distinct.of);
                        new(contracts, shared, Progress::count(&found, &wanted, further))
                    })
                    .collect()
            }
            Memory::Following(following) => {
                let (steps, within) = (condition.anywhere().len(), condition.count().within);
                let waits = following.standing(hash, authenticated, condition).into_iter();
                waits
                    .map(|(shared, contract, found)| {
                        let progress = Progress::sequence(found, steps, within);
                        new(vec![contract], Some(shared.to_string()), progress)
                    })
                    .collect()
            }
            Memory::Lasting(lasting) => {
                let wanted = condition.count().within;
                let waits = lasting.standing(hash, authenticated).into_iter();
                let lasted = |since| clock.map(|clock: Timestamp| clock.max(since).duration_since(since));
                waits
                    .map(|(contract, since)| {
                        let progress = Progress::Lasting { since, lasted: lasted(since), wanted };
                        new(vec![contract], None, progress)
                    })
                    .collect()
            }
            Memory::Listening(_) => Vec::new(),
        }
    }
}
