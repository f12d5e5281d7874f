//! What came of all lines, in numbers.
//!
//! The plain numbers count alerts, as people do; what a condition did with them stands beside, by condition. An alert
//! is looked at when it comes, and counted then: nothing is remembered of it for the sake of counting. So one that
//! comes again with a newer block is counted again, and one that two retractions took out with each.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Unjudged;
use crate::domain::alert::AlertHash;
use crate::domain::condition::{Observation, Why, Withdrawal};
use crate::domain::names::{ChainName, ConditionId};

/// Lines told with their reasons; the rest is counted.
pub const MALFORMED_TOLD_MAX: usize = 1_000;
/// Withdrawals told; the rest is counted.
pub const WITHDRAWN_TOLD_MAX: usize = 1_000;

/// A line that is no alert, or a part of a batch that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MalformedLine {
    /// Its file, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its number in its file, from 1.
    pub line: u64,
    /// Which alert of the line, from 1, where the line is a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<u64>,
    /// Why.
    pub reason: String,
}

/// What came of all lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lines that are not blank, a batch of alerts being one.
    pub lines: u64,
    /// Of these, batches without any alert: `alerts` and `malformed` count nothing of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub batches_of_none: u64,
    /// Alerts in these lines: one a line, and each of a batch.
    pub alerts: u64,
    /// Of these, seen before.
    pub duplicates: u64,
    /// Of these, with a newer block, or after one that is not on the chain: they are judged anew.
    pub reincluded: u64,
    /// Lines that are neither alerts nor batches, and parts of batches that are no alerts.
    pub malformed: u64,
    /// Alerts that a condition took or that cleared somebody; repetitions are not counted, a newer block is.
    pub matched: u64,
    /// Firings.
    pub fired: u64,
    /// Of these, lowered to paging.
    pub downgraded: u64,
    /// Alerts that a condition discarded, or had counted until then, because their block is not on the chain; each alert
    /// once, however many conditions did, as in the two below.
    pub orphaned: u64,
    /// Alerts that a condition discarded, or had counted until then, because whom they accuse was cleared.
    pub retracted: u64,
    /// Alerts that a condition discarded because they are too old.
    pub late: u64,
    /// The same by condition: an alert that three conditions discarded is counted with each of the three. Conditions
    /// that discarded none are left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub discarded: BTreeMap<ConditionId, Discarded>,
    /// Firings held back: inhibited, or by an alert that is excepted.
    pub held: u64,
    /// Trails of sequences that had to make room for others.
    #[serde(skip_serializing_if = "is_zero")]
    pub trails_dropped: u64,
    /// Of these, where the next step could still have come in time: a firing may be missing.
    #[serde(skip_serializing_if = "is_zero")]
    pub trails_cut_short: u64,
    /// Blocks nobody could say anything about, [`UNKNOWN_BLOCKS_MAX`](super::UNKNOWN_BLOCKS_MAX) at most.
    pub unknown_blocks: u64,
    /// Alerts whose block nobody could say anything about when so many were known already: whether it was one of
    /// these is not remembered.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown_blocks_beyond: u64,
    /// Chains that did not answer when they were last asked, and what was wrong.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failing_chains: BTreeMap<ChainName, String>,
    /// Firings by condition; those that never fired too.
    pub conditions: BTreeMap<ConditionId, u64>,
    /// What conditions could not judge, by condition; those that judged all left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unjudged: BTreeMap<ConditionId, Unjudged>,
    /// Conditions that no recording can make fire in full, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cannot_fire: BTreeMap<ConditionId, String>,
    /// Why what was given could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What `malformed` counts, the first [`MALFORMED_TOLD_MAX`].
    pub malformed_lines: Vec<MalformedLine>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub malformed_lines_beyond: u64,
    /// What was taken back after it had fired, the first [`WITHDRAWN_TOLD_MAX`].
    pub withdrawn: Vec<Withdrawal>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub withdrawn_beyond: u64,
}

/// What one condition discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// Whose block is not on the chain.
    #[serde(skip_serializing_if = "is_zero")]
    pub orphaned: u64,
    /// Whose accused were cleared.
    #[serde(skip_serializing_if = "is_zero")]
    pub retracted: u64,
    /// That were too old.
    #[serde(skip_serializing_if = "is_zero")]
    pub late: u64,
}

impl std::fmt::Display for Discarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { orphaned, retracted, late } = *self;
        let all = [(orphaned, "on no chain"), (retracted, "retracted"), (late, "too old")];
        let told = all.into_iter().filter(|(alerts, _)| *alerts > 0);
        let told: Vec<String> = told.map(|(alerts, why)| format!("{alerts} {why}")).collect();
        f.write_str(&told.join(", "))
    }
}

impl Summary {
    pub(super) fn note_malformed(&mut self, malformed: MalformedLine) {
        count(&mut self.malformed, 1);
        if self.malformed_lines.len() < MALFORMED_TOLD_MAX {
            self.malformed_lines.push(malformed);
        } else {
            count(&mut self.malformed_lines_beyond, 1);
        }
    }

    pub(super) fn note_withdrawn(&mut self, withdrawal: &Withdrawal) {
        if self.withdrawn.len() < WITHDRAWN_TOLD_MAX {
            self.withdrawn.push(withdrawal.clone());
        } else {
            count(&mut self.withdrawn_beyond, 1);
        }
    }

    /// Counts what conditions discarded when an alert came: that alert, and those it takes back.
    pub(super) fn discard(&mut self, observation: &Observation) {
        let (mut orphaned, mut cleared, mut late) = (false, BTreeSet::new(), false);
        // The alert that came is nobody's hash here.
        let mut taken: BTreeSet<Option<&AlertHash>> = BTreeSet::new();
        for note in &observation.notes {
            let hash = match &note.why {
                Why::Orphaned => {
                    orphaned = true;
                    continue;
                }
                Why::TooLate(_) => {
                    late = true;
                    continue;
                }
                Why::Retracted(_) => None,
                Why::Withdrawn(hash) => Some(hash),
                Why::LackedField(_)
                | Why::UnfitField(_)
                | Why::Failed(_)
                | Why::AddressesCut(_)
                | Why::WindowFull(_)
                | Why::TrailDropped { .. }
                | Why::Muted(_)
                | Why::Suppressor
                | Why::NoGroup
                | Why::NoState
                | Why::Ended => continue,
            };
            cleared.insert((&note.condition, hash));
            taken.insert(hash);
        }
        for withdrawal in &observation.withdrawn {
            cleared.extend(withdrawal.alerts.iter().map(|hash| (&withdrawal.condition, Some(hash))));
            taken.extend(withdrawal.alerts.iter().map(Some));
        }
        count(&mut self.orphaned, u64::from(orphaned));
        count(&mut self.late, u64::from(late));
        count(&mut self.retracted, u64::try_from(taken.len()).unwrap_or(u64::MAX));
        for (condition, _) in cleared {
            count(&mut self.discarded.entry(condition.clone()).or_default().retracted, 1);
        }
    }

    /// Adds what a condition counted.
    pub(super) fn discarded_by(&mut self, condition: &ConditionId, orphaned: u64, late: u64) {
        if orphaned > 0 || late > 0 {
            let own = self.discarded.entry(condition.clone()).or_default();
            count(&mut own.orphaned, orphaned);
            count(&mut own.late, late);
        }
    }
}

fn count(counter: &mut u64, by: u64) {
    *counter = counter.saturating_add(by);
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}
