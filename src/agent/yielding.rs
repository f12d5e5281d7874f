//! One open response for one target: who waits for whom, and that both incidents say so.

use std::collections::BTreeSet;

use super::store::{Recorded, StoreError};
use super::{Agent, TaskError};
use crate::domain::incident::target::{Target, could_wait, targets, waits_for};
use crate::domain::incident::{Actor, Fact, Incident, IncidentId};

impl Agent {
    /// For which incident's open response this one's has to wait.
    pub(super) fn waits_for(&self, incident: &Incident) -> Option<IncidentId> {
        if !could_wait(incident) {
            return None;
        }
        let wanted = self.targets(incident);
        let all = self.store.all();
        let others = all.iter().filter(|other| other.is_live()).map(|other| (&**other, self.targets(other)));
        waits_for(incident, &wanted, others)
    }

    fn targets(&self, incident: &Incident) -> BTreeSet<Target> {
        incident.runbook.as_ref().and_then(|id| self.plans.get(id)).map(targets).unwrap_or_default()
    }

    /// Notes on both that one waits for the other: on the other first, and once, whatever crashes between.
    pub(super) async fn yields(&self, incident: &Incident, to: IncidentId) -> Result<(), TaskError> {
        let runbook = incident.runbook.as_ref().map_or_else(String::new, |id| format!(" (runbook {id})"));
        let text = format!(
            "{}{runbook} makes the same calls: its response waits until this one's is executed, called off or closed",
            incident.id
        );
        while let Some(other) = self.store.get(to) {
            let noted = self.store.facts(to).iter().any(
                |(_, fact)| matches!(fact, Fact::Noted { by: Actor::Agent, text: known } if *known == text),
            );
            if noted {
                break;
            }
            let note = Fact::Noted { by: Actor::Agent, text: text.clone() };
            match self.store.record(to, other.version, vec![note], true).await {
                Ok(Recorded::Applied | Recorded::Unwritten) => break,
                Ok(Recorded::Stale) => {}
                // It is over: nothing is waited for any more.
                Err(StoreError::Refused(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        let still = |newest: &Incident| newest.waits_on != Some(to) && self.waits_for(newest) == Some(to);
        self.begin_while(incident.id, still, &Fact::ResponseWaits { on: to }).await?;
        Ok(())
    }
}
