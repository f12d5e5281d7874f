//! Alerts that a condition passed over, and why: said with what fires, because whoever reads why it fired asks what
//! was left out.
//!
//! The newest few of a condition are remembered, of those that came since the start; each alert's own story is told in
//! full by whoever asks for it. Nothing here decides anything.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::super::outcome::{Match, Why, short};
use crate::domain::alert::AlertHash;
use crate::domain::names::{ChainId, ContractName};

/// Alerts remembered of one condition.
const PASSED_MAX: usize = 8;
/// Alerts named in one firing before the rest is counted.
const PASSED_NAMED_MAX: usize = 3;
/// How far from a firing an alert may have happened and be told with it, where the condition looks back less.
const NEAR: SignedDuration = SignedDuration::from_hours(1);

/// What was passed over of late: what anybody could have sent apart, so that it pushes nothing else out.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    authenticated: VecDeque<(PassedBy, String)>,
    open: VecDeque<(PassedBy, String)>,
}

/// An alert as far as it is told.
#[derive(Clone, Debug)]
pub(super) struct PassedBy {
    pub(super) hash: AlertHash,
    /// Event time.
    pub(super) at: Timestamp,
    pub(super) chain: ChainId,
    pub(super) authenticated: bool,
    /// The contracts it is about; none where it may be about each on its chain.
    pub(super) about: Vec<ContractName>,
}

/// An alert that waited, and was taken out.
#[derive(Clone, Debug)]
pub(super) struct Waited {
    pub(super) at: Timestamp,
    pub(super) authenticated: bool,
    pub(super) about: Vec<ContractName>,
}

impl Waited {
    pub(super) fn passed_by(&self, hash: &AlertHash, chain: ChainId) -> PassedBy {
        let Self { at, authenticated, about } = self.clone();
        PassedBy { hash: hash.clone(), at, chain, authenticated, about }
    }
}

impl Passed {
    /// Notes that the alert was passed over, if this is a reason to.
    pub(super) fn note(&mut self, by: impl FnOnce() -> PassedBy, why: &Why) {
        if let Some(told) = reason(why) {
            self.add(by(), told);
        }
    }

    /// Notes that the alert no longer counts.
    pub(super) fn add(&mut self, by: PassedBy, why: String) {
        let all = if by.authenticated { &mut self.authenticated } else { &mut self.open };
        all.retain(|(known, _)| known.hash != by.hash);
        if all.len() >= PASSED_MAX {
            all.pop_front();
        }
        all.push_back((by, why));
    }

    /// Says with a firing what was passed over about its contract, at most `within` before or after it.
    pub(super) fn tell(&self, matched: &mut Match, authenticated: bool, within: SignedDuration) {
        let near = within.max(NEAR);
        let all = if authenticated { &self.authenticated } else { &self.open };
        let told: Vec<&(PassedBy, String)> = all
            .iter()
            .filter(|(by, _)| by.chain == matched.chain_id)
            .filter(|(by, _)| by.about.is_empty() || by.about.contains(&matched.contract))
            .filter(|(by, _)| by.at.duration_since(matched.at).abs() <= near)
            .filter(|(by, _)| !matched.alerts.contains(&by.hash))
            .collect();
        if told.is_empty() {
            return;
        }
        let named: Vec<String> = told
            .iter()
            .take(PASSED_NAMED_MAX)
            .map(|(by, why)| format!("{} ({why})", short(&by.hash.0)))
            .collect();
        matched.because.push_str(&format!("; not counted: {}", named.join(", ")));
        match told.len().saturating_sub(named.len()) {
            0 => {}
            more => matched.because.push_str(&format!(" and {more} more")),
        }
    }
}

/// Why an alert that concerned the condition did not count; `None` of what is no such reason.
fn reason(why: &Why) -> Option<String> {
    match why {
        Why::LackedField(_)
        | Why::UnfitField(_)
        | Why::Failed(_)
        | Why::TooLate(_)
        | Why::Orphaned
        | Why::Retracted(_)
        | Why::Suppressor
        | Why::NoGroup
        | Why::NoState
        | Why::AddressesCut(_) => {
            let told = why.to_string();
            Some(told.strip_prefix("discarded: ").map_or(told.clone(), str::to_owned))
        }
        // Of another alert, or no reason why this one does not count.
        Why::WindowFull(_) | Why::TrailDropped { .. } | Why::Withdrawn(_) | Why::Muted(_) | Why::Ended => {
            None
        }
    }
}
