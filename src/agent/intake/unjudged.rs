//! What conditions could not judge: said, so that a condition that waits for a field which no alert has does not look
//! like one that found nothing.

use std::collections::BTreeMap;

use crate::domain::condition::{Note, Why};
use crate::domain::names::{ConditionId, RunbookId};

/// How many alerts each condition could not judge, by the reason. There are as many as the conditions name fields and
/// contracts.
#[derive(Debug, Default)]
pub(super) struct Unjudged(BTreeMap<(RunbookId, ConditionId, String), u64>);

impl Unjudged {
    /// Counts what could not be judged. It is said when it begins, and each time it has doubled.
    pub(super) fn note(&mut self, notes: &[Note]) {
        for note in notes {
            let Some(why) = reason(&note.why) else { continue };
            let key = (note.runbook.clone(), note.condition.clone(), why);
            let alerts = self.0.entry(key.clone()).or_default();
            *alerts = alerts.saturating_add(1);
            if alerts.is_power_of_two() {
                let (runbook, condition, why) = key;
                tracing::warn!(%runbook, %condition, why, alerts = *alerts, "alerts could not be judged, and count for nothing here: correct the condition, or ask their sender");
            }
        }
    }
}

/// Why an alert that concerns the condition could not be judged; `None` of what was judged.
fn reason(why: &Why) -> Option<String> {
    match why {
        Why::LackedField(_) | Why::UnfitField(_) | Why::AddressesCut(_) => Some(why.to_string()),
        Why::Failed(_) => Some("the condition could not be evaluated".to_owned()),
        Why::WindowFull(_) => {
            Some("there were too many in one window, and the oldest had to make room".to_owned())
        }
        Why::TooLate(_)
        | Why::TrailDropped { .. }
        | Why::Orphaned
        | Why::Retracted(_)
        | Why::Withdrawn(_)
        | Why::Muted(_)
        | Why::Suppressor
        | Why::NoGroup
        | Why::NoState
        | Why::Ended => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_judged_is_counted_by_its_reason() {
        let mut unjudged = Unjudged::default();
        let note = |why| Note { runbook: "r".into(), condition: "c".into(), why };
        let lacked = || note(Why::LackedField("metadata.loss".to_owned()));
        unjudged.note(&[lacked(), note(Why::Orphaned), lacked(), note(Why::Failed("long".to_owned()))]);
        let told: Vec<(&str, u64)> =
            unjudged.0.iter().map(|((.., why), alerts)| (why.as_str(), *alerts)).collect();
        let lacked = "the condition needs metadata.loss, which the alert lacks";
        assert_eq!(told, [("the condition could not be evaluated", 1), (lacked, 2)]);
    }
}
