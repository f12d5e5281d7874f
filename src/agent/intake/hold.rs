//! Firings that are held back: written down before their feed goes on, and told when their silence is over.

use jiff::Timestamp;

use super::{Intake, is_known, same_match};
use crate::agent::chain_of;
use crate::agent::store::StoreError;
use crate::domain::condition::{HeldBack, Match};

/// Firings written with one append.
const HELD_AT_ONCE: usize = 200;

impl Intake {
    /// Says to the conditions what is silenced at this time.
    pub(super) fn heed_silences(&mut self, at: Timestamp) {
        let silences = self.agent.silences.look(|silences| silences.scopes(at));
        self.matcher.silence(silences);
    }

    /// Reads on who silenced what, and says which silences are over. A journal that cannot be read now changes nothing:
    /// what is known holds to its end.
    pub(super) async fn follow_silences(&mut self, now: Timestamp) {
        if !self.agent.store.journal_rests() {
            let followed = match self.agent.silences.sync().await {
                Ok(()) => self.agent.silences.tell_over(&self.agent.store, now).await,
                Err(error) => Err(error),
            };
            if let Err(error) = followed {
                tracing::warn!(error = %chain_of(&error), "silences cannot be followed; those that are known hold to their end");
            }
        }
        self.heed_silences(now);
    }

    /// Takes what was held back, to be written down.
    pub(super) fn hold(&mut self) {
        for held in self.matcher.take_held() {
            if self.held.iter().any(|waiting| waiting.is_same(&held)) {
                continue;
            }
            let matched = &held.matched;
            tracing::info!(runbook = %matched.runbook, condition = %matched.condition, contract = %matched.contract, because = %matched.because, "a firing is held back");
            self.taken.held = self.taken.held.saturating_add(1);
            self.held.push_back(held);
        }
    }

    /// The same while a fact of before the start is taken back in: only what nobody wrote down before a crash.
    pub(super) fn hold_again(&mut self, seq: u64, told: &[Match]) {
        let missing = seq > self.agent.silences.held_seq();
        for held in self.matcher.take_held() {
            let fired = told.iter().any(|then| same_match(then, &held.matched));
            if missing && !fired && !is_known(&self.agent, &held.matched) {
                self.held.push_back(held);
            }
        }
    }

    /// Writes what was held back.
    pub(super) async fn write_held(&mut self) -> Result<(), StoreError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let now = self.agent.clock.now();
        while !self.held.is_empty() {
            let part: Vec<HeldBack> = self.held.iter().take(HELD_AT_ONCE).cloned().collect();
            self.agent.silences.held(&self.agent.store, now, &part).await?;
            self.held.drain(..part.len());
        }
        Ok(())
    }
}
