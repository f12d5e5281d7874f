//! What alerts are believed: the chain is asked about their blocks, and what is taken back later is told.

use std::collections::BTreeMap;

use super::{Intake, Judged};
use crate::agent::store::{Recorded, StoreError};
use crate::agent::{Agent, chain_of};
use crate::domain::alert::Alert;
use crate::domain::condition::{BlockId, Canonicity, Known, Match, Note, Observation, Why, Withdrawal};
use crate::domain::incident::{Actor, Fact, Incident, IncidentId};

impl Intake {
    /// Tries again what could not be written, asks again what was not known, and listens for silence.
    pub async fn retry(&mut self) {
        let now = self.agent.clock.now();
        self.follow_silences(now).await;
        let silences = self.matcher.tick(now);
        self.wait_for(silences);
        for block in self.unsure.due(now) {
            let answer = self.blocks.ask_again(&block).await;
            if answer == Canonicity::Unknown {
                continue;
            }
            self.unsure.remove(&block);
            let (matches, withdrawn) = self.matcher.learn(&block, answer);
            self.wait_for(matches);
            self.withdrawn.extend(withdrawn);
        }
        self.hold();
        if let Err(error) = self.take_up().await {
            tracing::warn!(error = %chain_of(&error), matches = self.waiting.len(), "matches still wait for the journal");
        }
    }

    fn wait_for(&mut self, matches: Vec<Match>) {
        self.taken.matches = self.taken.matches.saturating_add(matches.len() as u64);
        self.waiting.extend(matches);
    }

    /// Observes alerts; gives the new ones that a window holds.
    pub(super) async fn judge(&mut self, alerts: Vec<Alert>) -> Vec<Judged> {
        let mut judged = Vec::new();
        let mut answers: BTreeMap<BlockId, Canonicity> = BTreeMap::new();
        self.heed_silences(self.agent.clock.now());
        for alert in alerts {
            self.taken.alerts += 1;
            let look = self.matcher.look(&alert);
            let asked = self.matcher.asks(&alert, &look);
            let block_is = match asked {
                Some(block) => match answers.get(&block) {
                    Some(answer) => *answer,
                    None => {
                        let answer = self.blocks.ask(&block).await;
                        answers.insert(block, answer);
                        answer
                    }
                },
                None => Canonicity::Canonical,
            };
            let now = self.agent.clock.now();
            let Observation { kept, repeated, again: _, matches, notes, withdrawn } =
                self.matcher.observe_looked_up(&alert, look, &Known { block: block_is, now: Some(now) });
            // Taken up all the same where the alert was known: a silence may end with it.
            self.wait_for(matches.clone());
            self.withdrawn.extend(withdrawn);
            self.note_dropped(&notes);
            self.unjudged.note(&notes);
            if repeated {
                self.taken.repeated += 1;
                continue;
            }
            if let (Some(block), Canonicity::Unknown, true) = (asked, block_is, kept) {
                self.taken.unknown_blocks += 1;
                self.unsure.add(block, now);
            }
            if kept {
                self.came_again(&alert, block_is);
                self.taken.kept += 1;
                judged.push(Judged { alert, block_is, matches });
            }
        }
        self.hold();
        judged
    }

    /// Counts trails that had to make room. It is said when it begins, and each time it has doubled.
    fn note_dropped(&mut self, notes: &[Note]) {
        for note in notes {
            let Why::TrailDropped { cut_short, .. } = &note.why else { continue };
            self.taken.trails_dropped = self.taken.trails_dropped.saturating_add(1);
            self.taken.trails_cut_short = self.taken.trails_cut_short.saturating_add(u64::from(*cut_short));
            if self.taken.trails_dropped.is_power_of_two() {
                let (dropped, cut_short) = (self.taken.trails_dropped, self.taken.trails_cut_short);
                tracing::warn!(runbook = %note.runbook, condition = %note.condition, why = %note.why, dropped, cut_short, "a sequence has more trails than are kept: firings of it may be missed");
            }
        }
    }

    /// Tells those who were asked to act on a match what was taken back of it.
    pub(super) async fn tell_withdrawn(&mut self) -> Result<(), StoreError> {
        while let Some(withdrawal) = self.withdrawn.front() {
            annotate(&self.agent, withdrawal, "were taken back").await?;
            self.withdrawn.pop_front();
        }
        while let Some(returned) = self.returned.front() {
            annotate(&self.agent, returned, "are on the chain again").await?;
            self.returned.pop_front();
        }
        Ok(())
    }
}

/// Notes in the incidents that rest on it that an alert was taken back, once each: after a restart the chain is asked
/// again. Nothing is undone: whether it was an attack is for people to decide.
async fn annotate(agent: &Agent, withdrawal: &Withdrawal, what: &str) -> Result<(), StoreError> {
    let Withdrawal { alerts, condition, because, .. } = withdrawal;
    let text = format!("{} alert(s) of condition {condition} {what}: {because}", alerts.len());
    let concerned: Vec<_> =
        agent.store.all().iter().filter(|one| rests_on(one, withdrawal)).map(|one| one.id).collect();
    for id in concerned {
        while let Some(incident) = agent.store.get(id).filter(|one| rests_on(one, withdrawal)) {
            if is_noted(agent, id, &text) {
                break;
            }
            let fact = Fact::Noted { text: text.clone(), by: Actor::Agent };
            match agent.store.record(id, incident.version, vec![fact], true).await? {
                Recorded::Applied | Recorded::Unwritten => break,
                Recorded::Stale => {}
            }
        }
    }
    Ok(())
}

fn rests_on(incident: &Incident, withdrawal: &Withdrawal) -> bool {
    incident.phase.is_open()
        && incident.runbook.as_ref() == Some(&withdrawal.runbook)
        && incident.contract.as_ref() == Some(&withdrawal.contract)
        && incident.matches.iter().any(|known| {
            known.condition == withdrawal.condition
                && withdrawal.alerts.iter().any(|alert| known.alerts.contains(alert))
        })
}

fn is_noted(agent: &Agent, id: IncidentId, wanted: &str) -> bool {
    let facts = agent.store.facts(id);
    facts.iter().any(|(_, fact)| matches!(fact, Fact::Noted { text, .. } if text == wanted))
}
