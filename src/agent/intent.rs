//! Intents: recorded on the newest state, as long as the task still follows from it.
//!
//! Facts come in all the time (a page that was delivered, an alert that matched): that the incident changed
//! meanwhile is the rule, and no reason to give up. Whether the task is still wanted is decided anew on what is
//! newest.

use super::Agent;
use super::store::{Recorded, StoreError};
use crate::domain::incident::{Fact, Incident, IncidentId, Task, due};

impl Agent {
    /// Records the intent of a task that is due. False: it is not due any more.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) async fn begin(&self, id: IncidentId, task: &Task, fact: &Fact) -> Result<bool, StoreError> {
        let is_due =
            |newest: &Incident| due(newest, &self.world(newest), self.clock.now()).tasks.contains(task);
        self.begin_while(id, is_due, fact).await
    }

    /// Records an intent for as long as the newest state is as it must be. False: it is not any more.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) async fn begin_while(
        &self,
        id: IncidentId,
        wanted: impl Fn(&Incident) -> bool,
        fact: &Fact,
    ) -> Result<bool, StoreError> {
        loop {
            let newest = self.store.get(id).ok_or(StoreError::Unknown(id))?;
            if !wanted(&newest) {
                return Ok(false);
            }
            match self.record(&newest, vec![fact.clone()]).await? {
                Recorded::Applied | Recorded::Unwritten => return Ok(true),
                Recorded::Stale => {}
            }
        }
    }
}
