//! An alert and a condition by themselves, whatever else came.

use super::super::about::About;
use super::super::compile::Watched;
use super::super::matcher::Verdict;
use super::super::steps::Steps;
use super::super::vocabulary::AlertView;
use super::passed::PassedBy;
use super::{Memory, Rule};
use crate::domain::alert::Alert;
use crate::domain::expression::language::Gap;

/// How an alert concerns a condition, whatever else came.
#[derive(Clone, Debug)]
pub(in super::super) struct Concern {
    /// Contracts it is about, or may be.
    pub(super) about: Vec<(Watched, About)>,
    /// Steps it may be.
    pub(super) steps: Steps,
    pub(super) gap: Option<Gap>,
    pub(super) holds: bool,
}

impl Concern {
    /// The alert as it is told where it does not count.
    pub(super) fn passed_by(&self, alert: &Alert) -> PassedBy {
        PassedBy {
            hash: alert.hash.clone(),
            at: alert.event_time(),
            chain: alert.chain,
            authenticated: alert.authenticated,
            about: self.about.iter().map(|(watched, _)| watched.contract.clone()).collect(),
        }
    }
}

impl Rule {
    /// Looks at the alert by itself. `None` where it is not about this condition at all.
    pub(in super::super) fn concern(&self, alert: &Alert, view: &AlertView<'_>) -> Option<Concern> {
        let silence = matches!(self.memory, Memory::Listening(_));
        let about = self.condition.about(view);
        let anywhere = self.condition.anywhere();
        let on_chain = anywhere.contains(&true)
            && self.condition.watched().iter().any(|watched| watched.chain_id == alert.chain);
        // A heartbeat names nobody.
        if about.is_empty() && !on_chain && !silence {
            return None;
        }
        let holds = self.condition.holds(view);
        let (mut steps, mut gap) = (Steps::default(), None);
        let mut holds = match holds {
            Ok(holds) => holds,
            Err(lack) => {
                gap = Some(lack);
                false
            }
        };
        if holds && !anywhere.is_empty() {
            let names_a_target = !about.is_empty();
            (steps, gap) =
                self.condition.steps_of(view, |step| names_a_target || anywhere.get(step) == Some(&true));
            holds = !steps.is_empty();
        }
        let about = about.into_iter().map(|(watched, answer)| (watched.clone(), answer)).collect();
        Some(Concern { about, steps, gap, holds })
    }

    /// Whether such an alert would join a window if nothing spoke against it.
    pub(in super::super) fn would_take(&self, concern: Option<&Concern>) -> bool {
        !matches!(self.memory, Memory::Listening(_)) && concern.is_some_and(|concern| concern.holds)
    }

    pub(in super::super) fn verdict(&self, alert: &Alert, view: &AlertView<'_>) -> Verdict {
        let about = self.condition.about(view);
        let concern = self.concern(alert, view);
        let when = match concern.as_ref().map(|concern| (&concern.gap, concern.holds)) {
            Some((Some(gap), false)) => Err(gap.to_string()),
            Some((_, holds)) => Ok(holds),
            None => self.condition.holds(view).map_err(|gap| gap.to_string()),
        };
        Verdict {
            runbook: self.runbook.clone(),
            condition: self.condition.id().clone(),
            about: about.into_iter().map(|(watched, _)| watched.contract.clone()).collect(),
            when,
            steps: concern.map_or_else(Vec::new, |concern| {
                concern.steps.iter().map(|step| step.saturating_add(1)).collect()
            }),
        }
    }
}
