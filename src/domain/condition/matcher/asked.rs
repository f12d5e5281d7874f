//! What a matcher tells when it is asked, without changing.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::compile::Condition;
use super::super::held::HashKey;
use super::super::outcome::Counters;
use super::super::rule::Rule;
use super::super::truth::BlockId;
use super::super::vocabulary::AlertView;
use super::Matcher;
use crate::domain::alert::{Alert, AlertHash};
use crate::domain::names::{ConditionId, ContractName, RunbookId};

/// What one condition makes of one alert by itself, whatever else came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whose condition.
    pub runbook: RunbookId,
    /// Which condition.
    pub condition: ConditionId,
    /// Its contracts that the alert is about.
    pub about: Vec<ContractName>,
    /// Whether `when` holds; the field that is lacking where that cannot be told.
    pub when: Result<bool, String>,
    /// The steps of its sequence that the alert may be, from 1.
    pub steps: Vec<usize>,
}

impl Matcher {
    /// Blocks of alerts that still count for a page only because nobody could say whether they are on the chain.
    pub fn unknown_blocks(&self) -> BTreeSet<BlockId> {
        self.rules.iter().flat_map(Rule::unknown_blocks).collect()
    }

    /// Whether a window still holds the alert; one that none holds need not be restored.
    pub fn holds(&self, hash: &AlertHash, authenticated: bool) -> bool {
        let key = HashKey::of(hash);
        let mut rules = self.held.by(&key).filter_map(|number| self.rules.get(number));
        rules.any(|rule| rule.holds(hash, authenticated))
    }

    /// What each condition makes of the alert by itself: for people who ask why.
    pub fn verdicts(&self, alert: &Alert) -> Vec<Verdict> {
        let view = AlertView::new(alert);
        self.rules.iter().map(|rule| rule.verdict(alert, &view)).collect()
    }

    /// What each condition has seen.
    pub fn counters(&self) -> impl Iterator<Item = (&RunbookId, &ConditionId, Cow<'_, Counters>)> {
        self.rules.iter().enumerate().map(|(number, rule)| {
            let scope = self.index.scope_of(number).and_then(|scope| self.about.get(scope));
            let about = scope.copied().unwrap_or_default();
            let counters = Counters { seen: self.seen, about, ..rule.counters.clone() };
            (&rule.runbook, rule.condition.id(), Cow::Owned(counters))
        })
    }

    /// Alerts whose block turned out to be none of the chain's ([`Matcher::learn`]) after a condition had taken them: each
    /// once, however many conditions had.
    pub fn orphaned_later(&self) -> u64 {
        self.orphaned_later
    }

    /// The conditions, in the order they were given.
    pub fn conditions(&self) -> impl Iterator<Item = (&RunbookId, &Condition)> {
        self.rules.iter().map(|rule| (&rule.runbook, &rule.condition))
    }
}
